package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTheDevTokenKeepsAgentsOut: with AUTH=dev, whoever else is on the machine, the agents among them, is no user and no operator,
// and the line that the gateway prints lets the shell in.
func TestTheDevTokenKeepsAgentsOut(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "DEV_TOKEN=")
	token, _, _ := strings.Cut(g.after("export DEV_TOKEN="), ";")
	if len(token) < 20 {
		t.Fatalf("the token is %q", token)
	}
	for _, path := range []string{"/api/status", "/ws?user=ann"} {
		for _, bearer := range []string{"", "x", token + "x"} {
			if code := g.asks(path, bearer); code != http.StatusUnauthorized && code != http.StatusUpgradeRequired {
				t.Errorf("%s with %q: %d", path, bearer, code)
			}
		}
	}
	if code := g.asks("/api/status", token); code != http.StatusOK {
		t.Errorf("status with the token: %d", code)
	}
	for _, test := range []struct {
		token, says string
		code        int
	}{{token, "42\n", 0}, {"", "", 1}, {"x", "", 1}} {
		cmd := exec.CommandContext(t.Context(), program("shell"), "--url", g.ws)
		cmd.Env = append(os.Environ(), "DEV_TOKEN="+test.token)
		// The agent sees neither the token nor a way to the operator's endpoints.
		cmd.Stdin = strings.NewReader("echo $((6*7))\nenv | grep -c " + token + "x\nexit 0\n")
		var output, notes bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &notes
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.HasPrefix(output.String(), test.says) {
			t.Errorf("with %q: exit code %d, %q, %s", test.token, code, &output, &notes)
		}
	}
	if strings.Contains(g.log.String(), `"`+token) {
		t.Error("the log has the token")
	}
}

// asks makes a request with a bearer token and gives the status.
func (g realGateway) asks(path, bearer string) int {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.base+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := web.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
