package ecs

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// anyNumber of attempts will do.
const anyNumber = -1

// A start's failures, as the real SDK makes them of what comes over the wire.
func TestRunFailures(t *testing.T) {
	throttled := awsError(400, "ThrottlingException", "Rate exceeded")
	broken := awsError(500, "ServerException", "Service Unavailable. Please try again later.")
	denied := awsError(400, "AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/gw/i-1 is not authorized "+
		"to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/task")
	for _, test := range []struct {
		name     string
		replies  []reply
		kind     messages.LaunchErrorKind
		says     string
		attempts int
	}{
		{"throttled", []reply{throttled}, messages.LaunchThrottled, "ThrottlingException: Rate exceeded; the account makes", 3},
		{"server fault", []reply{broken}, messages.LaunchUnavailable, "ServerException", 3},
		{"no permission", []reply{denied}, messages.LaunchDenied, "AccessDeniedException; the gateway's role lacks the permission iam:PassRole", 1},
		{"bad keys", []reply{awsError(400, "UnrecognizedClientException", "The security token included in the request is invalid.")},
			messages.LaunchDenied, "check its role, its keys and its clock", 1},
		{"no answer", []reply{hung}, messages.LaunchTimeout, "no answer in time", 1},
		// Whether another attempt still begins when the time is up is the scheduler's choice.
		{"half an answer", []reply{stuck}, messages.LaunchTimeout, "no answer in time", anyNumber},
		{"answers lost", []reply{dropped}, messages.LaunchTimeout, "ended before the answer came", 3},
		{"answer lost, then throttled", []reply{dropped, throttled}, messages.LaunchTimeout, "ended before the answer came", 3},
		{"server fault, then denied", []reply{broken, denied}, messages.LaunchUnavailable, "ServerException", 2},
		{"HTML instead of JSON", []reply{answered(503, "<html>bad gateway</html>")}, messages.LaunchUnavailable, "HTTP status 503", 3},
		{"HTML from a proxy", []reply{answered(407, "<html>who are you?</html>")}, messages.LaunchDenied, "HTTP status 407", 1},
		{"HTML that claims success", []reply{answered(200, "<html>welcome</html>")}, messages.LaunchTimeout, "HTTP status 200", 1},
		{"empty answer", []reply{success(`{}`)}, messages.LaunchTimeout, "cannot be understood", 1},
		{"no cluster", []reply{awsError(400, "ClusterNotFoundException", "Cluster not found.")}, messages.LaunchInvalid,
			"ClusterNotFoundException: Cluster not found.; is there a cluster sessions in this account", 1},
		{"no hosts", []reply{awsError(400, "InvalidParameterException", "No Container Instances were found in your cluster.")},
			messages.LaunchNoCapacity, "cluster sessions has no hosts", 1},
		{"provisioning limit", []reply{awsError(400, "ClientException", "Tasks provisioning capacity limit exceeded.")},
			messages.LaunchNoCapacity, "a quota of the account is used up", 1},
		{"inactive definition", []reply{awsError(400, "ClientException", "TaskDefinition is inactive")},
			messages.LaunchInvalid, "ClientException: TaskDefinition is inactive; the task definition is session:7", 1},
		{"EC2's throttle", []reply{awsError(400, "InvalidParameterException",
			"Error retrieving subnet information for [subnet-1]: Rate exceeded (ErrorCode: Throttling)")},
			messages.LaunchThrottled, "InvalidParameterException", 1},
		{"no room", []reply{success(`{"tasks":[],"failures":[{"arn":"a","reason":"RESOURCE:MEMORY"},
			{"arn":"b","reason":"ATTRIBUTE"},{"arn":"c","reason":"RESOURCE:MEMORY"}]}`)},
			messages.LaunchNoCapacity, "no host can take the task: RESOURCE:MEMORY on 2 hosts, ATTRIBUTE", 1},
		{"agents away", []reply{success(`{"failures":[{"arn":"a","reason":"AGENT"}]}`)}, messages.LaunchNoCapacity, "AGENT", 1},
		{"wrong hosts", []reply{success(`{"failures":[{"arn":"a","reason":"MemberOf placement constraint unsatisfied","detail":"why"}]}`)},
			messages.LaunchInvalid, "MemberOf placement constraint unsatisfied (why); compare", 1},
		{"conflict about several tasks", []reply{answered(400, `{"__type":"ConflictException","message":"m","resourceIds":["a","b"]}`)},
			messages.LaunchInvalid, "ConflictException", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := serve(t, test.replies...)
			w := launch(t, impatient(e.url), func(c *Config) {
				if test.says == "no answer in time" {
					c.Timeout = 100 * time.Millisecond
				}
			})
			w.Run(asker, messages.RunTask{Task: "task-1"})
			done := next[*messages.RunDone](w.inbox)
			if done.Err == nil || done.Task != "task-1" || done.ARN != "" {
				t.Fatalf("%+v", done)
			}
			if done.Err.Kind != test.kind || done.Err.Op != "RunTask" || !strings.Contains(done.Err.Message, test.says) {
				t.Errorf("got %s, want %s with %q", done.Err, test.kind, test.says)
			}
			if strings.Contains(done.Err.Message, "123456789012") {
				t.Errorf("a waiting client would learn the account: %s", done.Err)
			}
			requests := e.requests()
			if test.attempts != anyNumber && len(requests) != test.attempts {
				t.Errorf("%d attempts, want %d", len(requests), test.attempts)
			}
			for _, r := range requests {
				if r.body["clientToken"] != "task-1" {
					t.Errorf("an attempt's clientToken is %v", r.body["clientToken"])
				}
			}
			if calls := w.counted(); !reflect.DeepEqual(calls, []call{{"RunTask", test.kind}}) {
				t.Errorf("counted %v", calls)
			}
			if log := w.log.String(); !strings.Contains(log, `"level":"warn"`) || !strings.Contains(log, string(test.kind)) {
				t.Errorf("not in the log: %s", log)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	w := launch(t, impatient(server.URL))
	w.Run(asker, messages.RunTask{Task: "task-1"})
	done := next[*messages.RunDone](w.inbox)
	if done.Err == nil || done.Err.Kind != messages.LaunchUnavailable || !strings.Contains(done.Err.Message, "no connection to ECS") {
		t.Errorf("%+v", done.Err)
	}
}

// What a task is started with is the wire contract's, and nothing else.
func TestRunOnTheWire(t *testing.T) {
	pool := `[{"name":"GATEWAY_WS_URL","value":"ws://10.0.0.1:8080"},{"name":"TASK_ID","value":"task-1"},
		{"name":"TASK_TOKEN","value":"t0ken-of-a-task"},{"name":"WARM_POOL_MODE","value":"true"}]`
	dedicated := `[{"name":"GATEWAY_WS_URL","value":"ws://10.0.0.1:8080"},{"name":"TASK_ID","value":"task-1"},
		{"name":"TASK_TOKEN","value":"t0ken-of-a-task"},{"name":"WARM_POOL_MODE","value":"false"},
		{"name":"USER_ID","value":"anna"},{"name":"SESSION_ID","value":"s-1"}]`
	for environment, run := range map[string]messages.RunTask{
		pool:      {Task: "task-1"},
		dedicated: {Task: "task-1", Session: "s-1", User: "anna"},
	} {
		e := serve(t, success(`{"tasks":[{"taskArn":"arn-1"}],"failures":[]}`))
		w := launch(t, impatient(e.url))
		w.Run(asker, run)
		if done := next[*messages.RunDone](w.inbox); done.Err != nil || done.ARN != "arn-1" {
			t.Fatalf("%+v", done)
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(`{"cluster":"sessions","taskDefinition":"session:7","count":1,"clientToken":"task-1",
			"startedBy":"hearth/test","enableECSManagedTags":true,
			"placementStrategy":[{"type":"spread","field":"attribute:ecs.availability-zone"},{"type":"binpack","field":"memory"}],
			"overrides":{"containerOverrides":[{"name":"session","environment":`+environment+`}]}}`), &want); err != nil {
			t.Fatal(err)
		}
		if got := e.requests()[0]; got.op != "RunTask" || !reflect.DeepEqual(got.body, want) {
			t.Errorf("sent %v\nwant %v", got, want)
		}
	}
}

// An answer that was lost is had by the SDK's second attempt; a call that differs from an earlier one means the same task.
func TestRunIsStartedOnce(t *testing.T) {
	for name, replies := range map[string][]reply{
		"lost answer": {dropped, success(`{"tasks":[{"taskArn":"arn-1"}]}`)},
		"conflict":    {answered(400, `{"__type":"ConflictException","message":"differs","resourceIds":["arn-1"]}`)},
		// Of a task that has stopped ECS gives this much.
		"stopped since": {success(`{"tasks":[{"taskArn":"arn-1","lastStatus":"STOPPED","desiredStatus":"STOPPED"}]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			w := launch(t, impatient(serve(t, replies...).url))
			w.Run(asker, messages.RunTask{Task: "task-1"})
			if done := next[*messages.RunDone](w.inbox); done.Err != nil || done.ARN != "arn-1" {
				t.Errorf("%+v", done)
			}
		})
	}
}

func TestClientToken(t *testing.T) {
	long := wire.TaskID(strings.Repeat("x", 65))
	if got := clientToken("task-1"); got != "task-1" {
		t.Error(got)
	}
	if got := clientToken(long); len(got) != 64 || got == clientToken(long+"y") {
		t.Error(got)
	}
}

// AWS repeats the token wherever it can, and it is seen nowhere.
func TestTokenIsSecret(t *testing.T) {
	for name, r := range map[string]reply{
		"message": awsError(400, "InvalidParameterException", "bad value "+aToken),
		"detail":  success(`{"failures":[{"arn":"a","reason":"ATTRIBUTE","detail":"` + aToken + `"}]}`),
		"success": success(`{"tasks":[{"taskArn":"arn-1","overrides":{"containerOverrides":[{"name":"session",
			"environment":[{"name":"TASK_TOKEN","value":"` + aToken + `"}]}]}}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := launch(t, impatient(serve(t, r).url))
			w.Run(asker, messages.RunTask{Task: "task-1"})
			done := next[*messages.RunDone](w.inbox)
			if done.Err != nil && strings.Contains(done.Err.Error(), aToken) {
				t.Error(done.Err)
			}
			if log := w.log.String(); log == "" || strings.Contains(log, aToken) {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestStop(t *testing.T) {
	for _, test := range []struct {
		name string
		r    reply
		kind messages.LaunchErrorKind
		// missing is what is told of the task, if the call did not fail.
		missing bool
	}{
		{"stopped", success(`{"task":{"taskArn":"arn-1"}}`), "", false},
		{"unknown", awsError(400, "InvalidParameterException", "The referenced task was not found."), "", true},
		{"denied", awsError(400, "AccessDeniedException", "no"), messages.LaunchDenied, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := serve(t, test.r)
			w := launch(t, impatient(e.url))
			w.Stop(asker, "task-1", "arn-1", "idle\nfor "+strings.Repeat("long ", 100))
			done := next[*messages.StopDone](w.inbox)
			var kind messages.LaunchErrorKind
			if done.Err != nil {
				kind = done.Err.Kind
			}
			if done.Task != "task-1" || kind != test.kind || done.Missing != test.missing {
				t.Errorf("%+v", done)
			}
			if calls := w.counted(); !reflect.DeepEqual(calls, []call{{"StopTask", test.kind}}) {
				t.Errorf("counted %v", calls)
			}
			sent := e.requests()[0].body
			reason, _ := sent["reason"].(string)
			if sent["task"] != "arn-1" || sent["cluster"] != aCluster || len(reason) != maxStopReason || !strings.HasPrefix(reason, "idle for long") {
				t.Errorf("sent %v", sent)
			}
		})
	}
}
