package localecs

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"hearth/infra/testkit"
)

// TestMain also plays the parts of other programs, when a test starts this binary again (see helpers_test.go).
func TestMain(m *testing.M) {
	if part := os.Getenv(helperVariable); part != "" {
		os.Exit(playHelper(part))
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of these tests; none should come near it.
const patience = testkit.Patience

// endpoint is a server with the real SDK's client and what its tasks wrote.
type endpoint struct {
	*Server
	*ecs.Client
	t      *testing.T
	output *testkit.Log
}

// start starts an endpoint for a test; its end takes all tasks along.
func start(t *testing.T, cfg Config) *endpoint {
	t.Helper()
	output := &testkit.Log{}
	if cfg.Output == nil {
		cfg.Output = output
	}
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = time.Second // a shell that has not come to its trap yet misses SIGTERM
	}
	cfg.Log = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.InfoLevel)
	server, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(t, server)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // tests have had their say: SIGKILL at once
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &endpoint{server, client, t, output}
}

// clientOf is the real SDK's client for a server, without retries.
func clientOf(t *testing.T, server *Server) *ecs.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return ecs.New(ecs.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(server.URL()),
		Credentials:  credentials.StaticCredentialsProvider{Value: server.Credentials()},
		HTTPClient:   &http.Client{Transport: transport},
		Retryer:      aws.NopRetryer{},
	})
}

// register registers a family whose one container, "main", runs a command. Options change the input.
func (e *endpoint) register(family string, command []string, options ...func(*ecs.RegisterTaskDefinitionInput)) *types.TaskDefinition {
	e.t.Helper()
	in := &ecs.RegisterTaskDefinitionInput{
		Family: &family,
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("main"), Image: aws.String("local"), Command: command, Cpu: 256, Memory: aws.Int32(256),
		}},
	}
	for _, o := range options {
		o(in)
	}
	out, err := e.RegisterTaskDefinition(e.t.Context(), in)
	if err != nil {
		e.t.Fatal(err)
	}
	return out.TaskDefinition
}

// run runs one task of a family. Options change the input.
func (e *endpoint) run(family string, options ...func(*ecs.RunTaskInput)) types.Task {
	e.t.Helper()
	in := &ecs.RunTaskInput{TaskDefinition: &family}
	for _, o := range options {
		o(in)
	}
	out, err := e.RunTask(e.t.Context(), in)
	if err != nil {
		e.t.Fatal(err)
	}
	if len(out.Tasks) != 1 || len(out.Failures) != 0 {
		e.t.Fatalf("RunTask gave %d tasks and failures %+v", len(out.Tasks), out.Failures)
	}
	return out.Tasks[0]
}

// sh is a shell's command.
func sh(script string) []string { return []string{"sh", "-c", script} }

func (e *endpoint) describe(arn *string) types.Task {
	e.t.Helper()
	out, err := e.DescribeTasks(e.t.Context(), &ecs.DescribeTasksInput{Tasks: []string{*arn}, Include: []types.TaskField{types.TaskFieldTags}})
	if err != nil {
		e.t.Fatal(err)
	}
	if len(out.Tasks) != 1 {
		e.t.Fatalf("DescribeTasks: %+v", out.Failures)
	}
	return out.Tasks[0]
}

// await polls a task until it has that status.
func (e *endpoint) await(arn *string, status string) types.Task {
	e.t.Helper()
	var task types.Task
	testkit.Explained(e.t, func() bool {
		task = e.describe(arn)
		return *task.LastStatus == status
	}, func() string { return "the task is " + *task.LastStatus + ", not " + status })
	return task
}

// awaitOutput polls until tasks have written a text.
func (e *endpoint) awaitOutput(text string) {
	e.t.Helper()
	testkit.Explained(e.t, func() bool { return strings.Contains(e.output.String(), text) },
		func() string { return "tasks wrote " + e.output.String() + "and not " + text })
}

func (e *endpoint) stop(arn *string) {
	e.t.Helper()
	if _, err := e.StopTask(e.t.Context(), &ecs.StopTaskInput{Task: arn, Reason: aws.String("test")}); err != nil {
		e.t.Fatal(err)
	}
}

// wantError checks an error's AWS code and that its message contains a text.
func wantError(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Fatalf("got %s: %s, want %s: …%s…", api.ErrorCode(), api.ErrorMessage(), code, text)
	}
}
