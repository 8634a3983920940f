package sockets

import (
	"strings"
	"testing"

	"hearth/infra/testkit"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestClientsArrive(t *testing.T) {
	g := newGateway(t, nil)
	p := g.mustDial("/ws?user=ann", nil)
	p.Send(wire.Hello{SessionID: "s1", LastSeq: 7, Acks: true})
	a := arrival[*messages.ClientArrived](g)
	if a.User != "ann" || a.Token != userToken || a.Hello != (wire.Hello{SessionID: "s1", LastSeq: 7, Acks: true}) {
		t.Errorf("arrived: %+v", a)
	}
	o := g.newOwner("session")
	g.sockets.Bind(a.Link, o.pid)
	p.Send(data(1, `"in"`))
	f := next[*messages.LinkFrame](o)
	if d := f.Frame.(wire.Data); f.Link != a.Link || d.Seq != 1 || string(d.Payload) != `"in"` ||
		f.Bytes != len(wire.AppendFrame(nil, d)) {
		t.Errorf("frame: %+v", f)
	}
	out := data(1, `"`+strings.Repeat("x", 70_000)+`"`)
	g.sockets.Send(a.Link, wire.Status{State: wire.StateReady})
	o.send(a.Link, out)
	testkit.Next[wire.Status](p)
	if d := testkit.Next[wire.Data](p); string(d.Payload) != string(out.Payload) {
		t.Error("the payload did not come as it was")
	}
	w := next[*messages.LinkWritten](o)
	if w.Link != a.Link || w.Seq != 1 || w.Bytes != len(wire.AppendFrame(nil, out)) {
		t.Errorf("written: %+v", w)
	}
	g.sockets.Send(a.Link, wire.Bye{Reason: wire.ByeClosed})
	g.sockets.Close(a.Link, wire.CloseNormal)
	testkit.Next[wire.Bye](p)
	p.AwaitClose(wire.CloseNormal)
	if c := next[*messages.LinkClosed](o); c.Link != a.Link || c.Cause != string(CauseOwner) {
		t.Errorf("closed: %+v", c)
	}
	o.nothing()
}
