package ends

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// visit is a client that gives its agent, a shell, one command, and waits for the first of its output.
type visit struct {
	gws.BuiltinEventHandler
	output chan struct{}
	gone   chan error
}

// OnPing answers.
func (v *visit) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

// OnClose tells why.
func (v *visit) OnClose(_ *gws.Conn, err error) { v.fail(err) }

func (v *visit) fail(err error) {
	select {
	case v.gone <- err:
	default: // the first reason stands
	}
}

// OnMessage waits for data.
func (v *visit) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	frame, err := wire.DecodeToClient(m.Bytes())
	if err != nil {
		v.fail(err)
		return
	}
	switch f := frame.(type) {
	case wire.Data:
		select {
		case v.output <- struct{}{}:
		default: // only the first counts
		}
	case wire.Error:
		v.fail(fmt.Errorf("%s: %s", f.Code, f.Message))
	}
}

// command is what every visitor asks for, as ComputeSDK's benchmark does: the least that a shell can do.
const command = `"echo hearth"`

// Interact creates a session, has its shell run a command, and gives the time from the connection's beginning to the first of
// the command's output. The session is over when it returns.
func Interact(ctx context.Context, url, user string) (time.Duration, error) {
	v := &visit{output: make(chan struct{}, 1), gone: make(chan error, 1)}
	began := time.Now()
	conn, _, err := gws.NewClient(v, &gws.ClientOption{Addr: url + "?user=" + user, HandshakeTimeout: handshakeTimeout, ReadBufferSize: readBuffer})
	if err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn.ReadLoop()
	}()
	defer func() {
		_ = conn.NetConn().Close() // it may be closed already
		<-ended
	}()
	err = errors.Join(say(conn, wire.Hello{Acks: true, AcksInData: true}), say(conn, wire.Data{Seq: 1, Payload: []byte(command)}))
	if err != nil {
		return 0, err
	}
	select {
	case <-v.output:
	case err := <-v.gone:
		return 0, fmt.Errorf("%s: the session ended without output: %w", user, err)
	case <-ctx.Done():
		return 0, fmt.Errorf("%s: no output: %w", user, ctx.Err())
	}
	took := time.Since(began)
	if err := say(conn, wire.Close{}); err != nil {
		return took, err
	}
	select {
	case <-ended:
	case <-ctx.Done():
		return took, ctx.Err()
	}
	return took, nil
}
