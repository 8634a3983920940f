package ecs

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
)

// startMoto starts moto, a second implementation of AWS's APIs, and gives its address; empty where it is not installed.
func startMoto(t *testing.T) string {
	t.Helper()
	if exec.CommandContext(t.Context(), "python3", "-c", "import moto.server").Run() != nil {
		return ""
	}
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(free.Addr().String())
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address := "127.0.0.1:" + port
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			_ = conn.Close()
			return "http://" + address
		}
		if time.Now().After(deadline) {
			t.Log("moto does not start")
			return ""
		}
	}
}

// asECS puts right where moto's answers are not ECS's: figures of containers that ECS gives as text, and a task that is not
// known, which fails there from within.
type asECS struct{ http.RoundTripper }

var figures = regexp.MustCompile(`"(cpu|memory)": ?(\d+)`)

func (a asECS) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := a.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	target := req.Header.Get("X-Amz-Target")
	switch {
	case strings.HasSuffix(target, "Task") || strings.HasSuffix(target, "Tasks"):
		body = figures.ReplaceAll(body, []byte(`"$1": "$2"`))
		if res.StatusCode == http.StatusInternalServerError && strings.HasSuffix(target, "StopTask") {
			res.StatusCode = http.StatusBadRequest
			body = []byte(`{"__type":"InvalidParameterException","message":"The referenced task was not found."}`)
		}
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Del("Content-Length")
	return res, nil
}

// aSubnet is a subnet that moto has.
func aSubnet(t *testing.T, base string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base, strings.NewReader(url.Values{"Action": {"DescribeSubnets"}, "Version": {"2016-11-15"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(regexp.MustCompile(`subnet-[0-9a-f]+`).Find(body))
}

// A second opinion: a task's life on moto, where Python and moto are on the machine. There are no hosts, so it is Fargate's.
func TestLifeOnMoto(t *testing.T) {
	base := startMoto(t)
	if base == "" {
		t.Log("moto is not on this machine; the local endpoint alone has its say")
		return
	}
	client := awsecs.New(impatient(base).Options(), func(o *awsecs.Options) {
		o.HTTPClient = &http.Client{Transport: asECS{&http.Transport{DisableKeepAlives: true}}}
	})
	if _, err := client.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String(aCluster)}); err != nil {
		t.Fatal(err)
	}
	registered, err := client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("session"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions:    []types.ContainerDefinition{{Name: aws.String(container), Image: aws.String("local"), Memory: aws.Int32(64)}}})
	if err != nil {
		t.Fatal(err)
	}
	w := launch(t, client, func(c *Config) {
		c.TaskDefinition = nameOf(registered.TaskDefinition)
		c.Running = Running{LaunchType: "FARGATE", Subnets: []string{aSubnet(t, base)}, SecurityGroups: []string{"sg-0"}, Tags: map[string]string{"a": "b"}}
	})
	if problems, passing := w.Check(t.Context()); problems != nil || passing != "" {
		t.Errorf("%q, %s", problems, passing)
	}
	arn := w.mustRun(messages.RunTask{Task: "task-1", Session: "s-1", User: "anna"})
	w.until(arn, messages.PhaseRunning)
	w.List(asker)
	want := messages.ListedTask{Task: "task-1", ARN: arn, Phase: messages.PhaseRunning, Session: "s-1", User: "anna", Revision: "session:1"}
	if listed := next[*messages.TasksListed](w.inbox); listed.Err != nil || len(listed.Tasks) != 1 || listed.Tasks[0] != want {
		t.Errorf("listed %+v", listed)
	}
	w.Stop(asker, "task-1", arn, "idle")
	if done := next[*messages.StopDone](w.inbox); done.Err != nil {
		t.Error(done.Err)
	}
	w.until(arn, messages.PhaseStopped)
	w.Stop(asker, "task-2", strings.Replace(arn, arn[len(arn)-4:], "ffff", 1), "no such task")
	if done := next[*messages.StopDone](w.inbox); done.Err != nil {
		t.Error(done.Err)
	}
}
