package ecs

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"hearth/messages"
	"hearth/messages/wire"
)

// sameAnswer is a transport on which every call is answered the same.
type sameAnswer struct {
	status int
	body   string
}

func (a sameAnswer) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Request: r, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

// FuzzAnswers takes anything for ECS's answer to each of the calls that the gateway makes, through the SDK's own decoding.
// What comes of it is a task with an id, or a host with a name, or an error that is one line.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		`{"tasks":[{"taskArn":"arn:1","lastStatus":"RUNNING","containerInstanceArn":"arn:h","overrides":{"containerOverrides":[
			{"name":"session","environment":[{"name":"TASK_ID","value":"t-1"},{"name":"SESSION_ID","value":"s-1"},{"name":"USER_ID","value":"ann"}]}]}}],
			"failures":[{"arn":"arn:2","reason":"MISSING"},{"reason":"x","detail":"a\nb"}]}`,
		`{"tasks":[{"lastStatus":"STOPPED","stopCode":"TerminationNotice","stoppedReason":"Host EC2 (instance i-1) terminated."}]}`,
		`{"tasks":[null,{}],"failures":[null]}`, `{"taskArns":["arn:1",null],"nextToken":"n"}`,
		`{"containerInstances":[{"containerInstanceArn":"arn:h","status":"ACTIVE","agentConnected":true,
			"remainingResources":[{"name":"CPU","integerValue":-5},{"name":"MEMORY","integerValue":2147483647},{}]}]}`,
		`{"__type":"AccessDeniedException","message":"User: arn:aws:sts::123456789012:x is not authorized to perform: ecs:RunTask"}`,
		`{"__type":"ConflictException","message":"m","resourceIds":["arn:1"]}`, `{"__type":7}`, `[]`, `null`, ``, `{`, `<html>`,
	} {
		for _, status := range []int{200, 400, 500} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		client := awsecs.New(awsecs.Options{
			Region: "us-east-1", BaseEndpoint: aws.String("http://ecs.invalid"), HTTPClient: sameAnswer{status, body},
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), Retryer: aws.NopRetryer{},
		})
		l := &Launcher{cfg: validConfig(client, nil)}
		checkError := func(op string, err error) {
			if err == nil {
				return
			}
			failure := subject{op: op, secret: "token"}.explain(err)
			if failure.Kind == "" || len(failure.Message) > 2*maxMessage || strings.ContainsAny(failure.Error(), "\r\n") {
				t.Fatalf("%d %q: %q", status, body, failure)
			}
		}
		var done messages.RunDone
		err := l.runTask(t.Context(), l.cfg.runInput(messages.RunTask{Task: "t-1"}, l.cfg.TaskDefinition, "token"), &done)
		checkError("RunTask", err)
		if err == nil && done.ARN == "" {
			t.Fatalf("%q: a task without an ARN", body)
		}
		isKnown, err := l.stopTask(t.Context(), "arn:1", "because")
		checkError("StopTask", err)
		if isKnown && err != nil {
			t.Fatalf("%q: %v of a task that is known", body, err)
		}
		tasks, failures, err := l.describeTasks(t.Context(), []string{"arn:1"})
		checkError("DescribeTasks", err)
		outcomeOf(describedOf(tasks, failures), "arn:1", nil)
		for _, task := range tasks {
			listed, ours := listedOf(task, container)
			if ours && !wire.ValidID(string(listed.Task)) || ours && listed.Session != "" && !wire.ValidUserID(string(listed.User)) {
				t.Fatalf("%q: %+v is ours", body, listed)
			}
		}
		described, err := client.DescribeContainerInstances(t.Context(), &awsecs.DescribeContainerInstancesInput{})
		checkError("DescribeContainerInstances", err)
		if err != nil {
			return
		}
		for _, instance := range described.ContainerInstances {
			if seen, here := seenOf(instance, &taskSize{cpu: 1, memory: 16}); here && (seen.Host == "" || seen.Slots < 0) {
				t.Fatalf("%q: %+v", body, seen)
			}
		}
	})
}
