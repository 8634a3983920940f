package e2e

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/infra/client"
	"hearth/messages"
	"hearth/messages/wire"
)

// localECS is an ECS-compatible endpoint in a process of its own, with a task definition registered.
type localECS struct {
	*process
	endpoint
	t          testing.TB
	client     *awsecs.Client
	definition string
}

// startLocalECS starts one and registers the task definition as an operator does, with additional environment variables.
func startLocalECS(t testing.TB, dir, agent string, environment ...string) localECS {
	t.Helper()
	p := startProgram(t, dir, "localecs", "LOCALECS_LISTEN=127.0.0.1:0", "LOCALECS_LOG_LEVEL=debug",
		"AWS_ACCESS_KEY_ID="+localKeys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+localKeys.SecretAccessKey)
	base := p.after("AWS_ENDPOINT_URL_ECS=")
	ecs := localECS{process: p, endpoint: endpoint{t: t, base: base, keys: localKeys}, t: t, client: awsecs.New(awsecs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(base), HTTPClient: web,
		Credentials: credentials.StaticCredentialsProvider{Value: localKeys},
	})}
	workspaces := filepath.Join(dir, "workspaces")
	container := types.ContainerDefinition{
		Name: aws.String("bridge"), Image: aws.String("local"), EntryPoint: []string{bridgeIn(t, dir)},
		Cpu: 1, Memory: aws.Int32(16), StopTimeout: aws.Int32(10), Essential: aws.Bool(true),
		MountPoints: []types.MountPoint{{SourceVolume: aws.String("workspaces"), ContainerPath: &workspaces}},
	}
	for name, value := range map[string]string{
		"WORKSPACE_ROOT": mkdir(t, workspaces), "AGENT_COMMAND": agent, "LOG_LEVEL": "debug",
	} {
		container.Environment = append(container.Environment, types.KeyValuePair{Name: aws.String(name), Value: aws.String(value)})
	}
	for _, each := range append([]string{"AGENT_IO=text"}, environment...) { // of two by one name the last holds
		name, value, _ := strings.Cut(each, "=")
		container.Environment = append(container.Environment, types.KeyValuePair{Name: aws.String(name), Value: aws.String(value)})
	}
	registered, err := ecs.client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("agent"), ContainerDefinitions: []types.ContainerDefinition{container},
		Volumes: []types.Volume{{Name: aws.String("workspaces"), EfsVolumeConfiguration: &types.EFSVolumeConfiguration{
			FileSystemId: aws.String("fs-0123456789abcdef0"), TransitEncryption: types.EFSTransitEncryptionEnabled,
			AuthorizationConfig: &types.EFSAuthorizationConfig{
				AccessPointId: aws.String(sharedAccessPoint), Iam: types.EFSAuthorizationConfigIAMEnabled}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ecs.definition = aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
	return ecs
}

// sharedAccessPoint is what the definition mounts.
const sharedAccessPoint = "fsap-0123456789abcdef0"

// taskTokenSecret is what gateways sign with unless a test says otherwise.
const taskTokenSecret = "a secret of the test's, long enough to be one"

// gatewayEnvironment is what a gateway is told to run its tasks there.
func (e localECS) gatewayEnvironment(ws string) []string {
	return []string{
		"BACKEND=ecs", "AWS_ENDPOINT_URL_ECS=" + e.base, "AWS_ENDPOINT_URL_EFS=" + e.base, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=" + localKeys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + localKeys.SecretAccessKey, "ECS_CLUSTER=default", "ECS_CONTAINER_NAME=bridge",
		"ECS_TASK_DEFINITION=" + e.definition, "SHARED_ACCESS_POINT_ID=" + sharedAccessPoint, "GATEWAY_WS_URL=" + ws,
		"TASK_TOKEN_SECRET=" + taskTokenSecret,
		"LISTEN_ADDR=127.0.0.1:0", "AUTH=dev", "DEV_TOKEN=off", "LOG_FORMAT=json", "LOG_LEVEL=debug",
		"WORKSPACE_ROOT=" + filepath.Join(e.dir, "workspaces"),
	}
}

// tasks are the ARNs of all tasks that run or are to run.
func (e localECS) tasks() (arns []string) {
	e.t.Helper()
	pages := awsecs.NewListTasksPaginator(e.client, &awsecs.ListTasksInput{Cluster: aws.String("default")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(e.t.Context())
		if err != nil {
			e.t.Fatal(err)
		}
		arns = append(arns, page.TaskArns...)
	}
	return arns
}

// With BACKEND=ecs the tasks are not the gateway's children: they live on when it is killed. The next gateway, behind the
// same address, fills its pool; a session can be had; and in the end, after an orderly end of it, nothing is left in ECS.
func TestKilledGatewayOnECS(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t) // as a load balancer's
	environment := append(ecs.gatewayEnvironment(address.ws()), "STOP_GRACE=1s", "DRAIN_TIMEOUT=1s")

	first := startGateway(t, dir, environment...)
	aim(t, address, first)
	u := connect(t, "ann", first.at)
	u.ready()
	u.echoes("hello")
	first.awaitStatus("three ready tasks beside ann's", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	first.signal(syscall.SIGKILL)
	first.exit()
	if n := len(bridgesOf(t, dir)); n != 4 {
		t.Errorf("%d tasks live on, of 4", n)
	}

	second := startGateway(t, dir, environment...)
	aim(t, address, second)
	second.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	bob := connect(t, "bob", second.at)
	bob.ready()
	bob.echoes("hello")
	second.signal(syscall.SIGTERM)
	if code := second.exit(); code != 0 {
		t.Errorf("the gateway exited with %d", code)
	}
	if len(bridgesOf(t, dir)) == 0 {
		t.Error("an orderly end stopped the tasks, which another gateway could have taken over")
	}
	ecs.signal(syscall.SIGTERM)
	if code := ecs.exit(); code != 0 {
		t.Errorf("localecs exited with %d", code)
	}
	nothingLeft(t, dir)
}

// A gateway is replaced by another behind the same address while lines go through three sessions: each of its tasks, the
// warm ones too, goes on at the other, the clients follow, and nothing is lost, doubled or out of order.
func TestRollingDeploy(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t) // as a load balancer's
	environment := append(ecs.gatewayEnvironment(address.ws()), "DRAIN_TIMEOUT=20s")
	first := startGateway(t, dir, environment...)
	aim(t, address, first)
	var users []*user
	for _, name := range []string{"ann", "bob", "cid"} {
		u := connect(t, name, func(c *client.Config) { c.URL = address.ws() })
		u.ready()
		users = append(users, u)
	}
	warm := readyTasks(first.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 }))
	before := len(bridgesOf(t, dir))

	second := startGateway(t, dir, environment...)
	var replace sync.Once
	var counted sync.WaitGroup
	for _, u := range users {
		counted.Go(func() {
			count(t, u, func() {
				replace.Do(func() {
					aim(t, address, second)
					first.signal(syscall.SIGTERM)
				})
			})
		})
	}
	counted.Wait()
	if code := first.exit(); code != 0 {
		t.Errorf("the gateway exited with %d", code)
	}
	status := second.awaitStatus("all sessions are there", func(s messages.PoolStatus) bool {
		return s.Pool.Assigned == len(users) && s.Pool.Starting == 0 && s.Pool.Ready >= 3
	})
	for id := range readyTasks(status) {
		delete(warm, id)
	}
	if len(warm) > 0 || len(bridgesOf(t, dir)) != before {
		t.Errorf("warm tasks that were not handed over: %v; %d bridges, were %d", warm, len(bridgesOf(t, dir)), before)
	}
	second.signal(syscall.SIGKILL)
	second.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}

// An operator stops the task of a session at work, again and again. Each time the session goes on in another one, and
// nothing is lost, doubled or out of order; nobody is told that an agent had ended.
func TestTaskStoppedByAnOperator(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, buildAgent(t, dir, "polite"))
	address := openProxy(t)
	g := startGateway(t, dir, ecs.gatewayEnvironment(address.ws())...)
	aim(t, address, g)
	u := connect(t, "ann", g.at)
	u.ready()
	stopped := map[wire.TaskID]bool{}
	count(t, u, func() {
		// Before its first words an agent may not know yet what to do with a SIGTERM.
		for deadline := time.Now().Add(time.Second); !u.isAnswered(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				return // it has no line left to answer
			}
		}
		for _, task := range g.status().Tasks {
			if task.Session != u.ID() || stopped[task.ID] {
				continue
			}
			stopped[task.ID] = true
			_, err := ecs.client.StopTask(t.Context(), &awsecs.StopTaskInput{Cluster: aws.String("default"), Task: aws.String(task.ARN)})
			if err != nil {
				t.Error(err)
			}
		}
	})
	if n := len(all[wire.Ready](u)); n < 2 {
		t.Errorf("ready %d times, after %d tasks were stopped", n, len(stopped))
	}
	if exits := all[wire.Exit](u); len(exits) > 0 {
		t.Errorf("told that the agent has ended: %v", exits)
	}
	g.signal(syscall.SIGKILL)
	g.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}

// isAnswered reports whether the agent that was ready last has said something since.
func (u *user) isAnswered() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, event := range slices.Backward(u.events) {
		switch event.(type) {
		case wire.Data:
			return true
		case wire.Ready:
			return false
		}
	}
	return false
}

// aim lets an address lead to a gateway.
func aim(t testing.TB, address *proxy, g realGateway) {
	t.Helper()
	u, err := url.Parse(strings.TrimSpace(g.ws))
	if err != nil {
		t.Fatal(err)
	}
	address.aim(u.Host)
}
