package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

// stubborn is an echo that does not end when it is asked to.
const stubborn = `sh -c 'trap "" TERM; while :; do while read -r line; do echo "$line"; done; sleep 0.1; done'`

// A client comes back for its session while that is still stopping, because it was idle. It has one task, a new one; and
// when the old one is gone at last, nothing happens to it.
func TestReturnWhileTheSessionStops(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, warm bool) {
		t.Parallel()
		s := openSite(t, warmPool(warm), agent(stubborn), func(c *gateway.Config) {
			c.Actors.StopGrace, c.Actors.IdleTimeout = 2*time.Second, time.Second
		})
		first := s.visit("ann")
		first.ready()
		first.echoes("hello")
		old := s.taskOf(first)
		if end := first.ended(); end.Reason != client.EndIdle {
			t.Fatalf("%+v", end)
		}
		again := s.visit("ann", resume(first.ID(), 0))
		if ready := again.ready(); ready.Path == wire.PathResumed {
			t.Error("a new agent passes for the old one")
		}
		task := s.taskOf(again)
		stopped := false
		for n := 0; !stopped; n++ { // and the session is in use
			again.echoes(fmt.Sprint(n))
			stopped = true
			for _, each := range s.status().Tasks {
				if each.Session == first.ID() && each.ID != task && each.State != messages.TaskStateStopping {
					t.Fatalf("task %s is the session's, too: %+v", each.ID, each)
				}
				stopped = stopped && each.ID != old
			}
			time.Sleep(20 * time.Millisecond)
		}
		again.echoes("still here")
		if now := s.taskOf(again); now != task || task == old {
			t.Errorf("the session had %s, then %s, and has %s", old, task, now)
		}
		if used := s.usedTasks(); len(used) != 2 {
			t.Errorf("tasks used: %v", used)
		}
	})
}

// A session's task is lost and another one starts, while sockets of its client come and go. None of that touches the
// start; whoever is there in the end is served by the one new task.
func TestSocketsComeAndGoDuringARestart(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, warm bool) {
		t.Parallel()
		s := openSite(t, warmPool(warm), pool(0, 5), func(c *gateway.Config) { c.Local.StartDelay = time.Second })
		u := s.visit("ann")
		u.ready()
		u.echoes("hello")
		signalTask(t, s.dir, s.taskOf(u), syscall.SIGKILL)
		u.state(wire.StateRestarting)
		u.Detach()
		for range 3 { // the second takes over from the first, and both go
			first, second := s.wire("ann"), s.wire("ann")
			first.says(wire.Hello{SessionID: u.ID(), LastSeq: 1, Acks: true})
			hears(first, "session", func(f wire.Session) bool { return f.Resumed })
			second.says(wire.Hello{SessionID: u.ID(), LastSeq: 1, Acks: true})
			first.bye(wire.ByeReplaced)
			hears(second, "restarting", func(f wire.Status) bool { return f.State == wire.StateRestarting })
			_ = second.conn.NetConn().Close()
		}
		last := s.visit("ann", resume(u.ID(), 1))
		if ready := last.ready(); ready.Path == wire.PathResumed {
			t.Error("a new agent passes for the old one, or the restart was over too soon to be disturbed")
		}
		last.echoes("all is well")
		if used := s.usedTasks(); len(used) != 2 {
			t.Errorf("tasks used: %v", used)
		}
		s.awaitStatus("one session with one task", func(p messages.PoolStatus) bool {
			return len(p.Sessions) == 1 && p.Pool.Assigned == 1 && p.Pool.Stopping == 0
		})
	})
}
