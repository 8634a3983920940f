package main

import (
	"bytes"
	"encoding/json"
	"io"
)

// printer writes the agent's outputs, one a line.
type printer struct {
	to  io.Writer
	raw bool // strings, too, are written as JSON
}

func (p printer) print(payload json.RawMessage) error {
	if !p.raw && len(payload) > 0 && payload[0] == '"' {
		var text string
		if err := json.Unmarshal(payload, &text); err != nil {
			return err
		}
		_, err := io.WriteString(p.to, text+"\n")
		return err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, payload); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := p.to.Write(line.Bytes())
	return err
}
