package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep arrays and objects may nest in a payload. A frame's own object is one level more, and decoders
// commonly stop at 10,000.
const maxDepth = 9_999

// maxSeq is the highest number that a line can have: what every JSON reader takes exactly (RFC 8259, 6). At a thousand lines a
// second it lasts for 285,000 years, and no sum of two overflows.
const maxSeq = 1<<53 - 1

var errSeqTooLarge = errors.New("seq is larger than 2^53-1")

// payloadOptions take a payload as it came: that a user's object has a name twice, or half a surrogate pair escaped, is the
// user's business. They let bytes pass that are not UTF-8, too, which is looked for apart.
var payloadOptions = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// ValidPayload reports whether text is a payload: one JSON value in UTF-8 that can be read inside of a frame. A bridge asks it
// of an agent's line.
func ValidPayload(text []byte) bool {
	return isPlainString(text) || utf8.Valid(text) && !tooDeep(text) && jsontext.Value(text).IsValid(payloadOptions)
}

// isPlainString reports whether text is a JSON string of nothing but ASCII without escapes, which most lines are. It looks at eight
// bytes at a time.
func isPlainString(text []byte) bool {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return false
	}
	text = text[1 : len(text)-1]
	for ; len(text) >= 8; text = text[8:] {
		if !allPlain(binary.LittleEndian.Uint64(text)) {
			return false
		}
	}
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// allPlain reports whether each of eight bytes may stand for itself in a JSON string: it is ASCII, and neither a control character nor a
// quote or a backslash. A byte below another one borrows from its high bit when that is subtracted.
func allPlain(eight uint64) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	quotes, backslashes := eight^each*'"', eight^each*'\\'
	return (eight|(eight-each*' ')|(quotes-each)|(backslashes-each))&high == 0
}

// tooDeep reports whether a JSON text nests deeper than maxDepth. Few have that many brackets at all, which is quickly seen.
func tooDeep(text []byte) bool {
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) <= maxDepth {
		return false
	}
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

// UnreadableError is a data frame that was numbered and cannot be read. Whoever gets it answers for the number: a line that is
// lost must not be missing in silence.
type UnreadableError struct {
	Seq uint64
	Err error
}

// Error says what is wrong with the frame, without quoting it.
func (e *UnreadableError) Error() string {
	return "data " + strconv.FormatUint(e.Seq, 10) + ": " + e.Err.Error()
}

// Unwrap gives what is wrong with the frame.
func (e *UnreadableError) Unwrap() error { return e.Err }

// head is what every frame is looked at for first. It holds all of data and ack, the two frames of the hot path.
type head struct {
	kind    string
	seq     uint64
	hasSeq  bool
	ack     uint64
	payload []byte
	base64  []byte
	stream  string
	more    bool
}

// readHead reads a frame's type and, where it has them, its seq and payload, which is a part of raw.
func readHead(raw []byte) (head, error) {
	if h, ok := readPlain(raw); ok {
		return h, nil
	}
	h, err := readMembers(raw)
	if err != nil && (h.kind == "" || h.seq == 0) {
		h, _ = readMembers(withoutNested(raw)) // they may stand behind what cannot be read
	}
	if err != nil && (h.kind == "data" || h.kind == "bytes") && h.seq > 0 {
		return h, &UnreadableError{Seq: h.seq, Err: err}
	}
	return h, err
}

// The beginnings of data and ack, and the middle of data, as AppendFrame writes them.
const (
	plainDataStart   = `{"type":"data","seq":`
	plainDataAck     = `,"ack":`
	plainDataPayload = `,"payload":`
	plainAckStart    = `{"type":"ack","seq":`
)

// readPlain reads a data or ack frame that is written as AppendFrame does it, which most are, in one pass. Anything else it leaves to
// readMembers: what follows the payload's name is not one JSON value then.
func readPlain(raw []byte) (head, bool) {
	if rest, ok := bytes.CutPrefix(raw, []byte(plainAckStart)); ok {
		seq, end, ok := cutSeq(rest)
		return head{kind: "ack", seq: seq, hasSeq: true}, ok && string(end) == "}"
	}
	rest, ok := bytes.CutPrefix(raw, []byte(plainDataStart))
	if !ok {
		return head{}, false
	}
	seq, rest, ok := cutSeq(rest)
	if !ok {
		return head{}, false
	}
	var ack uint64
	if after, acks := bytes.CutPrefix(rest, []byte(plainDataAck)); acks {
		if ack, rest, ok = cutSeq(after); !ok {
			return head{}, false
		}
	}
	payload, ok := bytes.CutPrefix(rest, []byte(plainDataPayload))
	if !ok || len(payload) == 0 || payload[len(payload)-1] != '}' {
		return head{}, false
	}
	payload = payload[:len(payload)-1]
	if !ValidPayload(payload) {
		return head{}, false
	}
	return head{kind: "data", seq: seq, hasSeq: true, ack: ack, payload: payload}, true
}

// cutSeq cuts a number that a line can have off the beginning of a text.
func cutSeq(text []byte) (seq uint64, rest []byte, ok bool) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		seq = seq*10 + uint64(text[digits]-'0')
		if digits++; seq > maxSeq {
			return 0, nil, false
		}
	}
	return seq, text[digits:], digits > 0 && text[0] != '0'
}

var errNotObject = errors.New("frame: not a JSON object")

// withoutNested is a frame with 0 for each array and object in it, however deep and wrong they are.
func withoutNested(raw []byte) (flat []byte) {
	depth, inString := 0, false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		opens, closes := !inString && (c == '[' || c == '{'), !inString && (c == ']' || c == '}')
		if closes {
			depth--
		}
		switch {
		case opens && depth == 1:
			flat = append(flat, '0')
		case depth < 1, depth == 1 && !closes:
			flat = append(flat, c)
		}
		switch {
		case opens:
			depth++
		case c == '"':
			inString = !inString
		case inString && c == '\\' && i+1 < len(raw):
			if i++; depth == 1 {
				flat = append(flat, raw[i])
			}
		}
	}
	return flat
}

// readMembers reads any frame. Names match exactly, and none comes twice: two readers of one frame must not understand
// different things. What was read beside an error is returned with it, of what comes twice the first.
func readMembers(raw []byte) (h head, err error) {
	in := jsontext.NewDecoder(bytes.NewBuffer(raw), payloadOptions)
	if in.PeekKind() != '{' {
		if _, err := in.ReadValue(); err != nil && !errors.Is(err, io.EOF) {
			return h, plainError("frame", err)
		}
		return h, errNotObject
	}
	if _, err := in.ReadToken(); err != nil {
		return h, plainError("frame", err)
	}
	var problem error // the first
	note := func(err error) {
		if problem == nil {
			problem = err
		}
	}
	seen := map[string]bool{}
	for in.PeekKind() != '}' {
		token, err := in.ReadToken()
		if err != nil {
			return h, plainError("frame", err)
		}
		name := token.String()
		value, err := in.ReadValue()
		switch {
		case err != nil:
			note(plainError("frame", err))
			return h, problem
		case seen[name]:
			note(errors.New("frame: a name comes twice"))
		default:
			note(h.set(name, value))
		}
		seen[name] = true
	}
	if _, err := in.ReadToken(); err != nil {
		return h, plainError("frame", err)
	}
	if _, err := in.ReadToken(); !errors.Is(err, io.EOF) {
		return h, fmt.Errorf("frame: not JSON at byte %d", in.InputOffset())
	}
	return h, problem
}

// set takes in one member of a frame.
func (h *head) set(name string, value jsontext.Value) error {
	switch name {
	case "type":
		if value.Kind() != '"' {
			return errors.New(`frame: field "type" must be string`)
		}
		kind, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return plainError("frame", err)
		}
		h.kind = string(kind)
	case "seq":
		seq, err := parseSeq(name, value)
		if err != nil {
			return err
		}
		h.seq, h.hasSeq = seq, true
	case "ack":
		ack, err := parseSeq(name, value)
		if err != nil {
			return err
		}
		h.ack = ack
	case "payload":
		switch {
		case tooDeep(value):
			return fmt.Errorf("frame: payload nests deeper than %d", maxDepth)
		case !utf8.Valid(value):
			return errors.New("frame: payload is not UTF-8")
		}
		h.payload = value
	case "base64":
		if value.Kind() != '"' {
			return errors.New(`frame: field "base64" must be string`)
		}
		h.base64 = value
	case "stream":
		stream, err := jsontext.AppendUnquote(nil, value)
		if value.Kind() != '"' || err != nil {
			return errors.New(`frame: field "stream" must be string`)
		}
		h.stream = string(stream)
		cut(&h.stream, maxWord)
	case "more":
		kind := value.Kind()
		if kind != 't' && kind != 'f' {
			return errors.New(`frame: field "more" must be bool`)
		}
		h.more = kind == 't'
	}
	return nil
}

// parseSeq reads a member that is a line's number.
func parseSeq(name string, value jsontext.Value) (uint64, error) {
	seq, err := strconv.ParseUint(string(value), 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("frame: field %q must be uint64", name)
	case seq > maxSeq:
		return 0, fmt.Errorf("%s is larger than 2^53-1", name)
	}
	return seq, nil
}

// data is the frame as data or bytes.
func (h *head) data() (Frame, error) {
	payload := h.payload
	if h.kind == "bytes" {
		payload = h.base64
	}
	switch {
	case h.hasSeq && h.seq == 0:
		return nil, fmt.Errorf("%s: seq starts at 1", h.kind)
	case payload == nil:
		return nil, h.unreadable(errors.New("no payload"))
	}
	d := Data{Seq: h.seq, Ack: h.ack, Payload: bytes.Clone(payload), Bytes: h.kind == "bytes", Stream: Stream(h.stream), More: h.more}
	if d.Bytes {
		if _, err := d.Raw(); err != nil {
			return nil, h.unreadable(err)
		}
	}
	return d, nil
}

// unreadable keeps the number of a frame that has one.
func (h *head) unreadable(err error) error {
	if h.seq > 0 {
		return &UnreadableError{Seq: h.seq, Err: err}
	}
	return fmt.Errorf("%s: %w", h.kind, err)
}

// Raw are the bytes of a frame of type bytes.
func (d Data) Raw() ([]byte, error) {
	if len(d.Payload) < len(`""`) {
		return nil, errNotBase64
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(d.Payload[1 : len(d.Payload)-1]))
	if err != nil {
		return nil, errNotBase64
	}
	return raw, nil
}

// NewBytes makes a frame of type bytes.
func NewBytes(raw []byte) Data {
	payload := make([]byte, 0, len(`""`)+base64.StdEncoding.EncodedLen(len(raw)))
	payload = base64.StdEncoding.AppendEncode(append(payload, '"'), raw)
	return Data{Bytes: true, Payload: append(payload, '"')}
}

var errNotBase64 = errors.New("not base64")
