package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// registering are the calls that only the old way makes.
var registering = []string{"RegisterTaskDefinition", "CreateAccessPoint", "DescribeAccessPoints"}

// calls counts an operation's calls, of whoever made them.
func (e localECS) calls(op string) int { return strings.Count(e.log.String(), "operation="+op) }

// ends stops a gateway and waits for it.
func (g realGateway) ends(t *testing.T) {
	t.Helper()
	g.signal(syscall.SIGTERM)
	if code := g.exit(); code != 0 {
		t.Errorf("the gateway exited with %d", code)
	}
}

// An operator's way through both phases and back: a user of the old way has an access point and a definition, has the same
// ones when they come again, also at another gateway, and finds their files where they left them after each switch. With the
// shared access point nothing is registered and EFS not asked. The janitor then clears away what is left, once told to.
func TestOldWayAndBack(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "sh")
	address := openProxy(t)
	old := append(ecs.gatewayEnvironment(address.ws()), "USE_SHARED_AP=false", "ENABLE_WARM_POOL=false", "SHARED_ACCESS_POINT_ID=",
		"ACCESS_POINT_ROOT=/workspaces/e2e", "DRAIN_TIMEOUT=1s")
	visit := func(environment []string, line, answer string) {
		t.Helper()
		g := startGateway(t, dir, environment...)
		aim(t, address, g)
		for range 2 {
			u := connect(t, "ann", g.at)
			u.ready()
			u.says(line)
			u.hears(answer)
			u.leaves()
		}
		g.ends(t)
	}
	visit(old, "echo once >> diary; cat diary | tail -n 1", "once")
	visit(old, "echo twice >> diary; cat diary | tail -n 1", "twice")
	for _, op := range registering[:2] {
		if n := ecs.calls(op); n != map[string]int{"RegisterTaskDefinition": 1 + 1, "CreateAccessPoint": 2}[op] {
			t.Errorf("%s was called %d times", op, n) // the first registration is the operator's; each gateway asks for the access point
		}
	}
	before := ecs.log.String()
	for _, warm := range []string{"false", "true"} {
		visit(append(ecs.gatewayEnvironment(address.ws()), "ENABLE_WARM_POOL="+warm, "DRAIN_TIMEOUT=1s"), "tail -n 1 diary", "twice")
	}
	for _, op := range registering {
		if n := strings.Count(ecs.log.String()[len(before):], "operation="+op); n != 0 {
			t.Errorf("with the shared access point %s was called %d times", op, n)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "workspaces", "ann", "diary")); err != nil {
		t.Error(err)
	}

	eventually(t, "no task has ann's definition", func() bool { return len(ecs.tasks()) == len(bridgesOf(t, dir)) })
	janitor := func(arguments string) string {
		p := startProgram(t, dir, "gateway janitor "+arguments, ecs.gatewayEnvironment(address.ws())...)
		if code := p.exit(); code != 0 {
			t.Errorf("the janitor exited with %d", code)
		}
		return p.log.String()
	}
	if said := janitor(""); !strings.Contains(said, "nothing to clear away") {
		t.Errorf("ann was here a moment ago; the janitor says:\n%s", said)
	}
	if said := janitor("--unused-for=0 --dry-run"); !strings.Contains(said, "would DeleteAccessPoint fsap-") || ecs.calls("DeleteAccessPoint") != 0 {
		t.Errorf("the janitor says:\n%s", said)
	}
	if said := janitor("--unused-for=0"); !strings.Contains(said, "\nDeleteAccessPoint fsap-") || ecs.calls("DeleteTaskDefinitions") != 1 {
		t.Errorf("the janitor says:\n%s", said)
	}
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}
