package localecs

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func (e *endpoint) setFaults(f Faults) {
	e.t.Helper()
	if err := e.SetFaults(f); err != nil {
		e.t.Fatal(err)
	}
}

func (e *endpoint) list() error {
	_, err := e.ListTasks(e.t.Context(), &ecs.ListTasksInput{})
	return err
}

func TestErrorFaults(t *testing.T) {
	e := start(t, Config{})
	for code, f := range map[string]APIFault{
		"AccessDeniedException": {Denied: true},
		"ThrottlingException":   {ThrottleRate: 1},
		"ServerException":       {FailureRate: 1},
	} {
		e.setFaults(Faults{API: map[string]APIFault{"ListTasks": f}})
		wantError(t, e.list(), code, "")
		if _, err := e.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{}); err != nil {
			t.Errorf("another operation: %v", err)
		}
		e.setFaults(Faults{API: map[string]APIFault{"*": f, "ListTasks": {}}})
		if err := e.list(); err != nil {
			t.Errorf("a named operation takes what is for the others: %v", err)
		}
		_, err := e.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
		wantError(t, err, code, "")
	}
	e.setFaults(Faults{})
	if err := e.list(); err != nil {
		t.Error(err)
	}
}

func TestSameSeedSameFaults(t *testing.T) {
	outcomes := func(seed uint64) (answers string) {
		e := start(t, Config{Seed: seed, Faults: Faults{API: map[string]APIFault{"*": {ThrottleRate: 0.5}}}})
		for range 40 {
			if e.list() == nil {
				answers += "."
			} else {
				answers += "x"
			}
		}
		return answers
	}
	first := outcomes(7)
	if second := outcomes(7); first != second || !strings.Contains(first, ".") || !strings.Contains(first, "x") {
		t.Errorf("%s and %s", first, second)
	}
	if other := outcomes(8); other == first {
		t.Errorf("another seed gives the same")
	}
}

// The SDK retries a call whose answer was lost, with the same token: it must not start a second task.
func TestLostAnswerStartsOneTask(t *testing.T) {
	e := start(t, Config{})
	e.register("web", forEver)
	e.setFaults(Faults{API: map[string]APIFault{"RunTask": {LostAnswerRate: 1}}})
	attempts := 0
	_, err := e.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: aws.String("web")}, func(o *ecs.Options) {
		o.Retryer = retry.NewStandard(func(so *retry.StandardOptions) {
			so.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				if attempts = attempt; attempt == 2 {
					e.setFaults(Faults{})
				}
				return 0, nil
			})
		})
	})
	if err != nil || attempts != 2 {
		t.Errorf("after %d attempts: %v", attempts, err)
	}
	out, err := e.ListTasks(t.Context(), &ecs.ListTasksInput{})
	if err != nil || len(out.TaskArns) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestHangUntilTheClientLeaves(t *testing.T) {
	e := start(t, Config{Faults: Faults{API: map[string]APIFault{"ListTasks": {Hang: true}}}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := e.ListTasks(ctx, &ecs.ListTasksInput{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestHangUntilLifted(t *testing.T) {
	e := start(t, Config{Faults: Faults{API: map[string]APIFault{"ListTasks": {Hang: true}}}})
	answered := make(chan error, 1)
	go func() { answered <- e.list() }()
	e.setFaults(Faults{API: map[string]APIFault{"ListTasks": {Hang: true, Denied: true}}})
	select {
	case err := <-answered:
		t.Fatalf("answered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	e.setFaults(Faults{})
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestCloseEndsCallsThatWait(t *testing.T) {
	for name, f := range map[string]APIFault{"hang": {Hang: true}, "delay": {Delay: maxDelay}} {
		t.Run(name, func(t *testing.T) {
			server, err := Start(Config{Faults: Faults{API: map[string]APIFault{"ListTasks": f}}})
			if err != nil {
				t.Fatal(err)
			}
			e := &endpoint{Server: server, Client: clientOf(t, server), t: t}
			answered := make(chan error, 1)
			go func() { answered <- e.list() }()
			time.Sleep(20 * time.Millisecond) // either order must do
			if err := server.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-answered; err == nil {
				t.Error("carried out by a closed endpoint")
			}
		})
	}
}

func TestDelay(t *testing.T) {
	e := start(t, Config{Faults: Faults{API: map[string]APIFault{"*": {Delay: Duration(60 * time.Millisecond)}}}})
	began := time.Now()
	if err := e.list(); err != nil || time.Since(began) < 60*time.Millisecond {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestFailedStart(t *testing.T) {
	e := start(t, Config{Faults: Faults{Task: TaskFault{FailureRate: 1}}})
	e.register("web", forEver)
	task := e.await(e.run("web").TaskArn, "STOPPED")
	if task.StopCode != types.TaskStopCodeTaskFailedToStart || task.StartedAt != nil {
		t.Errorf("stopCode %s, started %v", task.StopCode, task.StartedAt)
	}
}

func TestDelaysGoThroughEveryStatus(t *testing.T) {
	d := Duration(time.Hour)
	e := start(t, Config{Faults: Faults{Task: TaskFault{ProvisioningDelay: Duration(200 * time.Millisecond), StartDelay: Duration(200 * time.Millisecond),
		DeactivatingDelay: Duration(200 * time.Millisecond), DeprovisioningDelay: d}}})
	e.register("web", forEver)
	arn := e.run("web").TaskArn
	for _, status := range []string{"PROVISIONING", "PENDING", "RUNNING"} {
		e.await(arn, status)
	}
	e.stop(arn)
	e.await(arn, "DEACTIVATING")
	if task := e.await(arn, "DEPROVISIONING"); task.ExecutionStoppedAt == nil || task.StoppedAt != nil {
		t.Errorf("execution stopped %v, stopped %v", task.ExecutionStoppedAt, task.StoppedAt)
	}
	if i := e.instances()[0]; remaining(i, "CPU") != 4096-256 {
		t.Errorf("a task that is not STOPPED released its place: %+v", i.RemainingResources)
	}
}

func TestVisibilityDelay(t *testing.T) {
	e := start(t, Config{Faults: Faults{Task: TaskFault{VisibilityDelay: Duration(time.Hour)}}})
	e.register("web", forEver)
	arn := *e.run("web").TaskArn
	out, err := e.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{arn}})
	if err != nil || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("%+v, %v", out, err)
	}
	list, err := e.ListTasks(t.Context(), &ecs.ListTasksInput{})
	if err != nil || len(list.TaskArns) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	e.setFaults(Faults{})
	e.await(&arn, "RUNNING")
}

func TestBadFaultsAreRefused(t *testing.T) {
	e := start(t, Config{})
	for _, bad := range []Faults{
		{API: map[string]APIFault{"RunTasks": {}}},
		{API: map[string]APIFault{"*": {FailureRate: 1.1}}},
		{API: map[string]APIFault{"*": {ThrottleRate: -0.1}}},
		{API: map[string]APIFault{"*": {LostAnswerRate: math.NaN()}}},
		{API: map[string]APIFault{"*": {Delay: -1}}},
		{Task: TaskFault{FailureRate: 2}},
		{Task: TaskFault{PullDelay: maxDelay + 1}},
	} {
		if err := e.SetFaults(bad); err == nil {
			t.Errorf("%+v passes", bad)
		}
		if server, err := Start(Config{Faults: bad}); err == nil {
			t.Errorf("Start with %+v passes", bad)
			_ = server.Close(t.Context())
		}
	}
}

// control calls a control path and decodes the answer into out, which may be nil.
func (e *endpoint) control(method, path, contentType, body string, out any) int {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), method, e.URL()+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.SetBasicAuth(e.Credentials().AccessKeyID, e.Credentials().SecretAccessKey)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	if out != nil {
		if err := json.NewDecoder(res.Body).Decode(out); err != nil {
			e.t.Fatal(err)
		}
	}
	return res.StatusCode
}

func TestControlPaths(t *testing.T) {
	e := start(t, Config{})
	set := `{"api":{"RunTask":{"delay":"1.5s","throttleRate":0.5}},"task":{"pullDelay":"20ms"}}`
	if status := e.control("POST", "/_localecs/faults", jsonType, set, nil); status != 200 {
		t.Fatalf("status %d", status)
	}
	var got Faults
	if status := e.control("GET", "/_localecs/faults", "", "", &got); status != 200 || got.API["RunTask"].Delay != Duration(1500*time.Millisecond) ||
		got.API["RunTask"].ThrottleRate != 0.5 || got.Task.PullDelay != Duration(20*time.Millisecond) {
		t.Errorf("status %d, %+v", status, got)
	}
	if status := e.control("POST", "/_localecs/faults", jsonType, "{}", nil); status != 200 || len(e.Faults().API) != 0 {
		t.Errorf("status %d, %+v", status, e.Faults())
	}
	for body, want := range map[string]int{`{"api":{"RunTask":{"dealy":"1s"}}}`: 400, `{"api":{"Nothing":{}}}`: 400, `{`: 400,
		`{"x":"` + strings.Repeat("x", maxControlBody) + `"}`: 400} {
		var answer controlError
		if status := e.control("POST", "/_localecs/faults", jsonType, body, &answer); status != want || answer.Error == "" {
			t.Errorf("%.50s: status %d, %+v", body, status, answer)
		}
	}
	if status := e.control("POST", "/_localecs/faults", "text/plain", "{}", nil); status != http.StatusUnsupportedMediaType {
		t.Errorf("what a browser sends without asking: status %d", status)
	}

	var instances map[string][]struct {
		ContainerInstanceArn string
		AgentConnected       bool
	}
	if status := e.control("POST", "/_localecs/instances", jsonType, `{"count":3}`, &instances); status != 200 || len(instances["default"]) != 3 {
		t.Fatalf("status %d, %+v", status, instances)
	}
	first := `{"containerInstance":"` + instances["default"][0].ContainerInstanceArn + `"}`
	if status := e.control("POST", "/_localecs/instances/agent", jsonType, first, &instances); status != 200 || instances["default"][0].AgentConnected {
		t.Errorf("status %d, %+v", status, instances)
	}
	if status := e.control("POST", "/_localecs/instances/lose", jsonType, first, nil); status != 200 {
		t.Errorf("status %d", status)
	}
	clear(instances)
	if status := e.control("GET", "/_localecs/instances", "", "", &instances); status != 200 || len(instances["default"]) != 2 {
		t.Errorf("status %d, %+v", status, instances)
	}
	if status := e.control("POST", "/_localecs/instances/lose", jsonType, first, nil); status != 400 {
		t.Errorf("lost twice: status %d", status)
	}
}
