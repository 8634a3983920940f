package sockets

import (
	"net/http"
	"strings"
	"testing"

	"hearth/infra/testkit"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestBridgesArrive(t *testing.T) {
	g := newGateway(t, nil)
	for path, hello := range map[string]wire.BridgeHello{
		"/internal/warm/task-1":    {TaskID: "task-1", Version: "1", State: wire.BridgeWarm},
		"/internal/task/session-1": {TaskID: "task-1", State: wire.BridgeWarm, SessionID: "session-1", UserID: "ann"},
		"/internal/task/session-2": {
			TaskID: "task-1", State: wire.BridgeAssigned, SessionID: "session-2", UserID: "ann", Binding: "b", InSeq: 3, OutSeq: 4,
		},
	} {
		p := g.mustDial(path, bearer("task-1.secret"))
		p.Send(hello)
		a := arrival[*messages.BridgeArrived](g)
		if a.Hello != hello {
			t.Errorf("%s: %+v", path, a.Hello)
		}
		o := g.newOwner(path)
		g.sockets.Bind(a.Link, o.pid)
		g.sockets.Send(a.Link, wire.InitUser{UserID: "ann", SessionID: "s", WorkspaceDir: "/w", Token: userToken})
		testkit.Next[wire.Limits](p)
		if f := testkit.Next[wire.InitUser](p); f.Token != userToken {
			t.Error("the token did not come")
		}
		p.Send(wire.Accepted{SessionID: "s"})
		next[*messages.LinkFrame](o)
	}
}

func TestRefusedBridges(t *testing.T) {
	g := newGateway(t, nil)
	for _, test := range []struct {
		name, path string
		header     http.Header
		status     int
	}{
		{"no token", "/internal/warm/task-1", nil, 401},
		{"a user's token", "/internal/warm/task-1", bearer(userToken), 401},
		{"no bearer", "/internal/warm/task-1", http.Header{"Authorization": {"Basic task-1.secret"}}, 401},
		{"two tokens", "/internal/warm/task-1", http.Header{"Authorization": {"Bearer task-1.secret", "Bearer task-1.secret"}}, 401},
		{"another task's token", "/internal/warm/task-1", bearer("task-2.secret"), 403},
		{"no token for a session", "/internal/task/session-1", nil, 401},
		{"no id", "/internal/warm/-x", bearer("-x.secret"), 400},
		{"no id of a session", "/internal/task/a%2Fb", bearer("task-1.secret"), 400},
		{"a deeper path", "/internal/warm/task-1/x", bearer("task-1.secret"), 404},
	} {
		_, response, err := g.dial(test.path, test.header)
		if err == nil || response.StatusCode != test.status {
			t.Errorf("%s: answered %v, want %d", test.name, response, test.status)
		}
	}
	if s := g.sockets.Stats(Bridge); s.Refused[401] != 5 || s.Refused[403] != 1 || s.Refused[400] != 2 {
		t.Errorf("refused: %v", s.Refused)
	}
}

func TestBridgesHelloMustBeItsOwn(t *testing.T) {
	g := newGateway(t, nil)
	for _, test := range []struct{ path, hello, reason string }{
		{"/internal/warm/task-1", `{"type":"hello","taskId":"task-2","state":"warm"}`, "taskId"},
		{"/internal/task/session-1", `{"type":"hello","taskId":"task-2","state":"warm","sessionId":"session-1"}`, "taskId"},
		{"/internal/task/session-1", `{"type":"hello","taskId":"task-1","state":"warm","sessionId":"session-2"}`, "sessionId"},
		{"/internal/task/session-1", `{"type":"hello","taskId":"task-1","state":"warm"}`, "sessionId"},
		{"/internal/warm/task-1", `{"type":"hello","taskId":"task-1"}`, "state"},
		{"/internal/warm/task-1", `{"type":"data","seq":1,"payload":1}`, "first frame"},
	} {
		p := g.mustDial(test.path, bearer("task-1.secret"))
		p.SendText([]byte(test.hello))
		p.AwaitClose(wire.CloseNotAllowed)
		if !strings.Contains(p.Err.Error(), test.reason) { // the bridge's log tells its operator why
			t.Errorf("%s: closed with %v", test.hello, p.Err)
		}
	}
	if len(g.arrivals) != 0 {
		t.Errorf("%d arrived", len(g.arrivals))
	}
}

func TestBridgesBadFramesAreIgnored(t *testing.T) {
	g := newGateway(t, nil)
	p, link := g.bridge("task-1")
	o := g.newOwner("task")
	g.sockets.Bind(link, o.pid)
	const bad = 3 * maxBadFrames
	for range bad {
		p.SendText([]byte(`{"type":"data","secret":"` + userToken))
	}
	p.Send(wire.BridgeHello{TaskID: "task-1", State: wire.BridgeWarm})
	p.Send(data(1, `"after"`))
	next[*messages.LinkFrame](o)
	if got := g.sockets.Stats(Bridge).BadFrames; got != bad+1 {
		t.Errorf("%d bad frames counted", got)
	}
	if lines := strings.Count(g.log.String(), "bad frame"); lines == 0 || lines > 10 {
		t.Errorf("%d lines in the log, want a few", lines)
	}
	g.sockets.Close(link, wire.CloseNormal)
	next[*messages.LinkClosed](o)
	eventually(t, "the end is in the log", func() bool {
		return strings.Contains(g.log.String(), `"peer":"task-1"`) && strings.Contains(g.log.String(), "socket closed")
	})
}
