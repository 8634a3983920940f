package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/messages"
	"hearth/messages/wire"
)

// Two gateways are behind one address, and a client's dial leads to the one that does not have its session. It is told to come
// again, finds the other one, and goes on as if nothing had been. For a session that neither has, the answer is final.
func TestSessionAtTheOtherGateway(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	bridges, clients := openProxy(t), openProxy(t)
	environment := append(ecs.gatewayEnvironment(bridges.ws()), "TASK_SWEEP_INTERVAL=1s")
	first := startGateway(t, dir, environment...)
	aim(t, bridges, first)
	aim(t, clients, first)
	at := func(c *client.Config) { c.URL = clients.ws() }
	u := connect(t, "ann", at)
	u.ready()
	u.echoes("before")
	first.awaitStatus("the pool is full", func(p messages.PoolStatus) bool { return p.Pool.Ready == 3 })
	second := startGateway(t, dir, append(environment, "ENABLE_WARM_POOL=false")...)
	second.awaitStatus("the second gateway sees the first one's tasks", func(p messages.PoolStatus) bool { return len(p.Tasks) == 4 })
	eventuallyWithin(t, time.Minute, "and leaves them alone", func() bool { return len(second.status().Tasks) == 0 })

	aim(t, clients, second)
	clients.cut()
	if said := u.failure(wire.CodeSessionNotFound); !said.Retryable {
		t.Errorf("told %+v", said)
	}
	aim(t, clients, first)
	if again := u.ready(); again.Path != wire.PathResumed {
		t.Errorf("ready again: %+v", again)
	}
	u.echoes("after")

	aim(t, clients, second)
	lost := connect(t, "bob", at, resume("s-nowhere", 0))
	if end := lost.ended(); end.Reason != client.EndNoSession {
		t.Errorf("%+v", end)
	}
	for _, g := range []realGateway{first, second} {
		g.signal(syscall.SIGKILL)
		g.exit()
	}
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}

// An operator drains a gateway, and takes that back before there is another to take its tasks over: the session goes on, and the ready
// tasks are found again, not replaced.
func TestADrainThatIsTakenBack(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	bridges := openProxy(t)
	g := startGateway(t, dir, ecs.gatewayEnvironment(bridges.ws())...)
	aim(t, bridges, g)
	u := connect(t, "ann", g.at)
	u.ready()
	filled := func(p messages.PoolStatus) bool { return p.Pool.Ready == 3 && p.Pool.Starting == 0 }
	full := readyTasks(g.awaitStatus("the pool is full", filled))
	g.must(http.MethodPost, "/api/drain", "")
	u.echoes("while it drains")
	g.must(http.MethodDelete, "/api/drain", "")
	for task := range readyTasks(g.awaitStatus("the pool is full again", filled)) {
		if !full[task] {
			t.Errorf("task %s was started, and those of before were there", task)
		}
	}
	u.echoes("after")
	connect(t, "bob", g.at).ready()
	g.signal(syscall.SIGKILL)
	g.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}
