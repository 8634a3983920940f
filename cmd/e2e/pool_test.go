package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// startPool starts a gateway in a process of its own with a pool of cats.
func startPool(t *testing.T, environment ...string) realGateway {
	t.Helper()
	dir := sharedDir(t)
	return startGateway(t, dir, append([]string{"LOCAL_BRIDGE=" + bridgeIn(t, dir), "AGENT_COMMAND=cat"}, environment...)...)
}

// A minimum is all that has to be said, whatever it is: the pool comes to it, however few may start at once and wherever
// the threshold is.
func TestThePoolIsFilledToItsMinimum(t *testing.T) {
	for _, test := range []struct {
		environment []string
		ready       int
	}{
		{[]string{"WARM_POOL_MIN_SIZE=1"}, 1},
		{[]string{"WARM_POOL_MIN_SIZE=2"}, 2},
		{[]string{"WARM_POOL_MIN_SIZE=7", "LAUNCH_CONCURRENCY=3"}, 7},
		{[]string{"WARM_POOL_MIN_SIZE=5", "LAUNCH_CONCURRENCY=2", "WARM_POOL_REPLENISH_THRESHOLD=0"}, 5},
	} {
		t.Run(fmt.Sprint(test.environment), func(t *testing.T) {
			g := startPool(t, test.environment...)
			g.awaitReady(test.ready)
		})
	}
}

// A resize that comes while tasks start keeps those that are ready.
func TestShrinkingKeepsWhatIsReady(t *testing.T) {
	g := startPool(t, "WARM_POOL_MIN_SIZE=3", "LOCAL_START_DELAY=3s")
	full := g.awaitReady(3)
	g.must(http.MethodPost, "/api/pool", `{"min":9,"max":10}`)
	g.awaitStatus("tasks are starting", func(s messages.PoolStatus) bool { return s.Pool.Starting == 6 })
	g.must(http.MethodPost, "/api/pool", `{"min":3,"max":3}`)
	ready := readyTasks(g.awaitReady(3))
	for task := range readyTasks(full) {
		if !ready[task] {
			t.Errorf("task %s was ready, and was stopped for one that was starting", task)
		}
	}
}

// Tasks above the minimum go after a while.
func TestSurplusGoes(t *testing.T) {
	g := startPool(t, "WARM_POOL_MIN_SIZE=4", "WARM_POOL_SURPLUS_TTL=2s")
	g.awaitReady(4)
	g.must(http.MethodPost, "/api/pool", `{"min":1}`)
	if s := g.status(); s.Pool.Ready != 4 {
		t.Errorf("right after the minimum was lowered: %+v", s.Pool)
	}
	g.awaitReady(1)
}

// begins opens a socket and begins a session.
func (g realGateway) begins(user string) *wireClient {
	g.t.Helper()
	w := g.wire(user)
	w.says(wire.Hello{})
	hears(w, "session", func(wire.Session) bool { return true })
	return w
}

// A page that is loaded again and again begins a session each time. Those without a client hold no place and no task, so that
// who stays is served by the task that was started for the first.
func TestPageReloadsTakeOneTask(t *testing.T) {
	t.Parallel() // it mostly waits
	bothWays(t, func(t *testing.T, warm bool) {
		g := startPool(t, "ENABLE_WARM_POOL="+fmt.Sprint(warm), "WARM_POOL_MIN_SIZE=0", "LOCAL_START_DELAY=4s", "SESSION_ABANDON_GRACE=1s")
		for range 10 {
			_ = g.begins("ann").conn.NetConn().Close()
			time.Sleep(200 * time.Millisecond)
		}
		last := g.begins("ann")
		hears(last, "ready", func(wire.Ready) bool { return true })
		s := g.awaitStatus("the ghosts are gone", func(s messages.PoolStatus) bool {
			return len(s.Sessions) == 1 && len(s.Tasks) == 1
		})
		if s.Pool.Assigned != 1 {
			t.Errorf("%+v", s.Pool)
		}
		if starts := len(g.log.lines("task is to be started")); warm && starts != 1 {
			t.Errorf("%d tasks were started, want 1", starts)
		}
	})
}

// A burst gives up before it is served: nobody waits for it, and what was started for it goes.
func TestABurstThatGivesUpLeavesNothing(t *testing.T) {
	g := startPool(t, "WARM_POOL_MIN_SIZE=0", "LOCAL_START_DELAY=2s", "SESSION_ABANDON_GRACE=1s", "WARM_POOL_SURPLUS_TTL=2s")
	var burst []*wireClient
	for i := range 20 {
		burst = append(burst, g.begins(fmt.Sprint("user-", i)))
	}
	for _, w := range burst {
		_ = w.conn.NetConn().Close()
	}
	g.awaitStatus("nobody waits, and no task is left", func(s messages.PoolStatus) bool {
		return len(s.Sessions)+len(s.Tasks)+s.Pool.Waiting == 0
	})
}

// A gateway for which no task is ready before its first session is ready to take that.
func TestReadyWithoutAReadyTask(t *testing.T) {
	for _, setting := range []string{"WARM_POOL_MIN_SIZE=0", "ENABLE_WARM_POOL=false"} {
		g := startPool(t, setting)
		eventually(t, setting+": /readyz says yes", func() bool {
			code, text := g.get("/readyz")
			return code == http.StatusOK && text == "ready\n"
		})
		if n := len(g.status().Tasks); n != 0 {
			t.Errorf("%s: %d tasks", setting, n)
		}
	}
}
