package bridge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"hearth/messages/wire"
)

// readSize is how much is read at once; it also bounds what a lineReader holds beyond its limit.
const readSize = 32 << 10

// lineReader splits a stream into lines of at most max bytes, so that its memory is bounded whatever the agent writes.
type lineReader struct {
	in  *bufio.Reader
	max int

	buf    []byte // read, but for the part that was returned
	given  int    // how much of buf the last call returned
	eol    bool   // buf ends a line
	inside bool   // the beginning of the line in buf was returned by itself
	err    error
}

func newLineReader(r io.Reader, max int) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, readSize), max: max}
}

// next returns the next line without its newline, valid until the next call. A line longer than max comes in pieces, cut
// between characters, with whole false for each of them. A last line without a newline counts. The error is io.EOF at
// the end, or the stream's own.
func (l *lineReader) next() (line []byte, whole bool, err error) {
	l.discardGiven()
	for !l.eol && l.err == nil && len(l.buf) <= l.max {
		part, err := l.in.ReadSlice('\n')
		if err == nil {
			part, l.eol = part[:len(part)-1], true
		} else if !errors.Is(err, bufio.ErrBufferFull) {
			l.err = err
		}
		l.buf = append(l.buf, part...)
	}
	if len(l.buf) > l.max {
		l.given, l.inside = cutAt(l.buf, l.max), true
		return l.buf[:l.given], false, nil
	}
	if len(l.buf) == 0 && !l.eol {
		return nil, false, l.err
	}
	whole = !l.inside
	l.given, l.inside, l.eol = len(l.buf), false, false
	return l.buf, whole, nil
}

// discardGiven moves the rest to the front, into a small buffer again if one long line had made it large.
func (l *lineReader) discardGiven() {
	rest := l.buf[l.given:]
	into := l.buf[:0]
	if cap(l.buf) > 4*readSize && len(rest) <= readSize {
		into = nil
	}
	l.buf, l.given = append(into, rest...), 0
}

// cutAt is the largest n <= limit, but at least 1, at which text can be cut without splitting a character. Where there is
// no such place nearby, text is not UTF-8, and limit is as good as any.
func cutAt(text []byte, limit int) int {
	for n := limit; n > 0 && n > limit-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			return n
		}
	}
	return limit
}

// lineCodec turns lines into payloads and back, by AGENT_IO.
type lineCodec struct {
	mode LineMode
	// max bounds a line. A payload may have two bytes more: the quotes of a string.
	max int
}

// payloads are what an output line becomes: one payload; or several strings where the line came in pieces or its string
// would be too long, as control characters take up to six bytes each in JSON.
func (c lineCodec) payloads(line []byte, whole bool) []json.RawMessage {
	if c.mode == LinesJSON && whole && len(line) <= c.max && wire.ValidPayload(line) {
		// What a frame's reader would not take must not become one: the reader would close the socket, or leave the line out, again
		// on every replay. Bytes that are not UTF-8 can hide in a JSON string, and a line may nest as deep as decoders go, without
		// the frame around it.
		return []json.RawMessage{bytes.Clone(bytes.TrimSpace(line))}
	}
	return c.quoted(line)
}

func (c lineCodec) quoted(line []byte) []json.RawMessage {
	text := quote(line)
	if len(text) <= c.max+len(`""`) {
		return []json.RawMessage{text}
	}
	half := cutAt(line, len(line)/2) // of a line that is much longer than a character, as max is 1 KiB or more
	return append(c.quoted(line[:half]), c.quoted(line[half:])...)
}

// quote encodes text as a JSON string. What is not UTF-8 becomes U+FFFD.
func quote(text []byte) json.RawMessage {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(string(text)); err != nil {
		// Invariant: a string always encodes, and a bytes.Buffer takes every write.
		panic("bridge: quote: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// line is the input line, with its newline, that a payload becomes. In text mode a payload that is not a string is
// written as its JSON: refusing it would block all input that comes after it.
func (c lineCodec) line(payload json.RawMessage) ([]byte, error) {
	if c.mode == LinesText {
		var text string
		if json.Unmarshal(payload, &text) == nil && bytes.HasPrefix(payload, []byte(`"`)) {
			return append([]byte(text), '\n'), nil
		}
	}
	var line bytes.Buffer
	if err := json.Compact(&line, payload); err != nil {
		return nil, err
	}
	line.WriteByte('\n')
	return line.Bytes(), nil
}
