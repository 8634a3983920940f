package bridge

import (
	"strings"
	"sync"
	"unicode/utf8"

	"hearth/messages/wire"
)

// tailSize is how much of the agent's standard error goes into exit.
const tailSize = 4 << 10

// tail keeps the end of a stream of lines.
type tail struct{ text []byte }

func (t *tail) add(line string) {
	if len(line) > tailSize {
		line = line[len(line)-tailSize:]
	}
	t.text = append(append(t.text, line...), '\n')
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
}

func (t *tail) String() string { return strings.ToValidUTF8(string(t.text), "") }

// minSecret is the length from which on a token is hidden in text. Shorter ones would blot out ordinary words, and are no
// secrets.
const minSecret = 8

// redactor hides the user's tokens in what the agent writes to its standard error, which goes into logs.
type redactor struct {
	mu     sync.Mutex
	tokens [2]string // the newest and the one before it, which the agent may still be using
}

func (r *redactor) add(token wire.Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens[0], r.tokens[1] = string(token), r.tokens[0]
}

func (r *redactor) clean(line string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, token := range r.tokens {
		if len(token) >= minSecret {
			line = strings.ReplaceAll(line, token, wire.Secret(token).String())
		}
	}
	return line
}

// clip shortens a line for the log.
func clip(line string, max int) string {
	if len(line) <= max {
		return line
	}
	cut := max
	for cut > 0 && !utf8.RuneStart(line[cut]) {
		cut--
	}
	return line[:cut] + "…"
}
