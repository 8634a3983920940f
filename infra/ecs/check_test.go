package ecs

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/logging"
	"github.com/rs/zerolog"
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
		change  map[string]reply
		want    []string
		passing string
	}{
		"all is well": {},
		"no cluster": {map[string]reply{"ListTasks": awsError(400, "ClusterNotFoundException", "Cluster not found.")},
			[]string{"ListTasks: ClusterNotFoundException: Cluster not found.; is there a cluster sessions in this account and Region? (invalid)"}, ""},
		"permissions": {map[string]reply{"DescribeTasks": denied, "StopTask": denied}, []string{
			"DescribeTasks: AccessDeniedException; the gateway's role lacks the permission ecs:DescribeTasks (denied)",
			"StopTask: AccessDeniedException; the gateway's role lacks the permission ecs:StopTask (denied)"}, ""},
		"unknown definition": {map[string]reply{"DescribeTaskDefinition": awsError(400, "ClientException", "Unable to describe task definition.")},
			[]string{"DescribeTaskDefinition: ClientException: Unable to describe task definition.; " +
				"the task definition is session:7, the cluster sessions (invalid)"}, ""},
		"inactive": {map[string]reply{"DescribeTaskDefinition": success(`{"taskDefinition":{"status":"INACTIVE","containerDefinitions":[{"name":"session"}]}}`)},
			[]string{"DescribeTaskDefinition: task definition session:7 is INACTIVE; use an active revision (invalid)"}, ""},
		"container": {map[string]reply{"DescribeTaskDefinition": success(`{"taskDefinition":{"status":"ACTIVE","containerDefinitions":[{"name":"sesion"}]}}`)},
			[]string{"DescribeTaskDefinition: task definition session:7 has no container session (invalid)"}, ""},
		"awsvpc": {map[string]reply{"DescribeTaskDefinition": success(`{"taskDefinition":{"status":"ACTIVE","networkMode":"awsvpc",
			"containerDefinitions":[{"name":"session"}]}}`)},
			[]string{"DescribeTaskDefinition: task definition session:7 has network mode awsvpc, for which ECS_SUBNETS is needed (invalid)"}, ""},
		"out of order": {map[string]reply{"ListTasks": awsError(500, "ServerException", "down"), "DescribeTasks": denied},
			[]string{"DescribeTasks: AccessDeniedException; the gateway's role lacks the permission ecs:DescribeTasks (denied)"},
			"ListTasks: ServerException: down (unavailable)"},
		"denied, then throttled": {map[string]reply{"DescribeTasks": denied, "StopTask": awsError(400, "ThrottlingException", "Rate exceeded")},
			[]string{"DescribeTasks: AccessDeniedException; the gateway's role lacks the permission ecs:DescribeTasks (denied)"},
			"StopTask: ThrottlingException: Rate exceeded; the account makes more calls in this Region than AWS allows (throttled)"},
	} {
		t.Run(name, func(t *testing.T) {
			replies := healthy()
			for op, r := range test.change {
				replies[op] = r
			}
			w := launch(t, impatient(serve(t, byOperation(replies)).url))
			if got, passing := w.Check(context.Background()); !slices.Equal(got, test.want) || passing != test.passing {
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
	if _, err := LoadClients(context.Background(), zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "set AWS_REGION") {
		t.Errorf("without a Region: %v", err)
	}
	t.Setenv("AWS_REGION", "eu-north-1")
	if _, err := LoadClients(context.Background(), zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "give the gateway a task role") {
		t.Errorf("without credentials: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	e := serve(t, byOperation(healthy()))
	t.Setenv("AWS_ENDPOINT_URL_ECS", e.url)
	clients, err := LoadClients(context.Background(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if got, passing := launch(t, clients.ECS).Check(context.Background()); got != nil || passing != "" || len(e.requests()) != 6 {
		t.Errorf("%d requests, problems %q", len(e.requests()), got)
	}
}

// TestTheSDKWritesIntoTheLog: what the AWS SDK warns of would else go to standard error, in no format of ours.
func TestTheSDKWritesIntoTheLog(t *testing.T) {
	withoutAWS(t)
	t.Setenv("AWS_REGION", "eu-north-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	var log strings.Builder
	clients, err := LoadClients(context.Background(), zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	clients.ECS.Options().Logger.Logf(logging.Warn, "a field\nwas %s", "skipped")
	if want := `{"level":"warn","lib":"aws-sdk","message":"a field was skipped"}` + "\n"; log.String() != want {
		t.Errorf("the log has %q", log.String())
	}
}

// A definition that would keep workspaces anywhere but on the shared access point, or not safely there, is refused.
func TestCheckOfTheSharedAccessPoint(t *testing.T) {
	const good = `{"taskDefinition":{"family":"session","revision":7,"status":"ACTIVE","volumes":[{"name":"w","efsVolumeConfiguration":{
		"fileSystemId":"fs-1","transitEncryption":"ENABLED","rootDirectory":"/","authorizationConfig":{"accessPointId":"fsap-1","iam":"ENABLED"}}}],
		"containerDefinitions":[{"name":"session","stopTimeout":15,"environment":[{"name":"STOP_GRACE","value":"10s"}],
		"mountPoints":[{"sourceVolume":"w","containerPath":"/mnt/efs/"}]}]}}`
	for change, want := range map[string]string{
		"":                            "",
		`"stopTimeout":15,->`:         "",
		`"rootDirectory":"/",->`:      "",
		`"fsap-1"->"fsap-2"`:          "mounts volume w at /mnt/efs through fsap-2, not fsap-1",
		`"accessPointId":"fsap-1",->`: "without an access point",
		`"transitEncryption":"ENABLED"->"transitEncryption":"DISABLED"`: "without transit encryption",
		`"iam":"ENABLED"->"iam":"DISABLED"`:                             "without IAM authorization",
		`"rootDirectory":"/"->"rootDirectory":"/workspaces"`:            "with a root directory",
		`/mnt/efs/->/mnt/other`:                                         "mounts nothing at /mnt/efs",
		`"sourceVolume":"w"->"sourceVolume":"x"`:                        "is not an EFS file system",
		`"containerPath"->"readOnly":true,"containerPath"`:              "read-only",
		`"stopTimeout":15->"stopTimeout":14`:                            "stopTimeout of 14s; STOP_GRACE (10s)",
		`"value":"10s"->"value":"26s"`:                                  "stopTimeout of 15s; STOP_GRACE (26s)",
		`15,"environment":[{"name":"STOP_GRACE","value":"10s"->9,"environment":[{"name":"STOP_GRACE","value":"1s"`: "stopTimeout of 9s; STOP_GRACE (5s)",
		`"name":"STOP_GRACE","value":"10s"->"name":"WORKSPACE_ROOT","value":"/mnt/efs"`:                            "",
		`"name":"STOP_GRACE","value":"10s"->"name":"WORKSPACE_ROOT","value":"/work"`:                               "gives container session the WORKSPACE_ROOT /work",
	} {
		from, to, _ := strings.Cut(change, "->")
		replies := healthy()
		replies["DescribeTaskDefinition"] = success(strings.Replace(good, from, to, 1))
		w := launch(t, impatient(serve(t, byOperation(replies)).url), func(c *Config) {
			c.SharedAccessPoint, c.WorkspaceRoot, c.StopGrace = "fsap-1", "/mnt/efs", 5*time.Second
		})
		problems, passing := w.Check(t.Context())
		if passing != "" || want == "" && problems != nil || want != "" && (len(problems) != 1 || !strings.Contains(problems[0], want)) {
			t.Errorf("%s: %q %s", change, problems, passing)
		}
	}
}
