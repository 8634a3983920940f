package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestWarmTaskKilledWhileItWaits(t *testing.T) {
	s := openSite(t)
	victims := readyTasks(s.awaitReady(3))
	for task := range victims {
		signalTask(t, s.dir, task, syscall.SIGKILL)
	}
	s.awaitStatus("all three are replaced", func(p messages.PoolStatus) bool {
		for task := range readyTasks(p) {
			if victims[task] {
				return false
			}
		}
		return p.Pool.Ready == 3
	})
	for _, u := range s.together(3) {
		u.ready()
		u.echoes("hello")
		if task := s.taskOf(u); victims[task] {
			t.Errorf("%s was given a task that had been killed", u.name)
		}
	}
}

// A task that is killed in the moment of the claim: its bridge is stopped, so that it has been given the user and has not
// answered.
func TestTaskKilledBetweenClaimAndReady(t *testing.T) {
	s := openSite(t, pool(1, 10))
	var victim wire.TaskID
	for victim = range readyTasks(s.awaitReady(1)) {
		signalTask(t, s.dir, victim, syscall.SIGSTOP)
	}
	u := s.visit("ann")
	if task := s.taskOf(u); task != victim {
		t.Fatalf("ann was given %s, not the one ready task", task)
	}
	signalTask(t, s.dir, victim, syscall.SIGKILL)
	if ready := u.ready(); ready.Path == wire.PathCold && ready.Why != wire.WhyClaimFailed {
		t.Errorf("%+v", ready)
	}
	u.echoes("alive")
	if task := s.taskOf(u); task == victim {
		t.Error("ann still has the task that was killed")
	}
}

// A bridge that hangs answers nothing. The session has another task after ACCEPT_TIMEOUT, and keeps its input.
func TestBridgeHangsAtTheClaim(t *testing.T) {
	s := openSite(t, pool(1, 10), func(c *gateway.Config) { c.Actors.AcceptTimeout = 300 * time.Millisecond })
	for task := range readyTasks(s.awaitReady(1)) {
		signalTask(t, s.dir, task, syscall.SIGSTOP)
	}
	u := s.visit("ann")
	u.says("said before there was an agent")
	u.ready()
	u.hears("said before there was an agent")
	u.echoes("and after")
	if requeued := s.log.lines("task failed its session, which gets another"); len(requeued) == 0 || !strings.Contains(requeued[0].Reason, "accept") {
		t.Errorf("the log says of the hanging task: %+v", requeued)
	}
}

// Without a pool there is no ready task to kill: the one that is started for the session dies before it is ready.
func TestDedicatedTaskKilledBeforeReady(t *testing.T) {
	s := openSite(t, warmPool(false), agent("sh -c 'read line; exec cat'"), func(c *gateway.Config) {
		c.Local.StartDelay = 100 * time.Millisecond
	})
	s.faults(`{"task":{"failureRate":1}}`)
	u := s.visit("ann")
	s.log.await(t, "task did not become ready, or died while it waited")
	s.faults(`{}`)
	u.ready()
}

func TestAgentThatDoesNotExist(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		missing := filepath.Join(t.TempDir(), "agent")
		s := openSite(t, warmPool(warm), agent(missing+" --flag"))
		u := s.visit("ann")
		failure := u.failure(wire.CodeAgentFailed)
		if !strings.Contains(failure.Message, missing) || failure.Retryable {
			t.Errorf("ann is told %+v, which does not name the agent or says that it might help to try again", failure)
		}
		if end := u.ended(); end.Reason != "start_failed" || end.Lives {
			t.Errorf("%+v", end)
		}
		if n := len(s.usedTasks()); n != 0 {
			t.Errorf("ann was given %d tasks that cannot start an agent", n)
		}
	})
}

func TestAgentThatExitsAtOnce(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm), agent(`sh -c 'echo its last line; echo out of memory >&2; exit 3'`))
		u := s.visit("ann")
		u.ready()
		u.hears("its last line")
		exit := await(u, "exit", func(wire.Exit) bool { return true })
		if exit.Code != 3 || exit.Signal != "" || !strings.Contains(exit.Stderr, "out of memory") {
			t.Errorf("%+v", exit)
		}
		if end := u.ended(); end.Reason != "closed" {
			t.Errorf("%+v", end)
		}
		s.awaitStatus("the session is gone", func(p messages.PoolStatus) bool { return len(p.Sessions) == 0 })
	})
}

// A task of a session that is at work is killed: the session goes on in another one, in the same workspace, and the
// numbers go on.
func TestActiveTaskKilled(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm), agent("bash"))
		u := s.visit("ann")
		first := u.ready()
		u.says("echo kept >file; echo $BASHPID")
		one := await(u, "the first agent's pid", func(wire.Data) bool { return true })
		signalTask(t, s.dir, s.taskOf(u), syscall.SIGKILL)
		u.state(wire.StateRestarting)
		second := u.ready()
		if first.Path == wire.PathResumed || second.Path == wire.PathResumed {
			t.Errorf("ready as %s and then as %s: a new agent passes for the old one", first.Path, second.Path)
		}
		u.says("cat file; echo $BASHPID")
		if kept := u.hears("kept"); kept.Seq != one.Seq+1 {
			t.Errorf("output %d follows output %d", kept.Seq, one.Seq)
		}
		two := await(u, "the second agent's pid", func(wire.Data) bool { return true })
		if textOf(one) == textOf(two) && first.Path == second.Path && s.usedTasks() == nil {
			t.Error("it is the same agent")
		}
		if n := len(s.usedTasks()); n != 2 {
			t.Errorf("%d tasks were used", n)
		}
	})
}

// An agent that takes its task down each time is not given tasks for ever.
func TestTaskLostAgainAndAgain(t *testing.T) {
	s := openSite(t)
	u := s.visit("ann")
	for range s.cfg.Actors.ClaimAttempts {
		u.ready()
		signalTask(t, s.dir, s.taskOf(u), syscall.SIGKILL)
	}
	u.failure(wire.CodeTaskLost)
	if end := u.ended(); end.Reason != "task_lost" || end.Lives {
		t.Errorf("%+v", end)
	}
}

// Tasks are given an address where nobody listens. The pool never fills; the log and /readyz say why, in a line.
func TestWrongGatewayAddress(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm), func(c *gateway.Config) {
			c.GatewayWSURL = "ws://127.0.0.1:1"
			c.Actors.DialGrace, c.Actors.DialTimeout = 200*time.Millisecond, 600*time.Millisecond
			c.Actors.BackoffBase, c.Actors.BackoffMax = 10*time.Millisecond, 50*time.Millisecond
		})
		u := s.visit("ann")
		warning := s.log.await(t, "task runs, but its bridge has not reached the gateway: check GATEWAY_WS_URL, security groups and the task's log")
		if warning.Level != "warn" {
			t.Errorf("%+v", warning)
		}
		if warm {
			eventually(t, "/readyz names GATEWAY_WS_URL", func() bool {
				code, text := s.get("/readyz")
				return code == 503 && strings.Contains(text, "GATEWAY_WS_URL") && strings.Count(text, "\n") == 1
			})
		}
		if failure := u.failure(wire.CodeStartFailed); !strings.Contains(failure.Message, "did not reach the gateway") {
			t.Errorf("ann is told %q", failure.Message)
		}
		u.ended()
	})
}
