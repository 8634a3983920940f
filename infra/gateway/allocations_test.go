//go:build !race

package gateway_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// The bounds of what the actors allocate on the hot paths, as the race detector's build does not have them.
const (
	// allocationsOfAnInput are for a line of the client's on its way to the bridge, with its acknowledgement in the end,
	// allocationsOfAnOutput the same for one of the agent's.
	allocationsOfAnInput  = 3
	allocationsOfAnOutput = 3
	// allocationsOfAClaim are for a session from hello to init_user, and for its end, and that of its task.
	allocationsOfAClaim = 125
)

// active opens a world with one session whose agent is ready, and gives the actors and links at both ends.
func active(t *testing.T) (w *world, c *claim, session, task *actor.PID) {
	t.Helper()
	w = openWorld(t, 1)
	w.awaitReady(1)
	c = w.newClaim()
	c.hello()
	c.await()
	session = <-c.owner
	init := c.init
	task = w.owner(c.bridge)
	w.deliver(task, &messages.LinkFrame{Link: c.bridge, Frame: wire.Accepted{SessionID: init.SessionID}})
	w.deliver(task, &messages.LinkFrame{Link: c.bridge, Frame: wire.BridgeReady{SessionID: init.SessionID}})
	<-c.ready
	return w, c, session, task
}

func TestAllocationsOfARelayedLine(t *testing.T) {
	w, c, session, task := active(t)
	payload := []byte(`"` + strings.Repeat("x", 200) + `"`)
	// As a socket's reader does it, whose goroutine runs the actors.
	bring := func(to *actor.PID, link messages.LinkID, frame wire.Frame) {
		w.engine.Enter()
		w.deliver(to, &messages.LinkFrame{Link: link, Frame: frame, Bytes: 200})
		w.engine.Leave()
	}
	var in, out uint64
	input := testing.AllocsPerRun(1000, func() {
		in++
		bring(session, c.link, wire.Data{Seq: in, Payload: payload})
		if in%wire.AckLines == 0 {
			bring(task, c.bridge, wire.Ack{Seq: in})
		}
	})
	output := testing.AllocsPerRun(1000, func() {
		out++
		bring(task, c.bridge, wire.Data{Seq: out, Payload: payload})
		if out%wire.AckLines == 0 {
			bring(session, c.link, wire.Ack{Seq: out})
		}
	})
	along := testing.AllocsPerRun(1000, func() { // each acknowledges the one that went the other way
		in++
		bring(session, c.link, wire.Data{Seq: in, Ack: out, Payload: payload})
		out++
		bring(task, c.bridge, wire.Data{Seq: out, Ack: in, Payload: payload})
	})
	t.Logf("an input allocates %v times, an output %v times, a line there and back %v", input, output, along)
	if along > allocationsOfAnInput+allocationsOfAnOutput {
		t.Errorf("a line there and back allocates %v times, want %v at most", along, allocationsOfAnInput+allocationsOfAnOutput)
	}
	if input > allocationsOfAnInput || output > allocationsOfAnOutput {
		t.Errorf("an input allocates %v times, want %v at most, an output %v times, want %v at most",
			input, allocationsOfAnInput, output, allocationsOfAnOutput)
	}
	if toBridge, toClient := w.sent(c.bridge), w.sent(c.link); toBridge < 2000 || toClient < 2000 {
		t.Errorf("only %d lines reached the bridge and %d the client", toBridge, toClient)
	}
}

func TestAllocationsOfAClaim(t *testing.T) {
	const claims = 200
	w := openWorld(t, 10)
	serve := func() {
		w.awaitReady(10)
		c := w.newClaim()
		c.hello()
		c.await()
		c.close()
	}
	serve() // what is made once
	w.awaitReady(10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range claims {
		serve()
	}
	w.awaitReady(10)
	runtime.ReadMemStats(&after)
	each := (after.Mallocs - before.Mallocs) / claims
	t.Logf("a claim allocates %d times", each)
	if each > allocationsOfAClaim {
		t.Errorf("a claim allocates %d times, want %d at most", each, allocationsOfAClaim)
	}
}
