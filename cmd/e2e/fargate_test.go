package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
	"hearth/messages/wire"
)

// On Fargate sessions run as anywhere, and nobody asks for hosts. The gateway finds its own address, tasks have the tags and
// the group that they are to have, and gateway and bridge answer health checks without another program.
func TestFargate(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	described, err := ecs.client.DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &ecs.definition})
	if err != nil {
		t.Fatal(err)
	}
	alone, err := ecs.client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("alone"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		TaskRoleArn:          aws.String("arn:aws:iam::000000000000:role/agent"),
		ContainerDefinitions: described.TaskDefinition.ContainerDefinitions, Volumes: described.TaskDefinition.Volumes})
	if err != nil {
		t.Fatal(err)
	}
	ecs.definition = aws.ToString(alone.TaskDefinition.TaskDefinitionArn)
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"Networks":[{"NetworkMode":"awsvpc","IPv4Addresses":["127.0.0.1"]}]}`)
	}))
	defer metadata.Close()
	g := startGateway(t, dir, append(ecs.gatewayEnvironment("auto"), "ECS_CONTAINER_METADATA_URI_V4="+metadata.URL,
		"ECS_CAPACITY_PROVIDERS=FARGATE_SPOT=1,FARGATE=1:1", "ECS_SUBNETS=subnet-1,subnet-2", "ECS_TAGS=team=shell", "ECS_GROUP=agents", "ECS_EXEC=true")...)
	u := connect(t, "ann", g.at)
	u.ready()
	u.echoes("hello")
	status := g.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	if len(status.Hosts) != 0 || ecs.calls("ListContainerInstances") != 0 {
		t.Errorf("hosts %v", status.Hosts)
	}
	out, err := ecs.client.DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Tasks: ecs.tasks(), Include: []types.TaskField{types.TaskFieldTags}})
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range out.Tasks {
		tagged := false
		for _, tag := range task.Tags {
			tagged = tagged || *tag.Key == "team" && *tag.Value == "shell"
		}
		if task.LaunchType != types.LaunchTypeFargate || aws.ToString(task.Group) != "agents" || !tagged || !task.EnableExecuteCommand {
			t.Errorf("%+v", task)
		}
	}

	address := "LISTEN_ADDR=" + strings.TrimPrefix(g.ws, "ws://")
	if code := startProgram(t, dir, "gateway healthcheck", address).exit(); code != 0 {
		t.Errorf("gateway healthcheck: exit code %d", code)
	}
	var task wire.TaskID
	for id := range readyTasks(status) {
		task = id
	}
	for id, want := range map[wire.TaskID]int{task: 0, "no-such-task": 1} {
		if code := startProgram(t, dir, "bridge healthcheck", "TASK_ID="+string(id)).exit(); code != want {
			t.Errorf("bridge healthcheck of %s: exit code %d", id, code)
		}
	}
	g.signal(syscall.SIGKILL)
	g.exit()
	if code := startProgram(t, dir, "gateway healthcheck", address).exit(); code != 1 {
		t.Errorf("gateway healthcheck of one that is gone: exit code %d", code)
	}
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}
