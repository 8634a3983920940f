package check

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/golang-jwt/jwt/v5"

	"hearth/infra/client"
	"hearth/infra/localecs"
	"hearth/messages/wire"
)

const (
	gatewayDefinition = "module.hearth.module.gateway.aws_ecs_task_definition.this"
	sessionDefinition = "module.hearth.module.task.aws_ecs_task_definition.this"

	aSecret  = "a secret of the tests, of more than 32 bytes"
	patience = time.Minute
)

// binaries is the directory of what buildPrograms has built, which TestMain removes.
var binaries string

// buildPrograms builds the gateway, the bridge and the example agent, once for all tests.
var buildPrograms = sync.OnceValue(func() (err error) {
	if binaries, err = os.MkdirTemp("", "hearth-check-"); err != nil {
		return err
	}
	return exec.Command("go", "build", "-o", binaries+"/", "../../cmd/gateway", "../../cmd/bridge", "../docker/agent").Run()
})

// aSessionRuns starts a gateway with the very settings that Terraform gives it, on an ECS of this machine's on which the
// session tasks are the definition that Terraform registers, and talks to the example agent. What cannot be had here is
// replaced: addresses, the mount, and the levels of isolation.
func aSessionRuns(t *testing.T, made state) {
	if err := buildPrograms(); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, variable := range containers[container](t, made, gatewayDefinition)[0].Environment {
		settings[variable.Name] = variable.Value
	}
	workspaces := t.TempDir()
	root := settings["WORKSPACE_ROOT"]
	ecs := startECS(t, settings["ECS_CLUSTER"])
	ecs.register(t, made, filepath.Join(binaries, "bridge"), root, workspaces, filepath.Join(binaries, "agent"))
	clients, internal := freeAddress(t), freeAddress(t)
	for name, value := range map[string]string{
		"WORKSPACE_ROOT": workspaces, "LISTEN_ADDR": clients, "INTERNAL_LISTEN_ADDR": internal, "GATEWAY_WS_URL": "ws://" + internal,
		"JWT_SECRET": aSecret, "TASK_TOKEN_SECRET": aSecret, "OPERATOR_TOKEN": aSecret,
		"AWS_ENDPOINT_URL": ecs.server.URL(), "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
	} {
		settings[name] = value
	}
	ended := startGateway(t, filepath.Join(binaries, "gateway"), settings)
	awaitReady(t, "http://"+clients+"/readyz", ended)
	talk(t, "ws://"+clients)
}

// localECS is an ECS-compatible endpoint of this machine.
type localECS struct {
	server *localecs.Server
	client *awsecs.Client
}

func startECS(t *testing.T, cluster string) *localECS {
	t.Helper()
	server, err := localecs.Start(localecs.Config{Cluster: cluster, AccessKeyID: "key", SecretAccessKey: "secret", StopTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &localECS{server, awsecs.New(awsecs.Options{BaseEndpoint: aws.String(server.URL()), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})}
}

// register registers the session tasks' definition. A task is a process of this machine, so the image's entry point and agent
// are named, and what is mounted at root is a directory.
func (e *localECS) register(t *testing.T, made state, bridge, root, workspaces, agent string) {
	t.Helper()
	all := containers[types.ContainerDefinition](t, made, sessionDefinition)
	all[0].EntryPoint = []string{bridge}
	for i := range all[0].Environment {
		switch variable := &all[0].Environment[i]; *variable.Name {
		case "WORKSPACE_ROOT":
			variable.Value = &workspaces
		case "AGENT_COMMAND":
			variable.Value = &agent
		case "ISOLATION":
			variable.Value = aws.String("path")
		}
	}
	for i := range all[0].MountPoints {
		if *all[0].MountPoints[i].ContainerPath == root {
			all[0].MountPoints[i].ContainerPath = &workspaces
		}
	}
	values := made[sessionDefinition].Values
	_, err := e.client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String(values["family"].(string)), NetworkMode: types.NetworkMode(values["network_mode"].(string)),
		ContainerDefinitions: all, Volumes: volumes(t, values["volume"]),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// volumes are a task definition's in OpenTofu's words.
func volumes(t *testing.T, value any) (all []types.Volume) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var described []struct {
		Name string
		EFS  []struct {
			FileSystem    string `json:"file_system_id"`
			Root          string `json:"root_directory"`
			Encryption    string `json:"transit_encryption"`
			Authorization []struct {
				AccessPoint string `json:"access_point_id"`
				IAM         string
			} `json:"authorization_config"`
		} `json:"efs_volume_configuration"`
	}
	if err := json.Unmarshal(text, &described); err != nil {
		t.Fatal(err)
	}
	for _, each := range described {
		files := each.EFS[0]
		all = append(all, types.Volume{Name: &each.Name, EfsVolumeConfiguration: &types.EFSVolumeConfiguration{
			FileSystemId: &files.FileSystem, RootDirectory: &files.Root, TransitEncryption: types.EFSTransitEncryption(files.Encryption),
			AuthorizationConfig: &types.EFSAuthorizationConfig{AccessPointId: &files.Authorization[0].AccessPoint,
				Iam: types.EFSAuthorizationConfigIAM(files.Authorization[0].IAM)},
		}})
	}
	return all
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// startGateway starts a gateway with an environment and nothing else, and kills it when the test is over. The channel is
// closed when it has ended.
func startGateway(t *testing.T, path string, settings map[string]string) <-chan struct{} {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(path)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its log says how it ended
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails if it has ended
		<-ended
		if t.Failed() {
			t.Logf("the gateway said:\n%s", log.Bytes())
		}
	})
	return ended
}

func awaitReady(t *testing.T, url string, ended <-chan struct{}) {
	t.Helper()
	said := ""
	for end := time.Now().Add(patience); time.Now().Before(end); {
		select {
		case <-ended:
			t.Fatal("the gateway has ended")
		case <-time.After(50 * time.Millisecond):
		}
		res, err := http.Get(url)
		if err != nil {
			said = err.Error()
			continue
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(res.Body)
		_ = res.Body.Close()
		if said = body.String(); res.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("%s after %v: %s", url, patience, said)
}

// talk begins a session as a user with a JWT, says a line, and takes the agent's answer.
func talk(t *testing.T, url string) {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte(aSecret))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	session, err := client.Dial(ctx, client.Config{URL: url, Token: wire.Secret(token), GiveUp: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Detach()
	if err := session.Send(ctx, json.RawMessage(`{"hello":1}`)); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case event, ok := <-session.Events():
			if !ok {
				t.Fatal("the session ended")
			}
			if data, ok := event.(wire.Data); ok {
				if text := string(data.Payload); !strings.Contains(text, `"you":{"hello":1}`) || !strings.Contains(text, `"user":"ann"`) {
					t.Errorf("the agent answers %s", text)
				}
				return
			}
		case <-ctx.Done():
			t.Fatal("the agent does not answer")
		}
	}
}
