package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"hearth/infra/client"
	"hearth/infra/report"
	"hearth/messages"
)

// hearth runs the operator's command, and gives what it prints, what it complains of and its exit code.
func hearth(t testing.TB, environment []string, arguments ...string) (output, complaint string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program("hearth"), arguments...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environment...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// TestTheOperatorsCommand does with a gateway what its operators do, and what they do wrong.
func TestTheOperatorsCommand(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	const token = "ann's own token that is long enough"
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "OPERATOR_TOKENS=ann="+token, "DEV_TOKEN=some other token", "LOG_LEVEL=info",
		"AGENT_STDERR=output")
	g.operator = token
	operator := []string{"OPERATOR_TOKEN=" + token, "HEARTH_OPERATOR_URL=" + g.base, "DEV_TOKEN=some other token"}
	g.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	u := connect(t, "bob", g.at, func(c *client.Config) { c.DevToken = "some other token" })
	u.ready()
	session := string(u.ID())
	g.awaitStatus("the pool is full again", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	missing := filepath.Join(dir, "missing")
	for _, test := range []struct {
		command string
		code    int
		// prints is what is printed, complains the beginning of what is complained of.
		prints, complains string
	}{
		{"status", 0, `(?s)ready +yes: ready.*3 ready, 0 starting, 1 assigned.*sessions +1 active.*revisions +4 agent:1`, ""},
		{"status -o json", 0, `"ready": true`, ""},
		{"sessions", 0, `(?s)SESSION.*` + session + ` +bob +active +t-`, ""},
		{"sessions --user nobody", 0, `^SESSION .*\n$`, ""},
		{"sessions --limit 0", 2, `^$`, "hearth: --limit"},
		{"tasks --state ready --limit 2", 0, `(?s)^TASK.*ready.*ready.*and 1 more: --limit\n$`, ""},
		{"tasks -o json", 0, `"total": 4`, ""},
		{"hosts", 0, `in_service +4 `, ""},
		{"pool", 0, `\n3 +10 +3 +3 +0 +1 `, ""},
		{"pool --min 2 --max 9", 0, `\n2 +9 +2 `, ""},
		{"pool --min 5 --max 1", 1, `^$`, "hearth: .*minimum"},
		{"pool --min many", 2, `^$`, "hearth: "},
		{"config AGENT_COMMAND DEV_TOKEN", 0, `(?s)AGENT_COMMAND +bash +environment\nDEV_TOKEN +\*+ +environment\n$`, ""},
		{"config NONE", 2, `^$`, "hearth: NONE is no setting"},
		{"logs --session " + session, 0, `session begins.*session=` + session, ""},
		{"logs --level audit", 0, `^\S+ AUD an operator's request action=resize .*operator=ann peer=127\.0\.0\.1:`, ""},
		{"logs -n 0", 2, `^$`, "hearth: --lines"},
		{"end", 2, `^$`, "hearth: end: give either"},
		{"end s-none", 1, `^$`, "hearth: there is no such session"},
		{"attach s-none", 1, `^$`, "hearth: there is no session s-none"},
		{"attach ../x", 2, `^$`, "hearth: attach: "},
		{"end " + session, 0, `sessions that end: 1`, ""},
		{"drain", 0, `the gateway drains`, ""},
		{"undrain", 0, `the gateway takes sessions`, ""},
		{"logs --level audit", 0, `action=undrain .*operator=ann`, ""},
		{"--token-file " + missing + " status", 2, `^$`, "hearth: open"},
		{"--url ftp://x status", 2, `^$`, "hearth: --url"},
		{"--url http://127.0.0.1:1 status", 1, `^$`, "hearth: the gateway cannot be reached"},
		{"report " + missing, 2, `^$`, "hearth: open"},
		{"no-such-command", 2, `^$`, "hearth: unexpected argument"},
		{"--version", 0, `.`, ""},
		{"--man", 0, `^\.TH HEARTH 1`, ""},
		{"completion -c zsh", 0, `bashcompinit`, ""},
	} {
		output, complaint, code := hearth(t, operator, strings.Fields(test.command)...)
		if code != test.code || !regexp.MustCompile(test.prints).MatchString(output) ||
			!regexp.MustCompile("^"+test.complains).MatchString(complaint) || (complaint == "") != (test.code == 0) {
			t.Errorf("hearth %s: exit code %d, prints %q, complains %q", test.command, code, output, complaint)
		}
		if strings.Contains(output+complaint, token) {
			t.Errorf("hearth %s shows the token", test.command)
		}
	}
	for _, wrong := range []string{"", "OPERATOR_TOKEN=guess"} {
		if _, complaint, code := hearth(t, []string{"HEARTH_OPERATOR_URL=" + g.base, wrong}, "status"); code != 1 || !strings.Contains(complaint, "token") {
			t.Errorf("with %q: exit code %d, %q", wrong, code, complaint)
		}
	}
	if output, _, code := hearth(t, []string{"COMP_LINE=hearth se", "COMP_POINT=9"}); code != 0 || output != "sessions\n" {
		t.Errorf("completion: exit code %d, %q", code, output)
	}
}

// TestTheReportNamesEachFault: a gateway lives through a bad day, and the report of its log says what happened, to whom it happened,
// and has its sessions for the simulator.
func TestTheReportNamesEachFault(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t)
	g := startGateway(t, dir, append(ecs.gatewayEnvironment(address.ws()), "LOG_LEVEL=info", "STOP_GRACE=1s", "DRAIN_TIMEOUT=1s")...)
	aim(t, address, g)
	g.awaitReady(3)
	// A task dies under its session.
	ann := connect(t, "ann", g.at)
	ann.ready()
	ann.echoes("the agent's first word")
	task := g.taskOf(ann)
	signalTask(t, dir, task, syscall.SIGKILL)
	g.log.await(t, "session lost its task and gets another")
	g.awaitStatus("ann has another task", func(s messages.PoolStatus) bool {
		return len(s.Sessions) == 1 && s.Sessions[0].State == messages.SessionStateActive && s.Sessions[0].Task != task
	})
	// ECS denies starts, and an operator asks for more.
	ecs.must(http.MethodPost, "/_localecs/faults", `{"api":{"RunTask":{"denied":true}}}`)
	g.must(http.MethodPost, "/api/pool", `{"min":6}`)
	eventually(t, "the log has the failed start", func() bool { return strings.Contains(g.log.String(), `"kind":"denied"`) })
	ecs.must(http.MethodPost, "/_localecs/faults", `{}`)
	// An operator ends a session.
	bob := connect(t, "bob", g.at)
	bob.ready()
	g.must(http.MethodDelete, "/api/sessions/"+string(bob.ID()), "")
	bob.ended()
	g.signal(syscall.SIGTERM)
	g.exit()

	log, trace := filepath.Join(dir, "gateway.log"), filepath.Join(dir, "trace.csv")
	if err := os.WriteFile(log, []byte("a line of something else's\n"+g.log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	output, complaint, code := hearth(t, nil, "report", log, "--trace", trace, "-o", "json")
	var day report.Day
	if err := json.Unmarshal([]byte(output), &day); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, complaint)
	}
	if day.SessionsBegun != 2 || day.SessionsEnded["operator"] != 1 || day.Restarts != 1 || day.OtherLines != 1 ||
		day.Starts["warm"].Count < 2 || day.HitRate == 0 || day.TaskBoots.Count < 3 || day.TaskStartsFailed["denied"] == 0 ||
		day.FirstOutput.Count == 0 || day.Operators["resize by anyone"] != 1 || day.Operators["end session by anyone"] != 1 {
		t.Errorf("the report says %s", output)
	}
	for what, names := range map[string]func(report.Problem) bool{
		"the denied start": func(p report.Problem) bool { return p.Kind == "denied" && strings.Contains(p.Reason, "AccessDenied") },
		"the lost task": func(p report.Problem) bool {
			return strings.HasPrefix(p.Message, "session lost its task") && p.Count == 1
		},
	} {
		named := false
		for _, problem := range day.Problems {
			named = named || names(problem)
		}
		if !named {
			t.Errorf("%s is not named: %+v", what, day.Problems)
		}
	}
	output, _, code = hearth(t, nil, "report", log, "--against", log)
	if code != 0 || !strings.Contains(output, "| restarts | 1 | 1 | +0 |\n") || !strings.Contains(output, "session lost its task") {
		t.Errorf("exit code %d: %s", code, output)
	}
	replay, err := exec.CommandContext(t.Context(), program("sim"), "replay", trace, "--session-column", "length_s", "--format", "json").CombinedOutput()
	if err != nil || !strings.Contains(string(replay), `"requests": 2`) {
		t.Errorf("sim replay: %v: %s", err, replay)
	}
}
