package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// maxLine bounds a line of input, in bytes. Gateways take less.
const maxLine = 4 << 20

// linesOf gives a reader's lines one by one, and io.EOF after the last.
func linesOf(from io.Reader) func() (string, error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	return func() (string, error) {
		if lines.Scan() {
			return lines.Text(), nil
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return "", fmt.Errorf("a line is longer than %d MiB", maxLine>>20)
		case err != nil:
			return "", err
		}
		return "", io.EOF
	}
}

// feed sends every line as encode has it and waits until the agent has been given the last. A line of which encode makes nothing is
// passed over.
func feed(ctx context.Context, session *client.Session, next func() (string, error), encode func(string) (json.RawMessage, error)) error {
	for number := 1; ; number++ {
		line, err := next()
		if err == io.EOF {
			return session.Flush(ctx)
		}
		if err != nil {
			return err
		}
		payload, err := encode(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if payload == nil {
			continue
		}
		if err := session.Send(ctx, payload); err != nil {
			return err
		}
	}
}

// encoder makes payloads of lines: strings, or, if they are JSON already, what they are, as far as the agent can take that.
func encoder(isJSON bool, io wire.AgentIO) func(string) (json.RawMessage, error) {
	if !isJSON {
		return func(line string) (json.RawMessage, error) { return quote(line), nil }
	}
	return func(line string) (json.RawMessage, error) {
		payload := json.RawMessage(strings.TrimSpace(line))
		switch {
		case len(payload) == 0:
			return nil, nil
		case !json.Valid(payload):
			return nil, errors.New("this is not JSON")
		case io == wire.IOText && payload[0] != '"':
			return nil, errors.New("this agent takes text: only a JSON string can be its input")
		}
		return payload, nil
	}
}

// quote makes a JSON string of a line. HTML's characters stay as they are, or they would take six bytes each.
func quote(line string) json.RawMessage {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(line) // neither a string nor a buffer can fail
	return bytes.TrimSpace(text.Bytes())
}
