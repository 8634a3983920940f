package bridge

import (
	"encoding/json"
	"errors"
	"hearth/messages/wire"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"
)

type gotLine struct {
	text  string
	whole bool
}

func readLines(t *testing.T, r io.Reader, max int) []gotLine {
	t.Helper()
	lines := newLineReader(r, max)
	var got []gotLine
	for {
		piece, err := lines.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return got
		}
		got = append(got, gotLine{string(piece.text), piece.whole})
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []gotLine
	}{
		{"nothing", "", nil},
		{"empty lines", "\n\n", []gotLine{{"", true}, {"", true}}},
		{"last line without a newline", "a\nb", []gotLine{{"a", true}, {"b", true}}},
		{"carriage returns are kept", "a\r\n", []gotLine{{"a\r", true}}},
		{"exactly the limit", "12345678\n9\n", []gotLine{{"12345678", true}, {"9", true}}},
		{"exactly the limit, at the end", "12345678", []gotLine{{"12345678", true}}},
		{"one more", "123456789\nx\n", []gotLine{{"12345678", false}, {"9", false}, {"x", true}}},
		{"many pieces", "123456781234567812\n", []gotLine{{"12345678", false}, {"12345678", false}, {"12", false}}},
		{"cut between characters", "1234567äö\n", []gotLine{{"1234567", false}, {"äö", false}}},
		{"no characters to cut between", strings.Repeat("\x80", 9), []gotLine{{strings.Repeat("\x80", 8), false}, {"\x80", false}}},
	} {
		if got := readLines(t, strings.NewReader(c.in), 8); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if got := readLines(t, iotest.OneByteReader(strings.NewReader(c.in)), 8); !slices.Equal(got, c.want) {
			t.Errorf("%s, byte by byte: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestLongLinesDoNotHoldMemory(t *testing.T) {
	const max = 1 << 20
	lines := newLineReader(strings.NewReader(strings.Repeat("x", 5*max)+"\nshort\nshort\n"), max)
	for {
		piece, err := lines.next()
		if err != nil {
			break
		}
		if len(piece.text) > max || cap(lines.buf) > 3*max {
			t.Fatalf("a line of %d bytes in a buffer of %d", len(piece.text), cap(lines.buf))
		}
	}
	if cap(lines.buf) > 4*readSize {
		t.Errorf("a buffer of %d bytes after short lines", cap(lines.buf))
	}
}

func TestPayloads(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  LineMode
		line  string
		whole bool
		want  []string
	}{
		{"json", LinesJSON, ` {"a": 1}` + "\r", true, []string{`{"a": 1}`}},
		{"json scalar", LinesJSON, `7`, true, []string{`7`}},
		{"not json", LinesJSON, `Traceback <x>:`, true, []string{`"Traceback <x>:"`}},
		{"empty", LinesJSON, ``, true, []string{`""`}},
		{"two values", LinesJSON, `1 2`, true, []string{`"1 2"`}},
		{"a piece that happens to be json", LinesJSON, `123`, false, []string{`"123"`}},
		{"bytes that are not text, in json", LinesJSON, "\"\xff\"", true, []string{`"\"\ufffd\""`}},
		{"text", LinesText, `{"a":1}`, true, []string{`"{\"a\":1}"`}},
		{"bytes that are not text", LinesText, "a\xffb", true, []string{`"a\ufffdb"`}},
		{"escapes make it too long", LinesText, "\x01\x02\x03ä", true, []string{`"\u0001\u0002"`, `"\u0003ä"`}},
	} {
		var got []string
		for _, p := range (lineCodec{mode: c.mode, max: 16}).payloads([]byte(c.line), c.whole) {
			got = append(got, string(p))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestTextSurvives sends any text through reader and codec: joined again it must be the same, in frames of bounded size.
func TestTextSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const max = 64 // far more than a character, as MAX_FRAME_BYTES always is
		text := rapid.StringOfN(rapid.RuneFrom([]rune("a\x01\n\"\\<é😀")), 0, 200, -1).Draw(t, "text")
		lines := newLineReader(strings.NewReader(text), max)
		var got strings.Builder
		for {
			piece, err := lines.next()
			if err != nil {
				break
			}
			for _, payload := range (lineCodec{mode: LinesText, max: max}).payloads(piece.text, true) {
				if len(payload) > max+2 || !utf8.Valid(payload) {
					t.Fatalf("payload %q", payload)
				}
				var s string
				if err := json.Unmarshal(payload, &s); err != nil {
					t.Fatal(err)
				}
				got.WriteString(s)
			}
		}
		if want := strings.ReplaceAll(text, "\n", ""); got.String() != want {
			t.Fatalf("got %q, want %q", got.String(), want)
		}
	})
}

func TestInputLines(t *testing.T) {
	for _, c := range []struct {
		mode          LineMode
		payload, want string
	}{
		{LinesJSON, `{ "a" : [1,  "x\ny <"] }`, `{"a":[1,"x\ny <"]}` + "\n"},
		{LinesJSON, `"text"`, `"text"` + "\n"},
		{LinesJSON, "\"a\u2028b\u2029\"", `"a\u2028b\u2029"` + "\n"},
		{LinesText, "\"a\u2028b\"", "a\u2028b\n"},
		{Terminal, `"ls\r"`, "ls\r"},
		{Terminal, `"\u0003"`, "\x03"},
		{LinesText, `"ls -l \"x\""`, `ls -l "x"` + "\n"},
		{LinesText, `"two\nlines"`, "two\nlines\n"},
		{LinesText, `""`, "\n"},
		{LinesText, `{ "not": "text" }`, `{"not":"text"}` + "\n"},
		{LinesText, `null`, "null\n"},
	} {
		got, err := (lineCodec{mode: c.mode}).input(wire.Data{Payload: []byte(c.payload)})
		if err != nil || string(got) != c.want {
			t.Errorf("%s %s: %q, %v, want %q", c.mode, c.payload, got, err, c.want)
		}
	}
}
