package bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"hearth/messages/wire"
	"io"
	"testing"
	"unicode/utf8"
)

// FuzzSplitCommand takes anything for a command line. Its words, quoted, are split into the same words again.
func FuzzSplitCommand(f *testing.F) {
	for _, line := range []string{
		"cat", "sh -c 'echo \"a b\"'", `a\ b "c\"d"`, "'", `"`, `\`, "", "  ", "''", "a''b", "\xff\xfe", "a\tb\nc", `'a'"b"c`, "\u00a0a",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := SplitCommand(line)
		if err != nil {
			return
		}
		if len(words) == 0 || words[0] == "" {
			t.Fatalf("%q names no program: %q", line, words)
		}
		var again bytes.Buffer
		for _, word := range words {
			again.WriteByte('"')
			for _, r := range word {
				if r == '"' || r == '\\' {
					again.WriteByte('\\')
				}
				again.WriteRune(r)
			}
			again.WriteString("\" ")
		}
		twice, err := SplitCommand(again.String())
		if err != nil || len(twice) != len(words) {
			t.Fatalf("%q gives %q, and then %q, %v", line, words, twice, err)
		}
		for i := range words {
			if words[i] != twice[i] {
				t.Fatalf("%q gives %q, and then %q", line, words, twice)
			}
		}
	})
}

// FuzzOutput takes anything for an agent's output: the lines are no longer than they may be, each becomes payloads that
// can be sent, and no text is lost.
func FuzzOutput(f *testing.F) {
	for _, output := range []string{
		"", "\n", "a line\n", "{\"a\": 1}\nnot json\n", "\"\xff\"\n", "\x00\x01\x1b[31m\n", "no newline", "1\r\n2\r\n", " [1] \n", "\"\\ud800\"\n",
		string(bytes.Repeat([]byte("\u20ac"), 3000)), string(bytes.Repeat([]byte("\x01"), 2000)), string(bytes.Repeat([]byte{0x80}, 1500)),
	} {
		f.Add([]byte(output))
	}
	const limit = 1 << 10
	f.Fuzz(func(t *testing.T, output []byte) {
		var seen []byte
		lines := newLineReader(bytes.NewReader(output), limit)
		for {
			piece, err := lines.next()
			line, whole := piece.text, piece.whole
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || len(line) > limit {
				t.Fatalf("a line of %d bytes, %v", len(line), err)
			}
			seen = append(seen, line...)
			for _, mode := range []LineMode{LinesJSON, LinesText} {
				codec := lineCodec{mode: mode, max: limit}
				var text string
				payloads := codec.payloads(line, whole)
				for _, payload := range payloads {
					if !json.Valid(payload) || !utf8.Valid(payload) || len(payload) > limit+2 || bytes.ContainsRune(payload, '\n') {
						t.Fatalf("%q becomes %q", line, payload)
					}
					var part string
					_ = json.Unmarshal(payload, &part)
					text += part
				}
				if mode == LinesText && text != string(bytes.ToValidUTF8(line, nil)) && utf8.Valid(line) {
					t.Fatalf("%q becomes %q", line, text)
				}
			}
		}
		if want := bytes.ReplaceAll(output, []byte("\n"), nil); !bytes.Equal(seen, want) {
			t.Fatalf("%q was read as %q", want, seen)
		}
	})
}

// FuzzInput takes anything for a payload that a client sends: it becomes one line, or is refused.
func FuzzInput(f *testing.F) {
	for _, payload := range []string{`"a line"`, `"two\nlines"`, `{"a": [1, 2]}`, `null`, ``, `"\ud800"`, " 1 ", "{", `"\u0000"`} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		line, err := lineCodec{mode: LinesJSON, max: 1 << 20}.input(wire.Data{Payload: payload})
		if err == nil && (!bytes.HasSuffix(line, []byte("\n")) || json.Valid(payload) && bytes.Count(line, []byte("\n")) != 1) {
			t.Fatalf("%q becomes %q", payload, line)
		}
		if line, err := (lineCodec{mode: LinesText, max: 1 << 20}).input(wire.Data{Payload: payload}); err == nil && !bytes.HasSuffix(line, []byte("\n")) {
			t.Fatalf("%q becomes %q", payload, line)
		}
	})
}

// FuzzDialAddress takes anything for a gateway's address: what passes leads to a path of the bridge's own, below it.
func FuzzDialAddress(f *testing.F) {
	for _, base := range []string{"ws://gateway:8080", "wss://gateway/base/", "ws://[::1]:1", "ws://g?x=1", "ws://g/%2e%2e", "ws://a:b@c", "ws://", "http://g", "%", ""} {
		f.Add(base)
	}
	f.Fuzz(func(t *testing.T, base string) {
		if checkBase(base) != nil {
			return
		}
		if err := checkBase(target(base, "s-1", "t-1")); err != nil {
			t.Fatalf("%q leads to %q: %v", base, target(base, "s-1", "t-1"), err)
		}
	})
}
