package main

import (
	"bytes"
	"encoding/json"
	"io"

	"hearth/messages/wire"
)

// printer writes the agent's outputs: one a line, or as a terminal shows them.
type printer struct {
	to  io.Writer
	raw bool // strings, too, are written as JSON
}

func (p printer) print(d wire.Data, mode wire.AgentIO) error {
	payload := d.Payload
	if d.Bytes && !p.raw {
		raw, err := d.Raw()
		if err == nil {
			_, err = p.to.Write(raw)
		}
		return err
	}
	if !p.raw && len(payload) > 0 && payload[0] == '"' {
		var text string
		if err := json.Unmarshal(payload, &text); err != nil {
			return err
		}
		if mode != wire.IOTerminal && !d.More {
			text += "\n"
		}
		_, err := io.WriteString(p.to, text)
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
