package bridge

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

// testLease is short, and long enough for a machine that is busy.
const testLease = time.Second

// writing is an agent that appends to its workspace again and again, as its children do: one in its process group and one in a
// session of its own.
const writing = `setsid sh -c "while kill -0 $$; do echo x >>detached; sleep 0.01; done" & (while :; do echo x >>child; sleep 0.01; done) & i=0; while :; do i=$((i+1)); echo $i >>leader; sleep 0.01; done`

var written = []string{"detached", "child", "leader"}

// leased is a bridge with a short lease whose agent writes.
func leased(t *testing.T, g *gateway, change func(*Config)) (*running, *peer) {
	t.Helper()
	cfg := testConfig(t, g)
	cfg.AgentCommand = script(writing)
	cfg.TaskLease, cfg.TaskOrphanTTL = testLease, patience
	change(&cfg)
	r := start(t, cfg)
	p := r.begin(g)
	t.Cleanup(func() { // before the directory goes
		r.cancel()
		eventually(t, "nothing writes any more", func() bool {
			before := r.sizes()
			time.Sleep(50 * time.Millisecond)
			return r.sizes() == before
		})
	})
	eventually(t, "the agent writes", func() bool { return r.grown() })
	return r, p
}

// sizes are those of the files that the agent writes.
func (r *running) sizes() (sizes [3]int64) {
	for i, name := range written {
		if info, err := os.Stat(filepath.Join(r.workspace(), name)); err == nil {
			sizes[i] = info.Size()
		}
	}
	return sizes
}

// grown reports whether all of the files grow.
func (r *running) grown() bool {
	before := r.sizes()
	time.Sleep(50 * time.Millisecond)
	after := r.sizes()
	for i := range written {
		if after[i] == before[i] {
			return false
		}
	}
	return true
}

// awaitSuspension waits until nothing is written any more, and proves that it stays so.
func (r *running) awaitSuspension() {
	r.t.Helper()
	eventually(r.t, "the agent is suspended", func() bool {
		return strings.Contains(r.log.String(), "the agent is suspended")
	})
	before := r.sizes()
	time.Sleep(200 * time.Millisecond)
	if after := r.sizes(); after != before {
		r.t.Fatalf("a suspended agent has written: %v, then %v", before, after)
	}
}

func TestAgentIsSuspendedWithoutAGatewayAndGoesOnWithOne(t *testing.T) {
	for name, c := range map[string]struct {
		root   bool
		change func(*testing.T, *Config)
	}{
		"pipes":      {false, func(*testing.T, *Config) {}},
		"a terminal": {false, func(_ *testing.T, cfg *Config) { cfg.AgentIO = Terminal }},
		"a UID of its own": {true, func(t *testing.T, cfg *Config) {
			cfg.WorkspaceRoot, cfg.Isolation = passable(t), "uid,landlock"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.root {
				testkit.NeedRoot(t)
			}
			g := newGateway(t)
			r, p := leased(t, g, func(cfg *Config) { c.change(t, cfg) })
			g.Refuse.Store(503)
			p.Cut()
			r.awaitSuspension()
			g.Refuse.Store(0)
			p = g.next()
			if p.hello.SuspendedMs == 0 || !p.hello.Leases {
				t.Errorf("hello %+v tells nothing of the suspension", p.hello)
			}
			expect[wire.BridgeReady](p)
			before := r.sizes()
			p.Send(wire.Limits{MaxFrameBytes: 1 << 20}) // says only that there is a gateway
			time.Sleep(100 * time.Millisecond)
			if after := r.sizes(); after != before {
				t.Fatal("the agent went on before the gateway said that the session is this task's")
			}
			p.Send(wire.Ack{})
			eventually(t, "the agent goes on", r.grown)
			if lost := r.lost(); lost != "" {
				t.Error(lost)
			}
		})
	}
}

// lost says what the agent's memory has lost: it counts in a variable.
func (r *running) lost() string {
	text, err := os.ReadFile(filepath.Join(r.workspace(), "leader"))
	if err != nil {
		return err.Error()
	}
	for i, line := range strings.Fields(string(text)) {
		if line != fmt.Sprint(i+1) {
			return fmt.Sprintf("line %d is %s", i+1, line)
		}
	}
	return ""
}

// A gateway that answers pings keeps the lease alive however long nothing is said; one that answers none does not, though the
// socket stands.
func TestPongsRenewTheLease(t *testing.T) {
	g := newGateway(t)
	r, p := leased(t, g, func(*Config) {})
	time.Sleep(3 * testLease)
	if !r.grown() {
		t.Fatal("the agent does not run, and its gateway is there")
	}
	p.Mute.Store(true)
	r.awaitSuspension()
	p.AwaitEnd()
}

func TestSuspendedTaskIsToldToStop(t *testing.T) {
	g := newGateway(t)
	r, p := leased(t, g, func(cfg *Config) {
		cfg.AgentCommand = script(`trap "echo x >>ended; exit 0" TERM; ` + writing)
	})
	g.Refuse.Store(503)
	p.Cut()
	r.awaitSuspension()
	g.Refuse.Store(0)
	p = g.next()
	before := r.sizes()
	p.Send(wire.Stop{Reason: "another task has its session", GraceMs: patience.Milliseconds()})
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(r.workspace(), "ended")); err == nil || r.sizes() != before {
		t.Errorf("the agent ran again, be it to end: %v, then %v", before, r.sizes())
	}
}

func TestSuspendedTaskWhoseContainerIsToldToEnd(t *testing.T) {
	g := newGateway(t)
	r, p := leased(t, g, func(*Config) {})
	g.Refuse.Store(503)
	p.Cut()
	r.awaitSuspension()
	before := r.sizes()
	r.cancel()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if r.sizes() != before {
		t.Error("the agent ran again")
	}
}

func TestOrphanedTaskEnds(t *testing.T) {
	g := newGateway(t)
	r, p := leased(t, g, func(cfg *Config) { cfg.TaskOrphanTTL = 3 * testLease })
	g.Refuse.Store(503)
	p.Cut()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.log.String(), "its gateway has been gone for 3s") {
		t.Error("the log does not say why it ended")
	}
}

// A task whose session another one was given since says nothing to any gateway, and ends.
func TestOvertakenTaskEnds(t *testing.T) {
	g := newGateway(t)
	r, p := leased(t, g, func(*Config) {})
	g.Refuse.Store(503)
	p.Cut()
	r.awaitSuspension()
	before := r.sizes()

	second := newGateway(t)
	cfg := testConfig(t, second)
	cfg.TaskID, cfg.WorkspaceRoot = "task-2", r.cfg.WorkspaceRoot
	start(t, cfg).begin(second)

	g.Refuse.Store(0)
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.log.String(), "another task was given its session") {
		t.Error("the log does not say why it ended")
	}
	if r.sizes() != before {
		t.Error("the agent ran again")
	}
}

// Where the gateway knows of leases nothing of the user's runs before it has heard that the task has the user.
func TestAgentStartsWithTheGatewaysLeave(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script(`echo x >started; cat`)
	r := start(t, cfg)
	p := g.next()
	p.Send(wire.Limits{MaxFrameBytes: 1 << 20, LeaseMs: 60_000, OrphanMs: 60_000})
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	time.Sleep(100 * time.Millisecond)
	started := filepath.Join(r.workspace(), "started")
	if _, err := os.Stat(started); err == nil {
		t.Fatal("the agent has started without leave")
	}
	p.Send(wire.Proceed{})
	expect[wire.BridgeReady](p)
	eventually(t, "the agent runs", func() bool { _, err := os.Stat(started); return err == nil })
}

// One that hears nothing of it before the lease is over gives up.
func TestAgentThatMayNotStart(t *testing.T) {
	g := newGateway(t)
	cfg := testConfig(t, g)
	cfg.AgentCommand = script(`echo x >started; cat`)
	r := start(t, cfg)
	p := g.next()
	p.Send(wire.Limits{MaxFrameBytes: 1 << 20, LeaseMs: testLease.Milliseconds()})
	p.Send(r.initUser())
	expect[wire.Accepted](p)
	p.AwaitEnd()
	p = g.next()
	expect[wire.InitFailed](p)
	p.Send(wire.Stop{})
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(r.workspace(), "started")); err == nil {
		t.Error("the agent has started")
	}
}

func TestLeaseInForce(t *testing.T) {
	for _, c := range []struct {
		told           int64
		own, fall, out time.Duration
	}{
		{0, 0, time.Minute, time.Minute}, {2000, 0, time.Minute, 2 * time.Second}, {0, time.Second, time.Minute, time.Second},
		{2000, time.Second, time.Minute, time.Second}, {1000, time.Hour, time.Minute, time.Second},
	} {
		if got := inForce(c.told, c.own, c.fall); got != c.out {
			t.Errorf("told %d ms, own %v: %v, want %v", c.told, c.own, got, c.out)
		}
	}
}
