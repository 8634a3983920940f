package scenario

import (
	"fmt"
	"strings"
)

// separator is the line between a command and its trace.
const separator = "----"

// Play runs a story and gives it back with the traces that its commands gave. An error names the line that cannot be
// played; what the gateway does wrong is no error, but shows in a trace.
func Play(text string) (string, error) {
	var played strings.Builder
	e := &env{}
	defer e.close()
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" || strings.HasPrefix(line, "#") {
			played.WriteString(line)
			if i < len(lines)-1 {
				played.WriteByte('\n')
			}
			continue
		}
		trace, err := e.play(line)
		if err != nil {
			return "", fmt.Errorf("line %d: %s: %w", i+1, line, err)
		}
		fmt.Fprintf(&played, "%s\n%s\n%s\n", line, separator, trace)
		i = endOfTrace(lines, i)
	}
	return played.String(), nil
}

// endOfTrace is the last line of a command's old trace, if it has one.
func endOfTrace(lines []string, command int) int {
	if command+1 == len(lines) || lines[command+1] != separator {
		return command
	}
	last := command + 1
	for last+1 < len(lines) && lines[last+1] != "" {
		last++
	}
	return last
}

// play runs one command and gives its trace without the last line's end.
func (e *env) play(line string) (string, error) {
	a, err := parse(line)
	if err != nil {
		return "", err
	}
	handle := commands[a.command]
	switch {
	case handle == nil:
		return "", fmt.Errorf("no such command")
	case e.model == nil && a.command != "gateway":
		return "", fmt.Errorf("the first command must be gateway")
	}
	e.trace.Reset()
	if err := handle(e, a); err != nil {
		return "", err
	}
	if err := a.unused(); err != nil {
		return "", err
	}
	if e.trace.Len() == 0 {
		return "(nothing)", nil
	}
	return strings.TrimSuffix(e.trace.String(), "\n"), nil
}
