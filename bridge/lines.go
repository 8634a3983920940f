package bridge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"
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

	// hurry, if it is there, has reads end with errNoMore when nothing has come for that long; 0 for never.
	hurry func(time.Duration)
}

// linePiece is a line without its newline, or a piece of one that was too long or that did not go on for a while.
type linePiece struct {
	text []byte
	// whole says that it is all of the line, more that the line goes on.
	whole, more bool
}

// showAfter is how long a line may stand without its end until what there is of it is shown: it may be a prompt.
const showAfter = 100 * time.Millisecond

// errNoMore ends a read for which nothing has come.
var errNoMore = errors.New("nothing came in time")

func newLineReader(r io.Reader, max int) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, readSize), max: max}
}

// next returns the next line, valid until the next call. A line longer than max, or one that stands without its end for
// showAfter where there is a hurry, comes in pieces, cut between characters. A last line without a newline counts. The error is
// io.EOF at the end, or the stream's own.
func (l *lineReader) next() (linePiece, error) {
	l.discardGiven()
	stands := false
	for !l.eol && !stands && l.err == nil && len(l.buf) <= l.max {
		part, err := l.read()
		switch {
		case err == nil:
			part, l.eol = part[:len(part)-1], true
		case errors.Is(err, errNoMore):
			stands = true
		case !errors.Is(err, bufio.ErrBufferFull):
			l.err = err
		}
		l.buf = append(l.buf, part...)
	}
	switch {
	case len(l.buf) > l.max:
		l.given, l.inside = cutAt(l.buf, l.max), true
		return linePiece{text: l.buf[:l.given], more: true}, nil
	case stands:
		l.given, l.inside = wholeCharacters(l.buf), true
		if l.given == 0 {
			return l.next() // it is the beginning of one
		}
		return linePiece{text: l.buf[:l.given], more: true}, nil
	case len(l.buf) == 0 && !l.eol && (!l.inside || l.err == nil):
		return linePiece{}, l.err
	}
	whole := !l.inside
	l.given, l.inside, l.eol = len(l.buf), false, false
	return linePiece{text: l.buf, whole: whole}, nil
}

// read reads up to the end of a line. Once something has come it does not wait long for the rest, where there is a hurry.
func (l *lineReader) read() ([]byte, error) {
	if l.hurry != nil {
		if _, err := l.in.Peek(1); err == nil {
			l.hurry(showAfter)
			defer l.hurry(0)
		}
	}
	return l.in.ReadSlice('\n')
}

// wholeCharacters is how much of a text ends between characters.
func wholeCharacters(text []byte) int {
	for n := len(text) - 1; n >= 0 && n > len(text)-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) && !utf8.FullRune(text[n:]) {
			return n
		}
	}
	return len(text)
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

// input is what an agent is given of a frame: a line with its newline, or, on a terminal, what was typed. Where a string is
// expected another payload is written as its JSON: refusing it would block all input that comes after it.
func (c lineCodec) input(d wire.Data) ([]byte, error) {
	end := "\n"
	if c.mode == Terminal {
		end = ""
	}
	if d.Bytes && c.mode != LinesJSON {
		raw, err := d.Raw()
		return append(raw, end...), err
	}
	if c.mode != LinesJSON {
		var text string
		if json.Unmarshal(d.Payload, &text) == nil && bytes.HasPrefix(d.Payload, []byte(`"`)) {
			return append([]byte(text), end...), nil
		}
	}
	var line bytes.Buffer
	if err := json.Compact(&line, d.Payload); err != nil {
		return nil, err
	}
	// To many readers of lines these two end one. In JSON they can only be within a string.
	compact := bytes.ReplaceAll(line.Bytes(), []byte("\u2028"), []byte(`\u2028`))
	return append(bytes.ReplaceAll(compact, []byte("\u2029"), []byte(`\u2029`)), end...), nil
}
