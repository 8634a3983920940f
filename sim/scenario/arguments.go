package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// arguments are the words of a command after its name: plain ones by their place, and key=value ones. Double quotes hold
// words together.
type arguments struct {
	command string
	words   []string
	values  map[string]string
	// taken notes which of both were asked for.
	taken map[string]bool
}

func parse(line string) (*arguments, error) {
	a := &arguments{values: map[string]string{}, taken: map[string]bool{}}
	var words []string
	var word strings.Builder
	quoted := false
	for _, r := range line + " " {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			if word.Len() > 0 {
				words = append(words, word.String())
				word.Reset()
			}
		default:
			word.WriteRune(r)
		}
	}
	if quoted || len(words) == 0 {
		return nil, fmt.Errorf("unbalanced quotes, or nothing")
	}
	a.command = words[0]
	for _, w := range words[1:] {
		if key, value, ok := strings.Cut(w, "="); ok {
			a.values[key] = value
		} else {
			a.words = append(a.words, w)
		}
	}
	return a, nil
}

// word is the plain word at a place, counted from 0, or the fallback.
func (a *arguments) word(place int, fallback string) string {
	if place >= len(a.words) {
		return fallback
	}
	a.taken[a.words[place]] = true
	return a.words[place]
}

// has reports whether a plain word is there.
func (a *arguments) has(word string) bool {
	for _, w := range a.words {
		if w == word {
			a.taken[w] = true
			return true
		}
	}
	return false
}

// text is a key's value, or the fallback.
func (a *arguments) text(key, fallback string) string {
	value, ok := a.values[key]
	if !ok {
		return fallback
	}
	a.taken[key] = true
	return value
}

// number and duration set what they are given, if the key is there.
func (a *arguments) number(key string, set *int) error {
	text := a.text(key, "")
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%s: %q is no number", key, text)
	}
	*set = n
	return nil
}

func (a *arguments) duration(key string, set *time.Duration) error {
	text := a.text(key, "")
	if text == "" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%s: %q is no length of time", key, text)
	}
	*set = d
	return nil
}

// unused reports a word that no handler asked for: a slip of the pen would else tell another story than it seems to.
func (a *arguments) unused() error {
	for _, w := range a.words {
		if !a.taken[w] {
			return fmt.Errorf("%q means nothing here", w)
		}
	}
	for key := range a.values {
		if !a.taken[key] {
			return fmt.Errorf("%s= means nothing here", key)
		}
	}
	return nil
}
