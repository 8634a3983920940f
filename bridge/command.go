package bridge

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// unreadable are the files of this machine that the agent is told of by its command, such as a script for an interpreter, and cannot
// read where it runs.
func (b *bridge) unreadable() (paths []string) {
	words, err := SplitCommand(b.cfg.AgentCommand)
	if err != nil {
		return nil // the configuration was validated; and an empty command fails elsewhere
	}
	for _, word := range words[min(1, len(words)):] {
		if _, err := os.Stat(word); err == nil && filepath.IsAbs(word) && !b.plan.Readable(word) {
			paths = append(paths, word)
		}
	}
	return paths
}

// SplitCommand splits a command line into words as a shell would, but without one: blanks separate; single quotes keep
// everything; within double quotes, and outside of quotes, a backslash takes the next character as it is. Nothing is
// expanded. An image without a shell works, and no variable can smuggle in a second command.
func SplitCommand(line string) ([]string, error) {
	var (
		words  []string
		word   strings.Builder
		inWord bool
		quote  rune
		escape bool
	)
	for _, r := range line {
		switch {
		case escape:
			word.WriteRune(r)
			escape = false
		case r == '\\' && quote != '\'':
			escape, inWord = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if escape {
		return nil, errors.New("nothing follows the last backslash")
	}
	if inWord {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("names no program")
	}
	return words, nil
}
