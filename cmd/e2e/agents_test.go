package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

// paced has pauses after failures as the product has them: that is what these tests are about.
func paced(c *gateway.Config) {
	c.Actors.BackoffBase, c.Actors.BackoffMax = 500*time.Millisecond, 30*time.Second
}

// scriptAgent writes an agent that can be made to fail at any time: its program is taken away.
func scriptAgent(t *testing.T) (command string, works func(bool)) {
	path := filepath.Join(sharedDir(t), "agent")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec cat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, func(works bool) {
		mode := os.FileMode(0o644)
		if works {
			mode = 0o755
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// One user's workspace is broken, and the user tries again and again, at once. That takes a handful of tasks, each error says how
// long to wait, others are served, and the gateway is ready throughout.
func TestOneUserWhoseAgentCannotStart(t *testing.T) {
	t.Parallel() // it mostly waits
	s := openSite(t, paced)
	s.awaitReady(3)
	s.visit("bo").ready()
	if err := os.WriteFile(s.workspace("al"), []byte("no directory"), 0o644); err != nil {
		t.Fatal(err)
	}
	retries, before := 0, s.metric("hearth_task_starts_total")
	for until := time.Now().Add(8 * time.Second); time.Now().Before(until); retries++ {
		u := s.visit("al")
		failure := u.failure(wire.CodeStartFailed)
		if !failure.Retryable || failure.RetryAfterMs <= 0 {
			t.Fatalf("al is told %+v", failure)
		}
		u.ended()
		if code, text := s.get("/readyz"); code != http.StatusOK {
			t.Fatalf("/readyz: %d %s", code, text)
		}
	}
	if starts := s.metric("hearth_task_starts_total") - before; starts > 8 {
		t.Errorf("%d sessions of one user have cost %v tasks in 8 s", retries, starts)
	}
	if s.metric("hearth_claims_delayed_total") == 0 || s.metric(`hearth_claims_failed_total{reason="workspace"}`) != float64(retries) {
		t.Error("the metrics do not tell what was put off, or why claims failed")
	}
	waiting := s.visit("al")
	told := waiting.state(wire.StateWaiting)
	if told.Reason != wire.ReasonBackoff || told.EtaMs <= 0 || !strings.Contains(told.Message, "al is not a directory") {
		t.Errorf("al is told %+v", told)
	}
	if err := os.Remove(s.workspace("al")); err != nil {
		t.Fatal(err)
	}
	s.visit("cy").ready()
	waiting.ready() // once its time has come
}

// The agents of one user start, and end before they are of use. Whoever tries again and again is given tasks later and later, and is
// told why; /readyz and a metric say so, and others are served.
func TestOneUserWhoseAgentEndsAtOnce(t *testing.T) {
	t.Parallel() // it mostly waits
	s := openSite(t, paced, agent(`bash -c 'test -e broken && exit 4; exec cat'`))
	s.awaitReady(3)
	if err := os.Mkdir(s.workspace("al"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.workspace("al"), "broken"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before := s.metric("hearth_task_starts_total")
	for attempt := range 4 {
		u := s.visit("al")
		if attempt > 0 {
			told := await(u, "why it waits", func(f wire.Status) bool { return f.Reason == wire.ReasonBackoff })
			if told.EtaMs <= 0 || !strings.Contains(told.Message, "ended as soon as it had started (exit 4)") {
				t.Errorf("al is told %+v", told)
			}
		}
		u.ready()
		u.ended()
	}
	if starts := s.metric("hearth_task_starts_total") - before; starts > 4 {
		t.Errorf("4 sessions have cost %v tasks", starts)
	}
	if code, text := s.get("/readyz"); code != http.StatusOK || !strings.Contains(text, "agents of one user end as soon as they have started: exit 4") {
		t.Errorf("/readyz: %d %s", code, text)
	}
	if s.metric("hearth_agents_ended_at_once_total") != 4 {
		t.Error("the metric does not tell of the four")
	}
	s.visit("cy").ready()
}

// The agent's program is taken away. Once the agents of three users have failed, /readyz, the log, a metric and the errors say
// why, and few tasks are started; when the program is back, it heals by itself.
func TestAgentsThatCannotStart(t *testing.T) {
	command, works := scriptAgent(t)
	s := openSite(t, paced, agent(command))
	s.awaitReady(3)
	s.visit("ann").ready()
	s.awaitStatus("three tasks are ready", func(p messages.PoolStatus) bool { return p.Pool.Ready == 3 })
	works(false)
	before := s.metric("hearth_task_starts_total")
	for _, name := range []string{"bo", "cy", "di"} {
		s.visit(name, func(c *client.Config) { c.GiveUp = time.Minute })
	}
	eventually(t, "/readyz says why", func() bool {
		code, text := s.get("/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, "agents cannot be started") && strings.Contains(text, command)
	})
	if line := s.log.await(t, "agents cannot be started, for one user after the other: tasks are started one at a time, later and later"); line.Level != "error" || !strings.Contains(line.Reason, command) {
		t.Errorf("the log says %+v", line)
	}
	if s.metric("hearth_agents_failing") != 1 {
		t.Error("hearth_agents_failing is not 1")
	}
	time.Sleep(3 * time.Second)
	if starts := s.metric("hearth_task_starts_total") - before; starts > 8 {
		t.Errorf("%v tasks were started meanwhile", starts)
	}
	works(true)
	s.visit("ed").ready()
	eventually(t, "it is ready again", func() bool {
		code, text := s.get("/readyz")
		return code == http.StatusOK && text == "ready\n" && s.metric("hearth_agents_failing") == 0
	})
}

// No bridge can start an agent, from the first on. No client has to find that out: /readyz, the log, the metrics and the errors name
// the program within seconds, and starts are spaced out.
func TestBridgesThatCannotStartAgents(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		missing := filepath.Join(t.TempDir(), "agent")
		s := openSite(t, paced, warmPool(warm), agent(missing+" --flag"))
		u := s.visit("ann")
		if failure := u.failure(wire.CodeAgentFailed); !strings.Contains(failure.Message, missing) {
			t.Errorf("ann is told %+v", failure)
		}
		eventually(t, "/readyz names the program", func() bool {
			code, text := s.get("/readyz")
			return code == http.StatusServiceUnavailable && strings.Contains(text, missing)
		})
		if line := s.log.await(t, "task did not become ready, or died while it waited"); !strings.Contains(line.Reason, missing) {
			t.Errorf("the log says %+v", line)
		}
		if s.metric(`hearth_task_start_failures_total{kind="",reason="agent"}`) < 3 || s.metric(`hearth_claims_failed_total{reason="agent"}`) != 1 {
			t.Error("the metrics do not tell why")
		}
		if starts := s.metric("hearth_task_starts_total"); starts > 9 {
			t.Errorf("%v tasks were started", starts)
		}
	})
}

// A crash loop shows: how agents end is in the metrics and the log.
func TestHowAgentsEndIsTold(t *testing.T) {
	s := openSite(t, agent(`sh -c 'read how; case $how in kill) kill -SEGV $$;; *) exit $how;; esac'`))
	for how, exit := range map[string]string{"0": "0", "7": "7", "kill": "SIGSEGV"} {
		u := s.visit("user-" + how)
		u.ready()
		u.says(how)
		u.ended()
		eventually(t, "it is counted", func() bool {
			return strings.Contains(s.must(http.MethodGet, "/metrics", ""), `hearth_agent_exits_total{exit="`+exit+`"} 1`)
		})
	}
	if n := len(s.log.lines("agent has ended")); n != 3 {
		t.Errorf("the log tells of %d ends", n)
	}
}
