package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hearth/messages"
)

// prometheus is a real one that scrapes a gateway each second.
type prometheus struct {
	t    testing.TB
	base string
}

// openPrometheus starts one with the product's alerts, and ends it with the test. On a machine without it the test has nothing to do,
// which it says; in CI that is a failure.
func openPrometheus(t *testing.T, dir string, g realGateway) (p prometheus, ok bool) {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		const missing = "no prometheus: apt-get install prometheus (make test does it)"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Logf("NOT CHECKED, %s", missing)
		return p, false
	}
	rules, err := filepath.Abs("../../infra/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [%q]\n"+
		"scrape_configs: [{job_name: hearth, static_configs: [{targets: [%q]}]}]\n", rules, strings.TrimPrefix(g.base, "http://"))
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, gone, started := &journal{}, make(chan struct{}), make(chan error)
	cmd := exec.Command(path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address=127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	go func() {
		runtime.LockOSThread() // the kernel ends it with the thread that started it
		defer runtime.UnlockOSThread()
		defer close(gone)
		err := cmd.Start()
		if started <- err; err == nil {
			_ = cmd.Wait() // it is killed
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-gone
		if t.Failed() {
			t.Logf("what prometheus wrote:\n%s", log)
		}
	})
	const listening = `msg="Listening on" address=`
	eventually(t, "prometheus listens", func() bool { return strings.Contains(log.String(), listening) })
	_, address, _ := strings.Cut(log.String(), listening)
	return prometheus{t, "http://" + strings.Fields(address)[0]}, true
}

// sample is a series and its value.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

// query gives what an expression is now.
func (p prometheus) query(expression string) []sample {
	p.t.Helper()
	response, err := web.Get(p.base + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusServiceUnavailable { // it starts
		return nil
	}
	var answer struct {
		Error string
		Data  struct{ Result []sample }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Error != "" {
		p.t.Fatalf("%s: %v %s", expression, err, answer.Error)
	}
	return answer.Data.Result
}

// alerts are the names of those that are firing or pending.
func (p prometheus) alerts() (names []string) {
	p.t.Helper()
	for _, each := range p.query("ALERTS") {
		if name := each.Metric["alertname"]; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// await waits until an alert is firing, or pending if it is one that waits.
func (p prometheus) await(alert string) {
	p.t.Helper()
	eventually(p.t, alert+" is raised", func() bool { return slices.Contains(p.alerts(), alert) })
}

// dashboardExpressions are what the dashboard asks Prometheus, with its variables filled in, by the panels' titles.
func dashboardExpressions(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../infra/grafana/hearth.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			expression := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(target.Expr)
			found[panel.Title] = append(found[panel.Title], expression)
		}
	}
	return found
}

// TestDashboardAndAlertsOnARealPrometheus: each panel has something to show of a gateway that has served one session, no alert is
// raised by that, and each fault raises the alert that it ought to.
func TestDashboardAndAlertsOnARealPrometheus(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	address := openProxy(t)
	g := startGateway(t, dir, append(ecs.gatewayEnvironment(address.ws()), "LOG_LEVEL=info", "STOP_GRACE=1s", "DRAIN_TIMEOUT=1s", "HOST_SWEEP_INTERVAL=1s")...)
	aim(t, address, g)
	g.awaitReady(3)
	p, ok := openPrometheus(t, dir, g)
	if !ok {
		return
	}
	eventually(t, "the gateway is scraped", func() bool { return len(p.query("rate(hearth_ready[10s])")) > 0 })
	ann := connect(t, "ann", g.at)
	ann.ready()
	eventually(t, "the first session's start is seen as an increase", func() bool {
		seen := p.query(`increase(hearth_claims_total{result="warm"}[1m]) > 0`)
		return len(seen) == 1
	})
	for title, expressions := range dashboardExpressions(t) {
		for _, expression := range expressions {
			eventually(t, fmt.Sprintf("the panel %q shows %s", title, expression), func() bool { return len(p.query(expression)) > 0 })
		}
	}
	if raised := p.alerts(); len(raised) > 0 {
		t.Errorf("raised without a cause: %v", raised)
	}
	for range 3 { // in a row, which ends the session
		task := g.taskOf(ann)
		signalTask(t, dir, task, syscall.SIGKILL)
		g.awaitStatus("ann has another task, or no session any more", func(s messages.PoolStatus) bool {
			return len(s.Sessions) == 0 ||
				s.Sessions[0].State == messages.SessionStateActive && s.Sessions[0].Task != "" && s.Sessions[0].Task != task
		})
	}
	p.await("HearthSessionsLoseTasks")
	ecs.must(http.MethodPost, "/_localecs/faults", `{"api":{"RunTask":{"denied":true}}}`)
	g.must(http.MethodPost, "/api/pool", `{"min":8,"max":20}`)
	p.await("HearthECSRefuses")
	p.await("HearthTasksDoNotStart")
	p.await("HearthPoolLow")
	g.must(http.MethodPost, "/api/drain", "")
	p.await("HearthNotReady")
	g.signal(syscall.SIGKILL)
	g.exit()
	p.await("HearthDown")
}
