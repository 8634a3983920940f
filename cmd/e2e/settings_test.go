package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hearth/actors"
	"hearth/infra/client"
	"hearth/messages"
	"hearth/messages/wire"
)

// setting is a way to run the product, in which all that users rely on must be so.
type setting struct {
	name        string
	environment []string
	// path is how a session gets its task when nothing is in its way.
	path wire.Path
	// faults are localecs's from when the first gateway is up. From then on tasks cannot reach a gateway whose ids end in one of
	// cutOff: each is one in 32.
	faults, cutOff string
}

// settings are the two switches' that there can be, and one on a bad day: a fifth of ECS's calls are throttled, a tenth fail, every
// answer is 3 s late, and one task in sixteen is cut off. The fourth setting of the switches is refused.
var settings = []setting{
	{"shared access point, warm pool", nil, wire.PathWarm, "", ""},
	{"shared access point, no pool", []string{"ENABLE_WARM_POOL=false"}, wire.PathCold, "", ""},
	{"an access point for each user", []string{
		"USE_SHARED_AP=false", "ENABLE_WARM_POOL=false", "SHARED_ACCESS_POINT_ID=", "ACCESS_POINT_ROOT=/workspaces/e2e"}, wire.PathCold, "", ""},
	{"a bad day", nil, wire.PathWarm, `{"api":{"*":{"throttleRate":0.2,"failureRate":0.1,"delay":"3s"}}}`, "ab"},
}

// The same suite in every setting: a session begins as it should, and goes on with all its lines when sockets are cut, when the
// gateway is killed and when it is replaced; one whose task is lost goes on in another; and who comes again finds their files.
func TestTheSameInEverySetting(t *testing.T) {
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.play(t)
		})
	}
}

// The one setting of the two switches that there cannot be says so, and why.
func TestAWarmPoolNeedsTheSharedAccessPoint(t *testing.T) {
	dir := sharedDir(t)
	g := startProgram(t, dir, "gateway", "LISTEN_ADDR=127.0.0.1:0", "AUTH=dev", "USE_SHARED_AP=false", "ENABLE_WARM_POOL=true")
	if code := g.exit(); code != 2 || !strings.Contains(g.log.String(), "a warm task boots before its user is known") {
		t.Errorf("exit code %d", code)
	}
}

func (s setting) play(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "tee -a diary")
	address := openProxy(t)
	environment := append(ecs.gatewayEnvironment(address.ws()), "STOP_GRACE=1s", "DRAIN_TIMEOUT=10s")
	environment = append(environment, s.environment...)
	g := startGateway(t, dir, environment...)
	aim(t, address, g)
	at := func(c *client.Config) { c.URL = address.ws() }
	if s.path == wire.PathWarm {
		g.awaitStatus("the pool is full", func(p messages.PoolStatus) bool { return p.Pool.Ready == 3 })
	}
	if s.faults != "" {
		ecs.must(http.MethodPost, "/_localecs/faults", s.faults)
		s.cutTasksOff(t, dir)
	}
	come := func(name string) *user {
		u := connect(t, name, at)
		if s.faults != "" { // several starts may fail before one does not: it is as patient as a session
			u.patience = actors.DefaultSettings().StartTimeout
		}
		return u
	}
	ann, bob := come("ann"), come("bob")
	for _, u := range []*user{ann, bob} {
		if ready := u.ready(); ready.Path != s.path {
			t.Errorf("%s: %+v", u.name, ready)
		}
	}

	ann.talksThrough("sockets are cut", address.cut)
	ann.talksThrough("the gateway is killed", func() {
		g.signal(syscall.SIGKILL)
		g.exit()
		g = startGateway(t, dir, environment...)
		aim(t, address, g)
	})
	ann.talksThrough("the gateway is replaced", func() {
		old := g
		g = startGateway(t, dir, environment...)
		aim(t, address, g)
		old.signal(syscall.SIGTERM)
		old.exit()
	})
	ann.checkTalk()

	bob.echoes("before")
	signalTask(t, dir, g.taskOf(bob), syscall.SIGKILL)
	bob.state(wire.StateRestarting)
	if ready := bob.ready(); ready.Path == wire.PathResumed {
		t.Errorf("bob: %+v", ready)
	}
	bob.echoes("after")

	ann.leaves()
	again := come("ann")
	again.ready()
	again.echoes("again")
	eventually(t, "ann's diary has her first line and her last", func() bool {
		diary, err := os.ReadFile(filepath.Join(dir, "workspaces", "ann", "diary"))
		return err == nil && strings.HasPrefix(string(diary), "0\n") && strings.HasSuffix(string(diary), "\nagain\n")
	})
	again.leaves()
	bob.leaves()
	g.awaitStatus("no session is left", func(p messages.PoolStatus) bool { return len(p.Sessions) == 0 })
	g.signal(syscall.SIGKILL)
	g.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}

// cutTasksOff has some of the tasks that start from now on dial where nobody is.
func (s setting) cutTasksOff(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "bridge")
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := fmt.Sprintf("\ncase $TASK_ID in *[%s]) export GATEWAY_WS_URL=ws://127.0.0.1:1 ;; esac\nexec", s.cutOff)
	if err := os.WriteFile(path+".new", []byte(strings.Replace(string(script), "\nexec", cut, 1)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// taskOf is the task of a user's session.
func (g realGateway) taskOf(u *user) wire.TaskID {
	g.t.Helper()
	var task wire.TaskID
	g.awaitStatus("the session has a task", func(p messages.PoolStatus) bool {
		i := slices.IndexFunc(p.Sessions, func(s messages.SessionStatus) bool { return s.ID == u.ID() && s.State == messages.SessionStateActive })
		if i >= 0 {
			task = p.Sessions[i].Task
		}
		return task != ""
	})
	return task
}

// talking is how many lines are sent before and after each thing that happens.
const talking = 100

// talksThrough sends numbered lines before and after something happens, and waits until the last has come back.
func (u *user) talksThrough(what string, happens func()) {
	u.t.Helper()
	n := len(all[wire.Data](u))
	for i := range 2 * talking {
		if i == talking {
			u.t.Log(what)
			happens()
		}
		u.says(fmt.Sprint(n + i))
	}
	u.hears(fmt.Sprint(n + 2*talking - 1))
}

// checkTalk checks that every line has come back once, in order.
func (u *user) checkTalk() {
	u.t.Helper()
	for i, text := range u.texts() {
		if text != fmt.Sprint(i) {
			u.t.Fatalf("output %d is %q", i, text)
		}
	}
	if gaps := all[wire.Gap](u); len(gaps) > 0 {
		u.t.Errorf("gaps: %v", gaps)
	}
}
