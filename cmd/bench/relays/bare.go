package relays

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/lxzan/gws"
)

// handshakeTimeout bounds the bare relay's dial.
const handshakeTimeout = 30 * time.Second

// half is one of the two sockets of a bare relay's connection: what comes goes to the other.
type half struct {
	gws.BuiltinEventHandler
	other *gws.Conn
}

// OnPing answers.
func (h *half) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

// OnClose closes the other.
func (h *half) OnClose(*gws.Conn, error) { _ = h.other.NetConn().Close() }

// OnMessage passes bytes on. An error means that the other is gone, which its own reader finds.
func (h *half) OnMessage(_ *gws.Conn, m *gws.Message) {
	_ = h.other.WriteMessage(m.Opcode, m.Bytes())
	_ = m.Close()
}

// RunBare is the whole life, which ends with ctx, of a relay that does nothing but pass frames on: what no relay in Go can be
// cheaper than.
func RunBare(ctx context.Context, listen, upstream string) error {
	server := &http.Server{Addr: listen, ReadHeaderTimeout: handshakeTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		near, far := &half{}, &half{}
		client, err := gws.NewUpgrader(near, &gws.ServerOption{}).Upgrade(w, r)
		if err != nil {
			return // the client is told by the answer
		}
		defer func() { _ = client.NetConn().Close() }()
		task, _, err := gws.NewClient(far, &gws.ClientOption{Addr: upstream, HandshakeTimeout: handshakeTimeout})
		if err != nil {
			return
		}
		near.other, far.other = task, client
		go task.ReadLoop()
		client.ReadLoop()
	})}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })() // sockets end with the process
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
