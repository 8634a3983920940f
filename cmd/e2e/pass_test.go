package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"hearth/infra/sign"
	"hearth/messages"
	"hearth/messages/wire"
)

// claim is what a captured bridge shows to a gateway that knows nothing of its session, to pass for one without a user.
type claim struct {
	name string
	pass func(own, another wire.TaskID) wire.Secret
}

// claims are all that it could have: its own pass it has forgotten.
func claims(t testing.TB) []claim {
	t.Helper()
	return []claim{
		{"nothing", func(_, _ wire.TaskID) wire.Secret { return "" }},
		{"an old secret's pass", func(own, _ wire.TaskID) wire.Secret {
			return signerOf(t, "a secret of before, which is long enough").WarmPass(own)
		}},
		{"its token", func(own, _ wire.TaskID) wire.Secret {
			return wire.Secret(signerOf(t, taskTokenSecret).TaskToken(own))
		}},
		{"another task's pass", func(_, another wire.TaskID) wire.Secret {
			return signerOf(t, taskTokenSecret).WarmPass(another)
		}},
	}
}

func signerOf(t testing.TB, secret string) *sign.Signer {
	t.Helper()
	signer, err := sign.New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// claimsToBeWarm dials a gateway as the bridge of a task.
func (g realGateway) claimsToBeWarm(task wire.TaskID, pass wire.Secret) *wireClient {
	g.t.Helper()
	header := http.Header{"Authorization": {"Bearer " + signerOf(g.t, taskTokenSecret).TaskToken(task)}}
	w, status := openWire(g.t, g.ws+"/internal/warm/"+string(task), header)
	if w == nil {
		g.t.Fatalf("HTTP %d", status)
	}
	w.says(wire.BridgeHello{TaskID: task, State: wire.BridgeWarm, Pass: pass})
	return w
}

// refused has a bridge that shows something claim to be warm, and checks that it was sent away and told nothing.
func (g realGateway) refused(task wire.TaskID, shows string, pass wire.Secret) {
	g.t.Helper()
	w := g.claimsToBeWarm(task, pass)
	select {
	case <-w.gone:
	case <-time.After(patience):
		g.t.Errorf("one that showed %s was not sent away", shows)
	}
	if w.heardSecrets() {
		g.t.Errorf("one that showed %s was told something", shows)
	}
}

// usersComeTo has new users come to a gateway. None of them may be given a task that had one before.
func (g realGateway) usersComeTo(n int, captured map[wire.TaskID]bool) {
	g.t.Helper()
	for range n {
		bob := connect(g.t, "bob", g.at)
		bob.ready()
		bob.echoes("nobody was here")
		if task := g.taskOf(bob); captured[task] {
			g.t.Errorf("bob was given task %s, which had a user", task)
		}
	}
}

// The agents of some sessions have captured their bridges, and the gateway is killed. To the next one, which finds their
// tasks in ECS and knows nothing of their sessions, they claim to be warm. None is taken into the pool; the tasks that are
// warm are, all of them.
func TestCapturedBridgesAfterAKill(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t)
	environment := append(ecs.gatewayEnvironment(address.ws()), "STOP_GRACE=1s", "DRAIN_TIMEOUT=1s")
	first := startGateway(t, dir, environment...)
	aim(t, address, first)
	captured := map[wire.TaskID]bool{}
	var tasks []wire.TaskID
	for range claims(t) {
		eve := connect(t, "eve", first.at)
		eve.ready()
		task := first.taskOf(eve)
		tasks, captured[task] = append(tasks, task), true
	}
	warm := readyTasks(first.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 }))
	first.signal(syscall.SIGKILL)
	first.exit()
	for _, task := range tasks {
		signalTask(t, dir, task, syscall.SIGSTOP) // what the agent says is not what the real one would
		defer func() { _ = syscall.Kill(pidOfTask(t, dir, task), syscall.SIGCONT) }()
	}

	second := startGateway(t, dir, environment...)
	second.awaitStatus("it knows what runs", func(s messages.PoolStatus) bool { return len(s.Tasks) >= len(tasks)+len(warm) })
	for i, claim := range claims(t) {
		second.refused(tasks[i], claim.name, claim.pass(tasks[i], anyOf(warm)))
	}
	aim(t, address, second)
	second.awaitStatus("the warm tasks are taken over, and no other", func(s messages.PoolStatus) bool {
		ready := readyTasks(s)
		for task := range warm {
			if !ready[task] {
				return false
			}
		}
		return len(ready) == len(warm) && s.Pool.Starting == 0
	})
	second.usersComeTo(4, captured)
	second.signal(syscall.SIGKILL)
	second.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}

// Two gateways of a deployment are there at once. The bridges that were captured at the one dial the other. It has never heard
// of their sessions; of their tasks it knows at most that they did not run yet when it began, which proves nothing by now.
func TestCapturedBridgesAtAnotherGateway(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	start := func() realGateway {
		address := openProxy(t)
		g := startGateway(t, dir, append(ecs.gatewayEnvironment(address.ws()), "STOP_GRACE=1s", "DRAIN_TIMEOUT=1s")...)
		aim(t, address, g)
		return g
	}
	ecs.must(http.MethodPost, "/_localecs/faults", `{"task":{"startDelay":"3s"}}`)
	first := start()
	pending := first.awaitStatus("three tasks are starting", func(s messages.PoolStatus) bool { return s.Pool.Starting == 3 })
	other := start()
	other.awaitStatus("it knows of them", func(s messages.PoolStatus) bool { return len(s.Tasks) == 3 })
	ecs.must(http.MethodPost, "/_localecs/faults", `{}`)

	captured := map[wire.TaskID]bool{}
	capture := func() wire.TaskID {
		eve := connect(t, "eve", first.at)
		eve.ready()
		task := first.taskOf(eve)
		captured[task] = true
		return task
	}
	first.awaitStatus("the tasks are ready", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	for _, claim := range claims(t) {
		task := capture()
		other.refused(task, claim.name, claim.pass(task, pending.Tasks[0].ID))
		other.refused(task, "nothing", "")
	}
	other.usersComeTo(4, captured)
	// Nothing but its pass keeps it out.
	task := capture()
	w := other.claimsToBeWarm(task, signerOf(t, taskTokenSecret).WarmPass(task))
	hears(w, "pass", func(wire.Pass) bool { return true })
	for _, g := range []realGateway{first, other} {
		g.signal(syscall.SIGKILL)
		g.exit()
	}
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}

// anyOf is one of a set's tasks.
func anyOf(tasks map[wire.TaskID]bool) wire.TaskID {
	for task := range tasks {
		return task
	}
	return ""
}
