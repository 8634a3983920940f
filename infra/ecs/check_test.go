package ecs

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// byOperation answers each operation in its own way.
func byOperation(replies map[string]reply) reply {
	return func(w http.ResponseWriter, r *http.Request) {
		_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		replies[op](w, r)
	}
}

func healthy() map[string]reply {
	return map[string]reply{
		"ListTasks":     success(`{"taskArns":[]}`),
		"DescribeTasks": success(`{"tasks":[],"failures":[{"arn":"a","reason":"MISSING"}]}`),
		"StopTask":      awsError(400, "InvalidParameterException", "The referenced task was not found."),

		"ListContainerInstances":     success(`{"containerInstanceArns":[]}`),
		"DescribeContainerInstances": success(`{"containerInstances":[],"failures":[{"arn":"a","reason":"MISSING"}]}`),
		"DescribeTaskDefinition": success(`{"taskDefinition":{"status":"ACTIVE","networkMode":"bridge",
			"containerDefinitions":[{"name":"sidecar"},{"name":"session"}]}}`),
	}
}

func TestCheck(t *testing.T) {
	denied := awsError(400, "AccessDeniedException", "no")
	for name, test := range map[string]struct {
		change map[string]reply
		want   []string
	}{
		"all is well": {nil, nil},
		"no cluster": {map[string]reply{"ListTasks": awsError(400, "ClusterNotFoundException", "Cluster not found.")},
			[]string{"ListTasks: ClusterNotFoundException: Cluster not found.; is there a cluster sessions in this account and Region? (invalid)"}},
		"permissions": {map[string]reply{"DescribeTasks": denied, "StopTask": denied}, []string{
			"DescribeTasks: AccessDeniedException; the gateway's role lacks the permission ecs:DescribeTasks (denied)",
			"StopTask: AccessDeniedException; the gateway's role lacks the permission ecs:StopTask (denied)"}},
		"unknown definition": {map[string]reply{"DescribeTaskDefinition": awsError(400, "ClientException", "Unable to describe task definition.")},
			[]string{"DescribeTaskDefinition: ClientException: Unable to describe task definition.; " +
				"the task definition is session:7, the cluster sessions (invalid)"}},
		"inactive": {map[string]reply{"DescribeTaskDefinition": success(`{"taskDefinition":{"status":"INACTIVE","containerDefinitions":[{"name":"session"}]}}`)},
			[]string{"DescribeTaskDefinition: task definition session:7 is INACTIVE; use an active revision (invalid)"}},
		"container": {map[string]reply{"DescribeTaskDefinition": success(`{"taskDefinition":{"status":"ACTIVE","containerDefinitions":[{"name":"sesion"}]}}`)},
			[]string{"DescribeTaskDefinition: task definition session:7 has no container session (invalid)"}},
		"awsvpc": {map[string]reply{"DescribeTaskDefinition": success(`{"taskDefinition":{"status":"ACTIVE","networkMode":"awsvpc",
			"containerDefinitions":[{"name":"session"}]}}`)},
			[]string{"DescribeTaskDefinition: task definition session:7 has network mode awsvpc, for which ECS_SUBNETS is needed (invalid)"}},
		"out of order": {map[string]reply{"ListTasks": awsError(500, "ServerException", "down"), "DescribeTasks": denied},
			[]string{"ListTasks: ServerException: down (unavailable)"}},
	} {
		t.Run(name, func(t *testing.T) {
			replies := healthy()
			for op, r := range test.change {
				replies[op] = r
			}
			w := launch(t, impatient(serve(t, byOperation(replies)).url))
			if got := w.Check(context.Background()); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// withoutAWS hides the machine's own AWS settings from a test.
func withoutAWS(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS"} {
		t.Setenv(name, "") // so that it comes back
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func TestLoadClients(t *testing.T) {
	withoutAWS(t)
	if _, err := LoadClients(context.Background()); err == nil || !strings.Contains(err.Error(), "set AWS_REGION") {
		t.Errorf("without a Region: %v", err)
	}
	t.Setenv("AWS_REGION", "eu-north-1")
	if _, err := LoadClients(context.Background()); err == nil || !strings.Contains(err.Error(), "give the gateway a task role") {
		t.Errorf("without credentials: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	e := serve(t, byOperation(healthy()))
	t.Setenv("AWS_ENDPOINT_URL_ECS", e.url)
	clients, err := LoadClients(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := launch(t, clients.ECS).Check(context.Background()); got != nil || len(e.requests()) != 6 {
		t.Errorf("%d requests, problems %q", len(e.requests()), got)
	}
}
