package bridge

import (
	"strings"
	"testing"

	"hearth/messages"
)

const helperVariable = "HEARTH_BRIDGE_TEST_HELPER"

func helper() int { return 0 }

func TestWarmTaskBecomesReadyAndEchoes(t *testing.T) {
	g := newGateway(t)
	r := start(t, testConfig(t, g))

	p := g.next()
	if p.path != "/internal/warm/task-1" || p.auth != "Bearer "+testTaskToken {
		t.Errorf("dialled %s as %q", p.path, p.auth)
	}
	if want := (messages.BridgeHello{TaskID: "task-1", Version: "test", State: messages.BridgeWarm}); p.hello != want {
		t.Errorf("hello %+v, want %+v", p.hello, want)
	}
	p.send(r.initUser())
	if f := expect[messages.Accepted](p); f.SessionID != "session-1" {
		t.Errorf("accepted %q", f.SessionID)
	}
	if f := expect[messages.BridgeReady](p); f.SessionID != "session-1" {
		t.Errorf("ready %q", f.SessionID)
	}
	p.sendInput(1, `{ "say" : ["hello", 1] }`)
	outputs := p.awaitAck(1)
	if len(outputs) == 0 {
		outputs = append(outputs, expect[messages.Data](p))
	}
	if f := outputs[0]; f.Seq != 1 || string(f.Payload) != `{"say":["hello",1]}` {
		t.Errorf("output %d %s", f.Seq, f.Payload)
	}
	p.send(messages.Ack{Seq: 1})
	p.send(messages.Stop{Reason: "closed", GraceMs: 5000})
	exit := expect[messages.Exit](p)
	if exit.Signal != "SIGTERM" || exit.Code != 143 {
		t.Errorf("exit %+v", exit)
	}
	p.awaitEnd()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.log.String(), "the agent runs") {
		t.Error("the start was not logged")
	}
}
