package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/infra/gateway"
	"hearth/infra/sign"
	"hearth/messages"
	"hearth/messages/wire"
)

// captive is a bridge that its user's agent has taken over: it has the task's token and the session's binding, and says
// what the agent likes.
type captive struct {
	s       *site
	task    wire.TaskID
	session wire.SessionID
	user    wire.UserID
	// token and binding are the real bridge's.
	token, binding string
}

// capture takes over the bridge of a user's session.
func (s *site) capture(u *user) captive {
	s.t.Helper()
	signer := s.signer()
	task := s.taskOf(u)
	return captive{
		s: s, task: task, session: u.ID(), user: wire.UserID(u.name),
		token: signer.TaskToken(task), binding: signer.Binding(task, u.ID(), wire.UserID(u.name)),
	}
}

// signer makes what the site's gateway does.
func (s *site) signer() *sign.Signer {
	s.t.Helper()
	signer, err := sign.New([]byte(s.cfg.TaskTokenSecret))
	if err != nil {
		s.t.Fatal(err)
	}
	return signer
}

// dial opens a socket with the token; without one it gives the status that refused it.
func (c captive) dial(path, token string) (*wireClient, int) {
	c.s.t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return openWire(c.s.t, "ws"+strings.TrimPrefix(c.s.base, "http")+path, header)
}

// hello is the real bridge's on every dial.
func (c captive) hello() wire.BridgeHello {
	return wire.BridgeHello{
		TaskID: c.task, State: wire.BridgeAssigned, SessionID: c.session, UserID: c.user, Binding: c.binding,
	}
}

// ownPath is where the real bridge dials.
func (c captive) ownPath() string { return "/internal/task/" + string(c.session) }

// heardSecrets reports whether a socket was given a user's token, a line, or what it would have to show to be given one.
func (w *wireClient) heardSecrets() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, frame := range w.frames {
		switch frame.(type) {
		case wire.InitUser, wire.Token, wire.Data, wire.Pass:
			return true
		}
	}
	return false
}

// Eve's agent has taken her bridge over. Whatever it claims to be, it is refused, and neither Bob's session nor her own
// bridge's live socket notices.
func TestCapturedBridgeClaims(t *testing.T) {
	s := openSite(t, pool(2, 6))
	eve, bob := s.visit("eve"), s.visit("bob")
	eve.ready()
	bob.ready()
	c, victim := s.capture(eve), s.capture(bob)
	elsewhere := openSite(t, pool(0, 1)).signer()
	warm := wire.BridgeHello{TaskID: c.task, State: wire.BridgeWarm}
	change := func(change func(*wire.BridgeHello)) wire.BridgeHello {
		hello := c.hello()
		change(&hello)
		return hello
	}
	warmPath, bobsPath := "/internal/warm/"+string(c.task), victim.ownPath()
	for _, test := range []struct {
		name, path, token string
		status            int // of the handshake
		hello             wire.BridgeHello
	}{
		{"without a token", warmPath, "", 401, warm},
		{"with its user's token", warmPath, string(s.token("eve", time.Hour)), 401, warm},
		{"with another secret's token", warmPath, elsewhere.TaskToken(c.task), 401, warm},
		{"with its binding for a token", warmPath, string(c.task) + "." + c.binding, 401, warm},
		{"another task's path", "/internal/warm/" + string(victim.task), c.token, 403, warm},
		{"another task's id", c.ownPath(), c.token, 101, change(func(h *wire.BridgeHello) { h.TaskID = victim.task })},
		{"another's session, on its path", bobsPath, c.token, 101, change(func(h *wire.BridgeHello) {
			h.SessionID, h.UserID = victim.session, victim.user
		})},
		{"another's session, on the warm path", warmPath, c.token, 101, change(func(h *wire.BridgeHello) {
			h.SessionID, h.UserID = victim.session, victim.user
		})},
		{"its own session, on another's path", bobsPath, c.token, 101, c.hello()},
		{"its own session, for another user", c.ownPath(), c.token, 101, change(func(h *wire.BridgeHello) { h.UserID = victim.user })},
		{"its own user's, in another session", bobsPath, c.token, 101, change(func(h *wire.BridgeHello) { h.SessionID = victim.session })},
		{"without a binding", c.ownPath(), c.token, 101, change(func(h *wire.BridgeHello) { h.Binding = "" })},
		{"another secret's binding", c.ownPath(), c.token, 101, change(func(h *wire.BridgeHello) {
			h.Binding = elsewhere.Binding(c.task, c.session, c.user)
		})},
		{"a stolen binding of another task", bobsPath, c.token, 101, change(func(h *wire.BridgeHello) {
			h.SessionID, h.UserID, h.Binding = victim.session, victim.user, victim.binding
		})},
		{"to be warm again", warmPath, c.token, 101, warm},
		{"to be warm for another's session", bobsPath, c.token, 101, wire.BridgeHello{
			TaskID: c.task, State: wire.BridgeWarm, SessionID: victim.session, UserID: victim.user,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, status := c.dial(test.path, test.token)
			if status != test.status {
				t.Fatalf("HTTP %d, want %d", status, test.status)
			}
			if w == nil {
				return
			}
			w.says(test.hello)
			w.closed(wire.CloseNotAllowed)
			if w.heardSecrets() {
				t.Error("it was told something")
			}
		})
	}
	bob.echoes("nobody was here")
	eve.echoes("nor here")
	for _, u := range []*user{eve, bob} {
		for _, status := range all[wire.Status](u) {
			if status.State == wire.StateReconnecting || status.State == wire.StateRestarting {
				t.Errorf("%s was told %s", u.name, status.State)
			}
		}
	}
	if n := len(s.usedTasks()); n != 2 {
		t.Errorf("%d tasks were used for two sessions", n)
	}
}

// Eve's agent has taken her bridge over and takes its place, which nobody can tell from a redial. It then says everything
// that a bridge, or a gateway, can say, and floods: that reaches her own client at most.
func TestCapturedBridgeFloods(t *testing.T) {
	s := openSite(t, pool(2, 6))
	eve, bob := s.visit("eve"), s.visit("bob")
	eve.ready()
	bob.ready()
	c, victim := s.capture(eve), s.capture(bob)
	signalTask(t, s.dir, c.task, syscall.SIGSTOP) // or it would dial again and take its place back
	defer signalTask(t, s.dir, c.task, syscall.SIGCONT)
	w, status := c.dial(c.ownPath(), c.token)
	if w == nil {
		t.Fatalf("HTTP %d", status)
	}
	w.says(c.hello())
	hears(w, "ack", func(wire.Ack) bool { return true })
	before := strings.Count(s.log.String(), "\n")
	const times = 2000
	for i := range times {
		for _, frame := range []string{
			`{"type":"init_user","userId":"bob","sessionId":"` + string(victim.session) + `","workspaceDir":"/","token":"x"}`,
			`{"type":"token","token":"eves"}`,
			`{"type":"stop","reason":"eve","graceMs":0}`,
			`{"type":"redial","url":"ws://127.0.0.1:1"}`,
			`{"type":"resume","fromSeq":0}`,
			`{"type":"accepted","sessionId":"` + string(victim.session) + `"}`,
			`{"type":"ready","sessionId":"` + string(victim.session) + `","timings":{"agentMs":-9223372036854775808}}`,
			`{"type":"hello","taskId":"` + string(victim.task) + `","state":"warm"}`,
			`{"type":"session","sessionId":"` + string(victim.session) + `","userId":"bob"}`,
			`{"type":"ack","seq":18446744073709551615}`,
			`{"type":"gap","from":1,"to":18446744073709551615}`,
			`{"type":"ack","seq":9007199254740991}`,
			`{"type":"gap","from":1,"to":9007199254740991}`,
			`{"type":"keepalive"}`,
			`{"type":`,
		} {
			if w.conn.WriteString(frame) != nil {
				t.Fatalf("the socket was closed after %d rounds", i)
			}
		}
	}
	bob.echoes("still here")
	s.status() // the pool answers
	eventually(t, "all of it was read", func() bool {
		text := s.must(http.MethodGet, "/metrics", "")
		return strings.Contains(text, fmt.Sprintf("hearth_socket_bad_frames_total{kind=\"bridge\"} %d\n", 5*times))
	})
	if lines := strings.Count(s.log.String(), "\n") - before; lines > 200 {
		t.Errorf("%d lines in the log for %d frames", lines, 15*times)
	}
	for _, u := range []*user{eve, bob} {
		if restarted := all[wire.Ready](u); len(restarted) != 1 {
			t.Errorf("%s was told ready %d times", u.name, len(restarted))
		}
	}
}

// The token and the binding of a task whose session has ended are of no more use.
func TestTokenOfAnEndedTask(t *testing.T) {
	s := openSite(t, pool(1, 6), func(c *gateway.Config) { c.Actors.IdleTimeout = time.Hour })
	eve := s.visit("eve")
	eve.ready()
	c := s.capture(eve)
	eve.leaves()
	s.awaitStatus("her task is gone", func(p messages.PoolStatus) bool { return p.Pool.Assigned+p.Pool.Stopping == 0 })
	for path, hello := range map[string]wire.BridgeHello{
		c.ownPath():                        c.hello(),
		"/internal/warm/" + string(c.task): {TaskID: c.task, State: wire.BridgeWarm},
	} {
		w, status := c.dial(path, c.token)
		if w == nil {
			t.Fatalf("HTTP %d", status)
		}
		w.says(hello)
		hears(w, "stop", func(wire.Stop) bool { return true })
		w.closed(wire.CloseNotAllowed)
		if w.heardSecrets() {
			t.Error("it was told something")
		}
	}
	if status := s.status(); len(status.Sessions) != 0 {
		t.Errorf("sessions: %+v", status.Sessions)
	}
}
