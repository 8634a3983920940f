// Command agent is an example of an agent, for a first session: it answers each line of JSON with a line of JSON, and keeps
// count in its workspace, so that one sees that the files stay when the task does not.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// counter is the file, in the workspace, that has the number of lines so far.
const counter = "lines"

// maxLine is longer than the bridge's longest line.
const maxLine = 2 << 20

// answer is what a line is answered with.
type answer struct {
	// Line counts this user's lines, in all sessions.
	Line int `json:"line"`
	// You is the line as it came: JSON, or the text of what is none.
	You       any    `json:"you"`
	User      string `json:"user"`
	Workspace string `json:"workspace"`
	Error     string `json:"error,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxLine)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		if err := out.Encode(reply(lines.Bytes())); err != nil {
			os.Exit(1) // nobody listens
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func reply(line []byte) answer {
	a := answer{You: json.RawMessage(line), User: os.Getenv("USER"), Workspace: os.Getenv("WORKSPACE_DIR")}
	if !json.Valid(line) {
		a.You = string(line)
	}
	var err error
	if a.Line, err = count(); err != nil {
		a.Error = err.Error()
	}
	return a
}

// count adds one to the number in the workspace, which is the working directory.
func count() (int, error) {
	text, err := os.ReadFile(counter)
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	n := 0
	if err == nil {
		if n, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return 0, fmt.Errorf("%s: %w", counter, err)
		}
	}
	n++
	return n, os.WriteFile(counter, []byte(strconv.Itoa(n)+"\n"), 0o600)
}
