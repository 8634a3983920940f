package ecs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"hearth/infra/testkit"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience  = testkit.Patience // bounds every wait on the wall clock; none should come near it
	aToken    = "t0ken-of-a-task"
	aCluster  = "sessions"
	taskARNs  = "arn:aws:ecs:us-east-1:000000000000:task/sessions/"
	container = "session"
)

var asker = actor.NewPID("test", "asker")

// inbox is where a launcher's answers arrive.
type inbox struct {
	t        *testing.T
	messages chan any
}

func newInbox(t *testing.T) *inbox { return &inbox{t, make(chan any, 4096)} }

func (b *inbox) deliver(to *actor.PID, message any) {
	if to != asker {
		b.t.Errorf("answer went to %v", to)
	}
	b.messages <- message
}

// next waits for an answer of type M.
func next[M any](b *inbox) M {
	b.t.Helper()
	select {
	case m := <-b.messages:
		answer, ok := m.(M)
		if !ok {
			b.t.Fatalf("answer is %T: %+v", m, m)
		}
		return answer
	case <-time.After(patience):
		b.t.Fatalf("no %T came", *new(M))
		panic("not reached")
	}
}

// call is what OnCall was told.
type call struct {
	op   string
	kind messages.LaunchErrorKind
}

// world is a launcher with everything that it says.
type world struct {
	*Launcher
	*inbox
	log *testkit.Log

	mu    sync.Mutex
	calls []call
}

// launch starts a launcher for a test, on a client or on what changes say.
func launch(t *testing.T, client Client, changes ...func(*Config)) *world {
	t.Helper()
	w := &world{inbox: newInbox(t), log: &testkit.Log{}}
	cfg := validConfig(client, w.deliver)
	cfg.Log = zerolog.New(w.log)
	cfg.OnCall = func(op string, _ time.Duration, kind messages.LaunchErrorKind) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls = append(w.calls, call{op, kind})
	}
	for _, change := range changes {
		change(&cfg)
	}
	launcher, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Launcher = launcher
	launcher.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := launcher.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

func validConfig(client Client, deliver func(*actor.PID, any)) Config {
	return Config{
		Client: client, Cluster: aCluster, TaskDefinition: "session:7", ContainerName: container, StartedBy: "hearth/test",
		GatewayWSURL: "ws://10.0.0.1:8080", TaskToken: func(wire.TaskID) string { return aToken }, Deliver: deliver,
	}
}

// counted are the calls that OnCall was told of.
func (w *world) counted() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]call(nil), w.calls...)
}

// wireRequest is a call as it comes over the wire.
type wireRequest struct {
	op   string
	body map[string]any
}

// reply is an answer of AWS.
type reply func(w http.ResponseWriter, r *http.Request)

func success(body string) reply { return answered(200, body) }

func answered(status int, body string) reply {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func awsError(status int, code, message string) reply {
	return answered(status, fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message))
}

// dropped is a call whose answer is lost.
func dropped(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hung is a call that is never answered.
func hung(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// stuck is a call whose answer begins and never ends.
func stuck(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, `{"tasks":[`)
	if err := http.NewResponseController(w).Flush(); err == nil {
		<-r.Context().Done()
	}
}

// endpoint speaks the wire format: it gives one reply after the other, and the last one for ever.
type endpoint struct {
	url     string
	mu      sync.Mutex
	replies []reply
	seen    []wireRequest
}

func serve(t *testing.T, replies ...reply) *endpoint {
	e := &endpoint{replies: replies}
	server := httptest.NewServer(http.HandlerFunc(e.handle))
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

func (e *endpoint) handle(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	request := wireRequest{op: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonEC2ContainerServiceV20141113.")}
	if err := json.Unmarshal(raw, &request.body); err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	e.mu.Lock()
	e.seen = append(e.seen, request)
	answer := e.replies[0]
	if len(e.replies) > 1 {
		e.replies = e.replies[1:]
	}
	e.mu.Unlock()
	answer(w, r)
}

func (e *endpoint) requests() []wireRequest {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]wireRequest(nil), e.seen...)
}

// testKeys are those of the local endpoints that tests start.
var testKeys = aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}

// impatient is LocalClients' client, which does not wait between its attempts.
func impatient(url string) *awsecs.Client {
	return awsecs.New(LocalClients(url, "us-east-1", testKeys).ECS.Options(), func(o *awsecs.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	})
}

// fake is a Client of functions; those that a test does not set are not to be called.
type fake struct {
	Client
	run      func(context.Context, *awsecs.RunTaskInput) (*awsecs.RunTaskOutput, error)
	stop     func(context.Context, *awsecs.StopTaskInput) (*awsecs.StopTaskOutput, error)
	describe func(context.Context, *awsecs.DescribeTasksInput) (*awsecs.DescribeTasksOutput, error)
	list     func(context.Context, *awsecs.ListTasksInput) (*awsecs.ListTasksOutput, error)
}

func (f *fake) RunTask(ctx context.Context, in *awsecs.RunTaskInput, _ ...func(*awsecs.Options)) (*awsecs.RunTaskOutput, error) {
	return f.run(ctx, in)
}

func (f *fake) StopTask(ctx context.Context, in *awsecs.StopTaskInput, _ ...func(*awsecs.Options)) (*awsecs.StopTaskOutput, error) {
	return f.stop(ctx, in)
}

func (f *fake) DescribeTasks(ctx context.Context, in *awsecs.DescribeTasksInput, _ ...func(*awsecs.Options)) (
	*awsecs.DescribeTasksOutput, error) {
	return f.describe(ctx, in)
}

func (f *fake) ListTasks(ctx context.Context, in *awsecs.ListTasksInput, _ ...func(*awsecs.Options)) (*awsecs.ListTasksOutput, error) {
	return f.list(ctx, in)
}
