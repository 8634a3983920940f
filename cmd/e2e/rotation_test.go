package e2e

import (
	"strings"
	"syscall"
	"testing"

	"hearth/infra/client"
	"hearth/messages"
)

// The secret of the tasks' tokens is changed: the gateway is killed and comes back with another one and this as the one
// before. The session and the warm tasks go on; a gateway that was not told of the old secret takes none of them.
func TestTaskTokenSecretChanged(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t)
	environment := append(ecs.gatewayEnvironment(address.ws()), "STOP_GRACE=1s", "DRAIN_TIMEOUT=1s")
	const old, fresh = "the secret of before, which is long enough", "the secret of today, which is long enough"

	first := startGateway(t, dir, append(environment, "TASK_TOKEN_SECRET="+old)...)
	aim(t, address, first)
	u := connect(t, "ann", func(c *client.Config) { c.URL = address.ws() })
	u.ready()
	warm := readyTasks(first.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 }))
	task := first.taskOf(u)
	first.signal(syscall.SIGKILL)
	first.exit()

	stranger := startGateway(t, dir, append(environment, "TASK_TOKEN_SECRET="+fresh)...)
	aim(t, address, stranger)
	eventually(t, "the bridges are refused", func() bool { return strings.Contains(stranger.log.String(), "no valid task token") })
	if status := stranger.status(); len(status.Sessions) != 0 {
		t.Errorf("sessions were taken over: %+v", status.Sessions)
	}
	stranger.signal(syscall.SIGKILL)
	stranger.exit()

	second := startGateway(t, dir, append(environment, "TASK_TOKEN_SECRET="+fresh, "TASK_TOKEN_SECRET_PREVIOUS="+old)...)
	aim(t, address, second)
	u.echoes("the same session")
	if now := second.taskOf(u); now != task {
		t.Errorf("the session goes on in %s, was in %s", now, task)
	}
	status := second.awaitStatus("the pool is full again", func(s messages.PoolStatus) bool { return s.Pool.Ready >= 3 })
	kept := 0
	for id := range readyTasks(status) {
		if warm[id] {
			kept++
		}
	}
	if kept == 0 {
		t.Error("no warm task was taken over")
	}
	second.signal(syscall.SIGKILL)
	second.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}
