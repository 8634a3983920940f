package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decoder reads one typed frame from the whole of its JSON text.
type decoder func(raw []byte) (Frame, error)

// What each end of the wire understands. Everything else of a type is Unknown there.
var (
	fromClient = map[string]decoder{
		"hello": decode[Hello], "token": decode[Token], "close": decode[Close], "ping": decode[Ping], "pong": decode[Pong],
		"resize": decode[Resize], "signal": decode[Signal], "eof": decode[EOF],
	}
	toClient = map[string]decoder{
		"session": decode[Session], "status": decode[Status], "ready": decode[Ready], "gap": decode[Gap],
		"exit": decode[Exit], "error": decode[Error], "bye": decode[Bye], "ping": decode[Ping], "pong": decode[Pong],
	}
	fromBridge = map[string]decoder{
		"hello": decode[BridgeHello], "accepted": decode[Accepted], "ready": decode[BridgeReady],
		"init_failed": decode[InitFailed], "gap": decode[Gap], "exit": decode[Exit], "keepalive": decode[Keepalive],
		"gone": decode[Gone], "fence": decode[Fence],
	}
	toBridge = map[string]decoder{
		"init_user": decode[InitUser], "resume": decode[Resume], "token": decode[Token], "stop": decode[Stop],
		"redial": decode[Redial], "pass": decode[Pass], "limits": decode[Limits], "proceed": decode[Proceed],
		"resize": decode[Resize], "signal": decode[Signal], "eof": decode[EOF],
	}
)

// DecodeFromClient reads a frame that a client sent to the gateway. Like its three siblings it copies what it keeps, so
// that the caller may reuse raw, and its errors never quote the frame, which may hold a token.
func DecodeFromClient(raw []byte) (Frame, error) { return decodeWith(fromClient, raw) }

// DecodeToClient reads a frame that the gateway sent to a client.
func DecodeToClient(raw []byte) (Frame, error) { return decodeWith(toClient, raw) }

// DecodeFromBridge reads a frame that a bridge sent to the gateway.
func DecodeFromBridge(raw []byte) (Frame, error) { return decodeWith(fromBridge, raw) }

// DecodeToBridge reads a frame that the gateway sent to a bridge.
func DecodeToBridge(raw []byte) (Frame, error) { return decodeWith(toBridge, raw) }

func decodeWith(decoders map[string]decoder, raw []byte) (Frame, error) {
	h, err := readHead(raw)
	if err != nil {
		return nil, err
	}
	switch h.kind {
	case "":
		return nil, errors.New("frame: no type")
	case "data", "bytes":
		return h.data()
	case "ack":
		if !h.hasSeq {
			return nil, errors.New("ack: no seq")
		}
		return Ack{Seq: h.seq}, nil
	}
	decode, known := decoders[h.kind]
	if !known {
		return Unknown{Type: h.kind}, nil
	}
	return decode(raw)
}

func decode[F Frame](raw []byte) (Frame, error) {
	var f F
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, plainError(f.FrameType(), err)
	}
	if b, ok := any(&f).(interface{ bound() }); ok {
		b.bound()
	}
	if v, ok := any(f).(interface{ validate() error }); ok {
		if err := v.validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", f.FrameType(), err)
		}
	}
	return f, nil
}

// plainError names what is wrong with a frame without quoting it: the decoder's own errors carry names and values.
func plainError(frame string, err error) error {
	var wrong *json.SemanticError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s: field %q must be %s", frame, strings.TrimPrefix(string(wrong.JSONPointer), "/"), wrong.GoType)
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("%s: a name comes twice", frame)
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: not JSON at byte %d", frame, syntax.ByteOffset)
	}
	return fmt.Errorf("%s: not JSON at byte 0", frame)
}

// AppendFrame appends f's JSON text to dst. A payload goes out as it came in, without being encoded again.
func AppendFrame(dst []byte, f Frame) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, f.FrameType()...)
	dst = append(dst, '"')
	if d, ok := f.(Data); ok {
		if d.Seq != 0 {
			dst = append(dst, `,"seq":`...)
			dst = strconv.AppendUint(dst, d.Seq, 10)
		}
		if d.Ack != 0 {
			dst = append(dst, plainDataAck...)
			dst = strconv.AppendUint(dst, d.Ack, 10)
		}
		return append(d.appendRest(dst), '}')
	}
	if ack, ok := f.(Ack); ok {
		return append(strconv.AppendUint(append(dst, `,"seq":`...), ack.Seq, 10), '}')
	}
	fields, err := json.Marshal(f, jsontext.AllowInvalidUTF8(true)) // what is not UTF-8 becomes U+FFFD
	if err != nil {
		// Invariant: frames are plain structs of strings, numbers and booleans, which always encode.
		panic(fmt.Sprintf("wire: encode %s: %v", f.FrameType(), err))
	}
	if len(fields) > len("{}") {
		dst = append(dst, ',')
	}
	return append(dst, fields[1:]...)
}

// appendRest appends the members of d after its seq and ack.
func (d Data) appendRest(dst []byte) []byte {
	if d.Bytes {
		dst = append(dst, `,"base64":`...)
	} else {
		dst = append(dst, `,"payload":`...)
	}
	dst = append(dst, d.Payload...)
	if d.Stream != "" {
		dst = append(dst, `,"stream":`...)
		dst, _ = jsontext.AppendQuote(dst, d.Stream) // what is not UTF-8 becomes U+FFFD
	}
	if d.More {
		dst = append(dst, `,"more":true`...)
	}
	return dst
}

// What a frame may have of free text: it goes into logs, to operators and to clients. More is cut off, and the cut is marked.
const (
	maxWord   = 128
	maxText   = 1 << 10
	maxStderr = 4 << 10
)

// cut shortens a text to max bytes, between characters, and marks that it did.
func cut(text *string, max int) {
	const mark = "…"
	if len(*text) <= max {
		return
	}
	n := max - len(mark)
	for n > 0 && !utf8.RuneStart((*text)[n]) {
		n--
	}
	*text = (*text)[:n] + mark
}

func (h *BridgeHello) bound() {
	cut(&h.Version, maxWord)
	cut(&h.Code, maxWord)
	cut(&h.Message, maxText)
	io := string(h.IO)
	cut(&io, maxWord)
	h.IO = AgentIO(io)
}

func (f *InitFailed) bound() {
	cut(&f.Code, maxWord)
	cut(&f.Message, maxText)
}

// bound keeps the end of standard error: that is where the reason is.
func (e *Exit) bound() {
	cut(&e.Signal, maxWord)
	if extra := len(e.Stderr) - maxStderr; extra > 0 {
		for extra < len(e.Stderr) && !utf8.RuneStart(e.Stderr[extra]) {
			extra++
		}
		e.Stderr = e.Stderr[extra:]
	}
}

func (s *Stop) bound() { cut(&s.Reason, maxText) }

func (e *Error) bound() {
	word := string(e.Code)
	cut(&word, maxWord)
	e.Code = ErrorCode(word)
	cut(&e.Message, maxText)
}

func (h Hello) validate() error {
	if h.LastSeq > maxSeq {
		return errSeqTooLarge
	}
	if err := h.Window.validateIfTold(); err != nil {
		return err
	}
	if h.SessionID == "" {
		return nil
	}
	return checkID("sessionId", string(h.SessionID))
}

func (s Session) validate() error {
	if s.LastSeq > maxSeq {
		return errSeqTooLarge
	}
	return checkID("sessionId", string(s.SessionID))
}

func (r Resume) validate() error {
	if r.FromSeq > maxSeq {
		return errSeqTooLarge
	}
	return nil
}

func (t Token) validate() error {
	if t.Token == "" {
		return errors.New("no token")
	}
	return nil
}

func (g Gap) validate() error {
	if g.From == 0 || g.To < g.From || g.To > maxSeq {
		return errors.New("from and to are not a range")
	}
	return nil
}

// isLevels reports whether text can be a bridge's isolation. A bridge may be newer, and have levels that nobody here knows.
func isLevels(text string) bool {
	return len(text) <= 100 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz,") == ""
}

func (h BridgeHello) validate() error {
	if err := checkID("taskId", string(h.TaskID)); err != nil {
		return err
	}
	if h.InSeq > maxSeq || h.OutSeq > maxSeq {
		return errSeqTooLarge
	}
	if h.MaxFrameBytes < 0 {
		return errors.New("maxFrameBytes: not a size")
	}
	if !isMillis(h.SuspendedMs) {
		return errors.New("suspendedMs: not a time")
	}
	if !isLevels(h.Isolation) {
		return errors.New("isolation: not a list of levels")
	}
	switch h.State {
	case BridgeWarm, BridgeFailed:
		return nil
	case BridgeAssigned:
		if !ValidUserID(string(h.UserID)) {
			return errors.New("userId: not a user id")
		}
		return checkID("sessionId", string(h.SessionID))
	}
	return errors.New("state: none of warm, assigned and failed")
}

func (r Resize) validate() error {
	if r.Cols < 1 || r.Rows < 1 || r.Cols > maxWindow || r.Rows > maxWindow {
		return fmt.Errorf("cols and rows must be within 1 and %d", maxWindow)
	}
	return nil
}

// validateIfTold checks the window of a frame that may have none.
func (r Resize) validateIfTold() error {
	if r == (Resize{}) {
		return nil
	}
	return r.validate()
}

func (s Signal) validate() error {
	if !signals[s.Name] {
		return errors.New("name: no signal that can be sent (INT, QUIT, TERM, HUP, KILL, USR1, USR2, TSTP, CONT)")
	}
	return nil
}

func (e EOF) validate() error {
	if e.After > maxSeq {
		return errSeqTooLarge
	}
	return nil
}

func (l Limits) validate() error {
	if l.MaxFrameBytes <= 0 {
		return errors.New("maxFrameBytes: not a size")
	}
	if !isMillis(l.LeaseMs) || !isMillis(l.OrphanMs) {
		return errors.New("leaseMs, orphanMs: not a time")
	}
	return nil
}

// isMillis reports whether n is a time in milliseconds that can be counted with, 34 years at most.
func isMillis(n int64) bool { return n >= 0 && n <= 1<<40 }

func (p Pass) validate() error {
	if p.Pass == "" {
		return errors.New("no pass")
	}
	return nil
}

func (i InitUser) validate() error {
	if !ValidUserID(string(i.UserID)) {
		return errors.New("userId: not a user id")
	}
	if i.InSeq > maxSeq || i.OutSeq > maxSeq {
		return errSeqTooLarge
	}
	if i.WorkspaceDir == "" {
		return errors.New("no workspaceDir")
	}
	if err := i.Window.validateIfTold(); err != nil {
		return err
	}
	return checkID("sessionId", string(i.SessionID))
}

func (a Accepted) validate() error { return checkID("sessionId", string(a.SessionID)) }

// maxTimingMs is longer than any phase of a start, and keeps sums of phases from overflowing.
const maxTimingMs = 24 * 60 * 60 * 1000

func (r BridgeReady) validate() error {
	for _, ms := range []int64{r.Timings.WorkspaceMs, r.Timings.TokenMs, r.Timings.AgentMs} {
		if ms < 0 || ms > maxTimingMs {
			return errors.New("timings: not a length of time")
		}
	}
	return checkID("sessionId", string(r.SessionID))
}
