package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/golang-jwt/jwt/v5"

	"hearth/infra/sign"
	"hearth/messages/wire"
)

// secretRun is a full run of real processes, with everything in it that nobody may see.
type secretRun struct {
	t       testing.TB
	dir     string
	ecs     localECS
	gateway realGateway
	signer  *sign.Signer
	// secrets are by what they are.
	secrets map[string]string
}

// TestSecrets looks for every secret of a full run in every place that somebody else could look at: logs at their most
// talkative, HTTP and ECS answers, what clients are told, what the system shows of processes, files and their names. A
// user's token may be in the token file, a task's in the environment that ECS starts that task with, the gateway's own
// in the environment that it was started with.
func TestSecrets(t *testing.T) {
	r := beginSecretRun(t)
	g, token := r.gateway, filepath.Join(r.dir, "workspaces", "ann", ".optima", "token.json")

	w, status := openWire(t, g.ws+"/ws", http.Header{"Authorization": {"Bearer " + r.jwt("the user's token", time.Hour)}})
	if w == nil {
		t.Fatalf("HTTP %d", status)
	}
	w.says(wire.Hello{})
	hears(w, "ready", func(wire.Ready) bool { return true })
	r.onlyIn(token, "the user's token")
	w.says(wire.Token{Token: wire.Secret(r.jwt("the refreshed token", 2*time.Hour))})
	eventually(t, "the token file has the refreshed token", func() bool {
		return string(tokenIn(t, token)) == r.secrets["the refreshed token"]
	})
	w.says(wire.Data{Payload: quoted("a line")})
	hears(w, "the echo", func(d wire.Data) bool { return textOf(d) == "a line" })
	r.provoke(w)

	r.collectTasks()
	r.onlyIn(token, "the refreshed token")
	r.lookAtProcesses()
	r.lookAtEndpoints()
	r.look("what the client was told", w.heardText())

	w.says(wire.Close{})
	w.bye(wire.ByeClosed)
	eventually(t, "the token file is gone", func() bool {
		_, err := os.Stat(token)
		return errors.Is(err, fs.ErrNotExist)
	})
	r.onlyIn("")
	for _, p := range []*process{g.process, r.ecs.process} {
		p.signal(syscall.SIGTERM)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	r.look("the gateway's log", g.log.String())
	r.look("the log of localecs and the bridges", r.ecs.log.String())
	for what, text := range map[string]string{"gateway": g.log.String(), "localecs and bridges": r.ecs.log.String()} {
		if !strings.Contains(text, `"level":"debug"`) && !strings.Contains(text, "DBG") {
			t.Errorf("the log of %s says nothing in detail: that there is no secret in it proves nothing", what)
		}
	}
}

func beginSecretRun(t testing.TB) *secretRun {
	t.Helper()
	dir := sharedDir(t)
	long := func() string { return rand.Text() + rand.Text() }
	r := &secretRun{t: t, dir: dir, secrets: map[string]string{
		"JWT_SECRET": long(), "JWT_SECRET_PREVIOUS": long(), "TASK_TOKEN_SECRET": long(), "TASK_TOKEN_SECRET_PREVIOUS": long(),
		"OPERATOR_TOKEN": long(),
	}}
	var err error
	if r.signer, err = sign.New([]byte(r.secrets["TASK_TOKEN_SECRET"])); err != nil {
		t.Fatal(err)
	}
	r.ecs = startLocalECS(t, dir, "cat")
	between := openProxy(t)
	environment := append(r.ecs.gatewayEnvironment(between.ws()), "AUTH=jwt", "LOG_LEVEL=trace", "DRAIN_TIMEOUT=1s", "STOP_GRACE=1s")
	for name, secret := range r.secrets {
		environment = append(environment, name+"="+secret)
	}
	r.gateway = startGateway(t, dir, environment...)
	r.gateway.operator = r.secrets["OPERATOR_TOKEN"]
	aim(t, between, r.gateway)
	r.gateway.awaitReady(3)
	return r
}

// jwt is a new token of Ann's, kept as a secret by that name.
func (r *secretRun) jwt(name string, goodFor time.Duration) string {
	r.t.Helper()
	claims := jwt.RegisteredClaims{Subject: "ann", ID: rand.Text(), ExpiresAt: jwt.NewNumericDate(time.Now().Add(goodFor))}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(r.secrets["JWT_SECRET"]))
	if err != nil {
		r.t.Fatal(err)
	}
	r.secrets[name] = token
	return token
}

// provoke has secrets come where they are refused, for what is refused is told and logged.
func (r *secretRun) provoke(w *wireClient) {
	r.t.Helper()
	base, expired := r.gateway.ws, r.jwt("an expired token", -time.Hour)
	token := r.secrets["the user's token"]
	for _, header := range []http.Header{
		{"Authorization": {"Bearer " + expired}},
		{"Authorization": {"Bearer " + token + "x"}},
		{"Sec-WebSocket-Protocol": {"hearth.v1, bearer." + expired}},
		{"Sec-WebSocket-Protocol": {"bearer." + token}},
	} {
		refused, _ := openWire(r.t, base+"/ws", header)
		if refused != nil {
			refused.closed(wire.CloseUnauthenticated)
			r.look("what a refused client was told", refused.heardText())
		}
	}
	for path, bearer := range map[string]string{
		"/internal/warm/t-x": token, "/internal/task/s-x": r.secrets["OPERATOR_TOKEN"], "/internal/warm/t-y": r.secrets["TASK_TOKEN_SECRET"],
	} {
		if opened, status := openWire(r.t, base+path, http.Header{"Authorization": {"Bearer " + bearer}}); opened != nil || status != 401 {
			r.t.Errorf("%s: HTTP %d", path, status)
		}
	}
	w.sends(`{"type":"token","token":["` + r.secrets["the refreshed token"] + `"]}`)
	w.sends(`{"type":"token","token":"` + r.secrets["the refreshed token"])
	w.failure(wire.CodeBadFrame)
}

var taskIDs = regexp.MustCompile(`\bt-[a-z0-9]{16}\b`)

// collectTasks adds the token and the pass of every task that there has been, and what binds one to Ann's session.
func (r *secretRun) collectTasks() {
	r.t.Helper()
	for _, id := range taskIDs.FindAllString(r.gateway.log.String(), -1) {
		r.secrets["the token of "+id] = r.signer.TaskToken(wire.TaskID(id))
		r.secrets["the pass of "+id] = string(r.signer.WarmPass(wire.TaskID(id)))
	}
	status := r.gateway.status()
	if len(r.secrets) < 8+2*4 || len(status.Sessions) != 1 {
		r.t.Fatalf("%d secrets, %d sessions", len(r.secrets), len(status.Sessions))
	}
	session := status.Sessions[0]
	r.secrets["the binding"] = r.signer.Binding(session.Task, session.ID, session.User)
}

// look reports every secret in a text but those that may be there.
func (r *secretRun) look(where, text string, allowed ...string) {
	r.t.Helper()
	for name, secret := range r.secrets {
		if !slices.Contains(allowed, name) && strings.Contains(text, secret) {
			r.t.Errorf("%s: %s is there", where, name)
		}
	}
}

// onlyIn looks at all files and their names. Those secrets that are named may be in that file and nowhere else.
func (r *secretRun) onlyIn(file string, allowed ...string) {
	r.t.Helper()
	err := filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		r.look("the name of a file", path)
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if path == file {
			r.look(path, string(content), allowed...)
		} else {
			r.look(path, string(content))
		}
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
}

// lookAtProcesses looks at the command line and the environment of every process of the run.
func (r *secretRun) lookAtProcesses() {
	r.t.Helper()
	own := []string{"JWT_SECRET", "JWT_SECRET_PREVIOUS", "TASK_TOKEN_SECRET", "TASK_TOKEN_SECRET_PREVIOUS", "OPERATOR_TOKEN"}
	bridges, agents := 0, 0
	for _, pid := range processesOf(r.t, r.dir) {
		read := func(file string) string {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file)) // it may have ended
			return string(text)
		}
		cmdline, environ := read("cmdline"), read("environ")
		r.look(fmt.Sprintf("the command line %q", cmdline), cmdline)
		_, id, _ := strings.Cut(environ, "\x00TASK_ID=")
		id, _, _ = strings.Cut(id, "\x00")
		switch {
		case pid == r.gateway.cmd.Process.Pid:
			r.look("the gateway's environment", environ, own...)
		case id != "":
			bridges++
			r.look("the environment of the bridge of "+id, environ, "the token of "+id)
		default:
			if strings.HasPrefix(cmdline, "cat\x00") {
				agents++
			}
			r.look(fmt.Sprintf("the environment of %q", cmdline), environ)
		}
	}
	if agents != 1 {
		r.t.Errorf("%d agents were looked at", agents)
	}
	if os.Getuid() == 0 && bridges == 0 { // bridges hide their environment from everyone else
		r.t.Error("no bridge was looked at")
	}
}

// lookAtEndpoints looks at everything that is answered over HTTP: the gateway's endpoints, to operators and to strangers,
// and ECS's. ECS tells those who may describe a task what it was started with.
func (r *secretRun) lookAtEndpoints() {
	r.t.Helper()
	stranger := r.gateway.endpoint
	stranger.operator = ""
	for _, path := range []string{"/", "/metrics", "/api/status", "/api/capacity", "/readyz", "/healthz", "/ws", "/internal/warm/x", "/nothing"} {
		for _, caller := range []endpoint{r.gateway.endpoint, stranger} {
			_, text := caller.get(path)
			r.look(path, text)
		}
	}
	_, text := r.gateway.call(http.MethodPost, "/api/pool", `{"min":"`+r.secrets["OPERATOR_TOKEN"]+`"}`)
	r.look("/api/pool", text)
	arns := r.ecs.tasks()
	tasks := `["` + strings.Join(arns, `","`) + `"]`
	for operation, body := range map[string]string{
		"ListTasks": `{}`, "DescribeTaskDefinition": `{"taskDefinition":"agent"}`, "ListContainerInstances": `{}`,
		"DescribeClusters": `{}`, "DescribeTasks": `{"tasks":` + tasks + `,"include":["TAGS"]}`,
	} {
		answer := r.askECS(operation, body)
		var allowed []string
		for name := range r.secrets {
			if operation == "DescribeTasks" && strings.HasPrefix(name, "the token of ") {
				allowed = append(allowed, name)
			}
		}
		r.look("ECS's answer to "+operation, answer, allowed...)
		if operation == "DescribeTasks" && !strings.Contains(answer, "TASK_TOKEN") {
			r.t.Errorf("ECS's answer to %s is not the one that was meant: %s", operation, answer)
		}
	}
}

// askECS makes a call as it goes over the wire.
func (r *secretRun) askECS(operation, body string) string {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.ecs.base+"/", bytes.NewBufferString(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113."+operation)
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	hash := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(r.t.Context(), localKeys, request, hex.EncodeToString(hash[:]), "ecs", "us-east-1", time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := web.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}
