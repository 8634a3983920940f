package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"hearth/messages"
	"hearth/messages/wire"
)

// web asks the gateways' HTTP endpoints. Connections are not kept, so that none outlives its test.
var web = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// endpoint is where a gateway serves operators.
type endpoint struct {
	t testing.TB
	// base is http://host:port.
	base string
	// operator is the operator's token, empty where none is needed.
	operator string
	// keys are shown instead of it where they are set: to an ECS-compatible endpoint's control paths.
	keys aws.Credentials
}

// localKeys are those of the ECS-compatible endpoints that tests start.
var localKeys = aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "a secret key of the tests'"}

// call makes a request and gives the status and the body.
func (e endpoint) call(method, path, body string) (int, string) {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), method, e.base+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if e.keys.HasKeys() {
		request.SetBasicAuth(e.keys.AccessKeyID, e.keys.SecretAccessKey)
	}
	if e.operator != "" {
		request.Header.Set("Authorization", "Bearer "+e.operator)
	}
	response, err := web.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (e endpoint) get(path string) (int, string) {
	e.t.Helper()
	return e.call(http.MethodGet, path, "")
}

// must makes a request that has to succeed.
func (e endpoint) must(method, path, body string) string {
	e.t.Helper()
	code, text := e.call(method, path, body)
	if code/100 != 2 {
		e.t.Fatalf("%s %s: %d %s", method, path, code, text)
	}
	return text
}

// metric is a series' value now. A series that is not there fails the test.
func (e endpoint) metric(series string) float64 {
	e.t.Helper()
	for line := range strings.Lines(e.must(http.MethodGet, "/metrics", "")) {
		if text, found := strings.CutPrefix(line, series+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				e.t.Fatal(err)
			}
			return value
		}
	}
	e.t.Fatalf("/metrics has no %s", series)
	return 0
}

func (e endpoint) status() messages.PoolStatus {
	e.t.Helper()
	var status messages.PoolStatus
	if err := json.Unmarshal([]byte(e.must(http.MethodGet, "/api/status", "")), &status); err != nil {
		e.t.Fatal(err)
	}
	return status
}

// awaitStatus polls the status until it is so.
func (e endpoint) awaitStatus(what string, so func(messages.PoolStatus) bool) messages.PoolStatus {
	e.t.Helper()
	var status messages.PoolStatus
	eventually(e.t, what, func() bool {
		status = e.status()
		return so(status)
	})
	return status
}

// awaitReady waits until the pool stands at n ready tasks, with nothing else going on.
func (e endpoint) awaitReady(n int) messages.PoolStatus {
	e.t.Helper()
	return e.awaitStatus(fmt.Sprintf("%d ready tasks and nothing else", n), func(s messages.PoolStatus) bool {
		return s.Pool.Ready == n && len(s.Tasks) == n
	})
}

// taskOf is the task of a user's session, once it has one.
func (e endpoint) taskOf(u *user) wire.TaskID {
	e.t.Helper()
	var task wire.TaskID
	e.awaitStatus(u.name+" has a task", func(s messages.PoolStatus) bool {
		for _, each := range s.Sessions {
			if each.ID == u.ID() {
				task = each.Task
			}
		}
		return task != ""
	})
	return task
}

// readyTasks are the tasks that can be claimed.
func readyTasks(s messages.PoolStatus) map[wire.TaskID]bool {
	ready := map[wire.TaskID]bool{}
	for _, task := range s.Tasks {
		if task.State == messages.TaskStateReady {
			ready[task.ID] = true
		}
	}
	return ready
}
