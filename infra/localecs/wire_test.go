package localecs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hearth/infra/testkit"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rs/zerolog"
)

// post sends a raw API call and gives the status and the decoded body.
func (e *endpoint) post(operation, body string) (int, map[string]any) {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.URL(), strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", targetPrefix+operation)
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(e.t.Context(), e.Credentials(), req, hex.EncodeToString(hash[:]), "ecs", "us-east-1", time.Now()); err != nil {
		e.t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") != contentType || res.Header.Get("X-Amzn-Requestid") == "" {
		e.t.Errorf("headers %v", res.Header)
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	decoded := map[string]any{}
	if err := json.Unmarshal(raw, &decoded); err != nil {
		e.t.Fatalf("%s: %v", raw, err)
	}
	return res.StatusCode, decoded
}

func TestBadCalls(t *testing.T) {
	e := start(t, Config{})
	for _, c := range []struct {
		operation, body string
		status          int
		kind            string
	}{
		{"DeleteCluster", "{}", 400, "UnknownOperationException"},
		{"RunTask", "{", 400, "SerializationException"},
		{"RunTask", `{"taskDefinition":7}`, 400, "SerializationException"},
		{"RunTask", `{"taskDefinition":"x","overrides":[]}`, 400, "SerializationException"},
		{"RegisterTaskDefinition", `{"family":"f","containerDefinitions":{}}`, 400, "SerializationException"},
		{"ListTasks", `{"cluster":"` + strings.Repeat("x", maxBody) + `"}`, 413, "RequestEntityTooLargeException"},
		{"ListTasks", `{"cluster":"arn:aws:ecs:x:y:task/z"}`, 400, "InvalidParameterException"},
	} {
		status, body := e.post(c.operation, c.body)
		if status != c.status || body["__type"] != c.kind || body["message"] == "" {
			t.Errorf("%s %.60s: status %d, %v", c.operation, c.body, status, body)
		}
	}
}

func TestLogHasNoSecrets(t *testing.T) {
	var log bytes.Buffer
	locked := &testkit.Log{}
	server, err := Start(Config{Log: zerolog.New(locked).Level(zerolog.TraceLevel)})
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoint{Server: server, Client: clientOf(t, server), t: t}
	e.register("web", sh("exit 0"))
	_, out := e.post("RunTask", `{"taskDefinition":"web","overrides":{"containerOverrides":[{"name":"main","environment":[{"name":"TASK_TOKEN","value":"hush-hush"}]}]}}`)
	if len(out["tasks"].([]any)) != 1 {
		t.Fatalf("%v", out)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.WriteString(locked.String())
	if !strings.Contains(log.String(), "RunTask") || strings.Contains(log.String(), "hush-hush") || strings.Contains(log.String(), server.Credentials().SecretAccessKey) {
		t.Errorf("the log:\n%s", &log)
	}
}

func TestOtherHostNamesAreRefused(t *testing.T) {
	e := start(t, Config{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL()+"/_localecs/faults", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host, req.Close = "rebound.example:80", true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", res.StatusCode)
	}
	for host, want := range map[string]bool{"localhost": true, "localhost:1": true, "127.0.0.1:1": true, "[::1]:1": true, "127.1.2.3": true,
		"example.org": false, "10.0.0.1:1": false, "": false} {
		if localHost(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	for want, cfg := range map[string]Config{
		"loopback only":     {Listen: "0.0.0.0:0"},
		"not a directory":   {WorkDir: "doc.go"},
		"working directory": {WorkDir: filepath.Join(t.TempDir(), "missing")},
		"12 digits":         {Account: "1"},
		"cluster name":      {Cluster: "a b"},
		"negative":          {StopTimeout: -1},
		"instances":         {Instances: -1},
		"positive":          {InstanceCPU: -1},
	} {
		server, err := Start(cfg)
		if err == nil {
			_ = server.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestTimestampsAreNumbers(t *testing.T) {
	for ms, want := range map[int64]string{1700000000123: "1700000000.123", 1700000000005: "1700000000.005", 1000: "1.000"} {
		got, err := json.Marshal(timestamp{time.UnixMilli(ms)})
		if err != nil || string(got) != want {
			t.Errorf("%s, %v", got, err)
		}
	}
}

func TestTaskMetadata(t *testing.T) {
	e := start(t, Config{})
	e.register("web", append(sh(`echo "uri $ECS_CONTAINER_METADATA_URI_V4"; while :; do sleep 0.05; done`), "web"))
	arn := *e.run("web").TaskArn
	e.await(&arn, "RUNNING")
	e.awaitOutput("uri http")
	uri := strings.Fields(strings.SplitN(e.output.String(), "uri "+e.URL(), 2)[1])[0]

	var task taskMetadata
	if status := e.control("GET", uri+"/task", "", "", &task); status != 200 {
		t.Fatalf("status %d", status)
	}
	if task.TaskARN != arn || task.Family != "web" || task.Revision != "1" || task.KnownStatus != "RUNNING" || task.DesiredStatus != "RUNNING" ||
		!strings.HasSuffix(task.Cluster, "cluster/default") || task.Limits.CPU != 0.25 || task.Limits.Memory != 256 || task.PullStartedAt == nil {
		t.Errorf("%+v", task)
	}
	var container containerMetadata
	if status := e.control("GET", uri, "", "", &container); status != 200 || container.Name != "main" ||
		container.Labels["com.amazonaws.ecs.task-arn"] != arn || container.Type != "NORMAL" || container.Limits.CPU != 256 {
		t.Errorf("status %d, %+v", status, container)
	}
	if len(task.Containers) != 1 || task.Containers[0].ContainerARN != container.ContainerARN {
		t.Errorf("containers %+v", task.Containers)
	}
	if err := e.SetInstances(Capacity{}); err != nil { // ends the task at once
		t.Fatal(err)
	}
	e.await(&arn, "STOPPED")
	if status := e.control("GET", uri+"/task", "", "", nil); status != 404 {
		t.Errorf("after the end: status %d", status)
	}
}
