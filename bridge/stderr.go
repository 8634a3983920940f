package bridge

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

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

// How fast an agent's standard error may go into the log: so much at once, and so much a second from then on. Everybody's lines are
// in one place in the end.
const (
	stderrBurst  = 64 << 10
	stderrPerSec = 8 << 10
)

// stderrLog writes an agent's standard error into the log, as fast as it may go there. What is left out is counted.
type stderrLog struct {
	log     zerolog.Logger
	limiter *rate.Limiter
	// leftOut counts the lines since the last one that was written.
	leftOut int
}

func newStderrLog(log zerolog.Logger) *stderrLog {
	return &stderrLog{log: log.With().Str("stream", "stderr").Logger(), limiter: rate.NewLimiter(stderrPerSec, stderrBurst)}
}

func (l *stderrLog) line(text string) {
	text = clip(text, maxLogLine)
	const each = 256 // a line costs that much beside its text
	if !l.limiter.AllowN(time.Now(), len(text)+each) {
		l.leftOut++
		return
	}
	l.close()
	l.log.Info().Msg(text)
}

// close says how many lines were left out, if any were.
func (l *stderrLog) close() {
	if l.leftOut > 0 {
		l.log.Warn().Int("lines", l.leftOut).Msg("left out: the agent writes more than the log takes")
		l.leftOut = 0
	}
}

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
