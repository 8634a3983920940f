package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// patientAgent says that it runs and then nothing any more. With a file "busy" in its workspace it works: all that can be
// noticed of that is that it touches its keepalive file.
const patientAgent = `sh -c 'echo begun; while sleep 0.1; do if [ -e busy ]; then touch "$HEARTH_KEEPALIVE"; fi; done'`

// With the real programs: an agent that works in silence keeps its session for as long as it asks for more time, one that
// sleeps does not, open sockets or not. Idle ends the task and leaves the workspace, where the session begins anew.
func TestKeepalive(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "AGENT_COMMAND="+patientAgent, "SESSION_IDLE_TIMEOUT=2s")
	busy := filepath.Join(mkdir(t, filepath.Join(dir, "workspaces", "ann")), "busy")
	if err := os.WriteFile(busy, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	worker, sleeper := connect(t, "ann", g.at), connect(t, "bob", g.at)
	for _, u := range []*user{worker, sleeper} {
		u.ready()
		u.hears("begun")
	}
	silent := time.Now()
	if end := sleeper.ended(); end.Reason != client.EndIdle || end.Lives {
		t.Errorf("the session of the agent that sleeps: %+v", end)
	}
	if slept := time.Since(silent); slept < time.Second {
		t.Errorf("it was idle for no more than %v", slept)
	}
	for time.Since(silent) < 6*time.Second {
		if ends := all[client.Ended](worker); len(ends) > 0 {
			t.Fatalf("the session of the agent that works ended after %v: %+v", time.Since(silent), ends[0])
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := os.Rename(busy, busy+".no-more"); err != nil {
		t.Fatal(err)
	}
	if end := worker.ended(); end.Reason != client.EndIdle {
		t.Errorf("the session of the agent that works no more: %+v", end)
	}

	again := g.wire("ann")
	again.says(wire.Hello{SessionID: worker.ID()})
	session := hears(again, "whose session it is", func(wire.Session) bool { return true })
	if session.SessionID != worker.ID() || session.Resumed {
		t.Errorf("begun anew: %+v", session)
	}
	// The numbers go on: nothing of the new agent's can be taken for the old one's.
	hears(again, "that a new agent runs", func(d wire.Data) bool { return textOf(d) == "begun" && d.Seq == 2 })
	if _, err := os.Stat(busy + ".no-more"); err != nil {
		t.Errorf("the workspace has not stayed: %v", err)
	}
	again.bye(wire.ByeIdleTimeout)
	again.closed(wire.CloseNormal)
	eventually(t, "the sessions' own files are gone", func() bool {
		left, err := filepath.Glob(filepath.Join(dir, "workspaces", "*", ".optima", "*"))
		return err == nil && len(left) == 0
	})
}

// wire opens a socket as a user, without saying hello.
func (g realGateway) wire(name string) *wireClient {
	g.t.Helper()
	w, status := openWire(g.t, g.ws+"/ws?user="+name, nil)
	if w == nil {
		g.t.Fatalf("%s: HTTP %d", name, status)
	}
	return w
}
