package ends

import (
	"net/http"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

const (
	handshakeTimeout = 30 * time.Second
	// readBuffer keeps an idle end small, and is enough for the lines of most measurements.
	readBuffer = 1024
)

// task is a task without a container: a bridge without an agent, whose user's lines are echoed.
type task struct {
	standin     *standin
	environment map[string]string
	stopped     chan struct{} // closed by StopTask
}

// live dials the gateway and serves until it is stopped or the socket ends.
func (t *task) live() {
	b := &bridge{task: t, speaker: &speaker{}}
	id := t.environment["TASK_ID"]
	conn, _, err := gws.NewClient(b, &gws.ClientOption{
		Addr:             t.environment["GATEWAY_WS_URL"] + "/internal/warm/" + id,
		RequestHeader:    http.Header{"Authorization": {"Bearer " + t.environment["TASK_TOKEN"]}},
		HandshakeTimeout: handshakeTimeout, ReadBufferSize: readBuffer,
	})
	if err != nil {
		return // a task whose bridge never came is what the gateway sees
	}
	b.speaker.conn, b.speaker.owed = conn, &owed{all: t.standin.acks, conn: conn, delay: wire.AckDelay}
	var closing sync.WaitGroup
	ended := make(chan struct{})
	closing.Go(func() {
		select {
		case <-t.stopped:
		case <-t.standin.ctx.Done():
		case <-ended:
		}
		_ = conn.NetConn().Close() // it may be closed already
	})
	if err := say(conn, wire.BridgeHello{TaskID: wire.TaskID(id), State: wire.BridgeWarm, IO: wire.IOText, AcksInData: true}); err == nil {
		conn.ReadLoop()
	}
	close(ended)
	closing.Wait()
}

// bridge is its end of the socket. All of it happens on the socket's one reader.
type bridge struct {
	gws.BuiltinEventHandler
	task    *task
	speaker *speaker
}

// OnPing answers.
func (b *bridge) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

// OnClose ends its stream.
func (b *bridge) OnClose(*gws.Conn, error) { b.task.standin.pacer.set(b.speaker, 0, nil) }

// OnMessage does what a bridge does, without an agent: an input counts as given at once.
func (b *bridge) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	if seq, payload, ok := cutData(m.Bytes()); ok {
		b.speaker.owed.take(seq, len(payload), time.Now())
		b.speaker.hear(b.task.standin.pacer, payload)
		return
	}
	frame, err := wire.DecodeToBridge(m.Bytes())
	if err != nil {
		return // the contract's tests are elsewhere
	}
	switch f := frame.(type) {
	case wire.InitUser:
		_ = say(conn, wire.Accepted{SessionID: f.SessionID}) // a lost socket is missed by its client
		_ = say(conn, wire.BridgeReady{SessionID: f.SessionID})
	case wire.Stop:
		_ = conn.WriteClose(uint16(wire.CloseNormal), nil)
	}
}
