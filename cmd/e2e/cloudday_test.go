package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"hearth/infra/client"
	"hearth/messages"
	"hearth/messages/wire"
)

// The gateway is killed while ECS throttles every call, and another is started. It does not give up: the session of before
// goes on there and no line is lost, the warm tasks are claimed, /readyz says what is wrong, and when ECS is itself again the pool
// is filled.
func TestGatewayStartsWhileECSThrottles(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t)
	environment := append(ecs.gatewayEnvironment(address.ws()), "AWS_MAX_ATTEMPTS=1")
	first := startGateway(t, dir, environment...)
	aim(t, address, first)
	u := connect(t, "ann", func(c *client.Config) { c.URL = address.ws() })
	u.ready()
	first.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	for _, fault := range []string{`"throttleRate":1`, `"failureRate":1`} {
		ecs.must(http.MethodPost, "/_localecs/faults", `{"api":{"*":{`+fault+`}}}`)
		u.talksThrough("the gateway is killed with "+fault, func() {
			first.signal(syscall.SIGKILL)
			first.exit()
			first = startGateway(t, dir, environment...)
			aim(t, address, first)
		})
		first.awaitStatus("the warm tasks have come", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
		eventually(t, "/readyz says what is wrong", func() bool {
			code, text := first.get("/readyz")
			return code == 200 && strings.Contains(text, "ECS has not answered yet")
		})
	}
	u.checkTalk()
	bob := connect(t, "bob", func(c *client.Config) { c.URL = address.ws() })
	if ready := bob.ready(); ready.Path != wire.PathWarm {
		t.Errorf("bob, while nothing can be started: %+v", ready)
	}
	ecs.must(http.MethodPost, "/_localecs/faults", `{}`)
	first.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	eventually(t, "ECS has answered", func() bool { _, text := first.get("/readyz"); return strings.TrimSpace(text) == "ready" })
	first.signal(syscall.SIGKILL)
	first.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}

// What waiting cannot mend ends the gateway at once, also when something else passes.
func TestGatewayDoesNotStartWithWhatWaitingCannotMend(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	for fault, says := range map[string]string{
		`{"api":{"DescribeTasks":{"denied":true},"StopTask":{"throttleRate":1}}}`: `"message":"DescribeTasks: AccessDeniedException`,
		`{"api":{"ListTasks":{"error":"ExpiredTokenException"}}}`:                 `"message":"ListTasks: ExpiredTokenException`,
	} {
		ecs.must(http.MethodPost, "/_localecs/faults", fault)
		g := startProgram(t, dir, "gateway", append(ecs.gatewayEnvironment("ws://127.0.0.1:1"), "AWS_MAX_ATTEMPTS=1")...)
		if code := g.exit(); code != 2 || !strings.Contains(g.log.String(), says) {
			t.Errorf("%s: exit code %d", fault, code)
		}
	}
	ecs.must(http.MethodPost, "/_localecs/faults", `{}`)
	g := startProgram(t, dir, "gateway", append(ecs.gatewayEnvironment("ws://127.0.0.1:1"), "SHARED_ACCESS_POINT_ID=fsap-00000000")...)
	if code := g.exit(); code != 2 || !strings.Contains(g.log.String(), "through "+sharedAccessPoint+", not fsap-00000000") {
		t.Errorf("another access point than the definition's: exit code %d", code)
	}
}

// A gateway becomes ready where no task of its own will tell: behind an address at which another has the bridges, with a
// pool of none, and without one.
func TestReadyWithoutATask(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t)
	first := startGateway(t, dir, ecs.gatewayEnvironment(address.ws())...)
	aim(t, address, first)
	first.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	for name, extra := range map[string][]string{
		"another has the bridges": nil,
		"a pool of none":          {"ECS_STARTED_BY=none", "WARM_POOL_MIN_SIZE=0", "WARM_POOL_REPLENISH_THRESHOLD=0"},
		"no pool":                 {"ECS_STARTED_BY=off", "ENABLE_WARM_POOL=false"},
	} {
		g := startGateway(t, dir, append(ecs.gatewayEnvironment(address.ws()), extra...)...)
		eventually(t, name+": it is ready", func() bool { code, _ := g.get("/readyz"); return code == 200 })
		g.signal(syscall.SIGKILL)
		g.exit()
	}
	first.signal(syscall.SIGKILL)
	first.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}

// An operator registers another revision of the definition. The pool goes over to it task by task and always has enough, a
// session keeps its task, and the status and the metrics tell who runs what.
func TestRevisionIsRolledOut(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t)
	g := startGateway(t, dir, append(ecs.gatewayEnvironment(address.ws()), "ECS_TASK_DEFINITION=agent", "REVISION_SWEEP=1s")...)
	aim(t, address, g)
	u := connect(t, "ann", g.at)
	u.ready()
	g.awaitStatus("all run the first revision", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 && s.Revisions["agent:1"] == 4 })
	described, err := ecs.client.DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &ecs.definition})
	if err != nil {
		t.Fatal(err)
	}
	d := described.TaskDefinition
	if _, err := ecs.client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: d.Family, ContainerDefinitions: d.ContainerDefinitions, Volumes: d.Volumes}); err != nil {
		t.Fatal(err)
	}
	fewest := 3
	g.awaitStatus("the pool runs the second revision", func(s messages.PoolStatus) bool {
		fewest = min(fewest, s.Pool.Ready)
		return s.Pool.Ready == 3 && s.Revisions["agent:2"] == 3 && s.Revisions["agent:1"] == 1
	})
	if fewest < 3 {
		t.Errorf("only %d tasks were ready in between", fewest)
	}
	if _, text := g.get("/metrics"); !strings.Contains(text, `hearth_tasks_by_revision{revision="agent:2"} 3`) {
		t.Error("the metrics do not tell of the second revision")
	}
	u.echoes("hello")
	g.signal(syscall.SIGKILL)
	g.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}
