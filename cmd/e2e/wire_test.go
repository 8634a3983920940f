package e2e

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// wireClient is a client, or a bridge, that says what it likes.
type wireClient struct {
	t      testing.TB
	conn   *gws.Conn
	decode func([]byte) (wire.Frame, error)

	mu     sync.Mutex
	raw    strings.Builder // everything that was heard, as it came
	frames []wire.Frame
	heard  []time.Time // when each of the frames came
	pings  int
	code   uint16        // of the close
	gone   chan struct{} // closed once the socket is
}

// wire opens a socket to a site as a user, by header, without saying hello.
func (s *site) wire(name string) *wireClient {
	s.t.Helper()
	header := http.Header{"Authorization": {"Bearer " + string(s.token(name, time.Hour))}}
	w, status := openWire(s.t, s.ws+"/ws", header)
	if w == nil {
		s.t.Fatalf("%s: HTTP %d", name, status)
	}
	return w
}

// openWire opens a socket; without one it gives the HTTP status that refused it.
func openWire(t testing.TB, url string, header http.Header) (*wireClient, int) {
	t.Helper()
	w := &wireClient{t: t, gone: make(chan struct{}), decode: wire.DecodeToClient}
	if strings.Contains(url, "/internal/") {
		w.decode = wire.DecodeToBridge
	}
	conn, response, err := gws.NewClient(w, &gws.ClientOption{
		Addr: url, RequestHeader: header, HandshakeTimeout: patience, WriteMaxPayloadSize: 64 << 20,
	})
	if err != nil && response != nil {
		return nil, response.StatusCode
	}
	if err != nil {
		t.Fatal(err)
	}
	w.conn = conn
	go func() {
		defer close(w.gone)
		conn.ReadLoop()
	}()
	t.Cleanup(func() {
		_ = conn.NetConn().Close()
		<-w.gone
	})
	return w, http.StatusSwitchingProtocols
}

// OnOpen, OnPong, OnPing, OnClose and OnMessage are gws's.
func (w *wireClient) OnOpen(*gws.Conn)         {}
func (w *wireClient) OnPong(*gws.Conn, []byte) {}

func (w *wireClient) OnPing(conn *gws.Conn, payload []byte) {
	w.mu.Lock()
	w.pings++
	w.mu.Unlock()
	_ = conn.WritePong(payload)
}

func (w *wireClient) OnClose(_ *gws.Conn, err error) {
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.code = closed.Code
	}
}

func (w *wireClient) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	frame, err := w.decode(m.Bytes())
	if err != nil {
		w.t.Errorf("the gateway sent a bad frame: %v", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.raw.Write(m.Bytes())
	w.frames, w.heard = append(w.frames, frame), append(w.heard, time.Now())
}

// heardText is everything that was heard so far, as it came.
func (w *wireClient) heardText() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.raw.String()
}

// sends writes a text frame.
func (w *wireClient) sends(text string) {
	w.t.Helper()
	if err := w.conn.WriteMessage(gws.OpcodeText, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// says writes a frame of the contract's.
func (w *wireClient) says(frame wire.Frame) {
	w.t.Helper()
	w.sends(string(wire.AppendFrame(nil, frame)))
}

// hears waits for a frame of the type for which so is true.
func hears[F wire.Frame](w *wireClient, what string, so func(F) bool) F {
	w.t.Helper()
	var heard F
	eventually(w.t, "the gateway says "+what, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, frame := range w.frames {
			if f, ok := frame.(F); ok && so(f) {
				heard = f
				return true
			}
		}
		return false
	})
	return heard
}

// heardAt is when the first frame of the type came, which must have been heard.
func heardAt[F wire.Frame](w *wireClient) time.Time {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, frame := range w.frames {
		if _, ok := frame.(F); ok {
			return w.heard[i]
		}
	}
	w.t.Fatal("no such frame was heard")
	return time.Time{}
}

// failure waits for an error frame.
func (w *wireClient) failure(code wire.ErrorCode) wire.Error {
	w.t.Helper()
	return hears(w, "error "+string(code), func(e wire.Error) bool { return e.Code == code })
}

// bye waits for a bye.
func (w *wireClient) bye(reason wire.ByeReason) {
	w.t.Helper()
	hears(w, "bye "+string(reason), func(b wire.Bye) bool { return b.Reason == reason })
}

// closed waits for the end of the socket and checks the close code.
func (w *wireClient) closed(code wire.CloseCode) {
	w.t.Helper()
	select {
	case <-w.gone:
	case <-time.After(patience):
		w.t.Fatal("the gateway does not close the socket")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.code != uint16(code) {
		w.t.Errorf("closed with %d, want %d", w.code, code)
	}
}

// rawClient opens a TCP connection to a site and writes a text.
func (s *site) rawClient(text string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.ws, "ws://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// quoted is a line as a payload.
func quoted(line string) json.RawMessage {
	payload, _ := json.Marshal(line) // a string always encodes
	return payload
}
