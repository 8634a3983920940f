package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// host is a machine on which hearth-host, the script that host.sh writes, runs with stand-ins for the programs that it calls:
// each notes its call, and fails as often as fails says.
type host struct {
	directory string
	// states are what the metadata service tells, one after the other and the last for ever.
	states []string
	// fails has how many first calls of a program fail.
	fails map[string]int
}

// aStandIn is each of the programs. Its files are beside it.
const aStandIn = `#!/bin/bash
cd "$(dirname "$0")/.." || exit 1
name=$(basename "$0")
case "$name $*" in
*api/token*) echo token; exit ;;
*instance-id) echo i-1; exit ;;
*target-lifecycle-state)
  head -n 1 states
  [[ $(wc -l <states) = 1 ]] || sed -i 1d states
  exit ;;
sleep*) exit ;;
esac
echo "$name $*" >>calls
left=$(cat "fails-$name" 2>/dev/null || echo 0)
((left == 0)) || { echo $((left - 1)) >"fails-$name"; exit 1; }
`

// run runs the script with a command and gives the calls that it made.
func (h *host) run(t *testing.T, command string) []string {
	t.Helper()
	h.directory = t.TempDir()
	text, err := os.ReadFile(filepath.Join(infra, "terraform/modules/hosts/host.sh"))
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile(`(?s)hearth-host <<'EOF'\n(.*?)\nEOF\n`).FindSubmatch(text)
	if script == nil {
		t.Fatal("host.sh writes no hearth-host")
	}
	h.write(t, "hearth-host", string(script[1]))
	h.write(t, "states", strings.Join(h.states, "\n")+"\n")
	if err := os.Mkdir(filepath.Join(h.directory, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"aws", "curl", "docker", "iptables", "sleep"} {
		h.write(t, "bin/"+name, aStandIn)
		if n := h.fails[name]; n > 0 {
			h.write(t, "fails-"+name, strconv.Itoa(n))
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(h.directory, "hearth-host"), command)
	cmd.Env = []string{"PATH=" + filepath.Join(h.directory, "bin") + ":" + os.Getenv("PATH"),
		"GROUP=hosts", "HOOK=ready", "IMAGE=1.dkr.ecr.us-east-1.amazonaws.com/agent:1", "REGISTRY=1.dkr.ecr.us-east-1.amazonaws.com"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	calls, err := os.ReadFile(filepath.Join(h.directory, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(calls)), "\n")
}

func (h *host) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.directory, name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// A host completes the launch hook when it enters the warm pool and again when it leaves it, which may be without a boot,
// and asks again while nobody waits yet.
func TestHostCompletesTheHook(t *testing.T) {
	complete := "aws autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE --lifecycle-hook-name ready " +
		"--auto-scaling-group-name hosts --instance-id i-1"
	for _, test := range []struct {
		name   string
		states []string
		fails  int
		calls  int
	}{
		{"straight into service", []string{"InService"}, 0, 1},
		{"through the warm pool", []string{"Warmed:Stopped", "Warmed:Stopped", "InService"}, 0, 2},
		{"before the group waits", []string{"", "Warmed:Running", "Warmed:Running", "Warmed:Running", "InService"}, 2, 4},
		{"long before the group waits", []string{"InService"}, 9, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls := (&host{states: test.states, fails: map[string]int{"aws": test.fails}}).run(t, "ready")
			if want := slices.Repeat([]string{complete}, test.calls); !slices.Equal(calls, want) {
				t.Errorf("called %q", calls)
			}
		})
	}
}

// A host closes the metadata service to containers before it has anything from elsewhere, tries for its image thrice, and
// goes on without.
func TestHostIsPrepared(t *testing.T) {
	rule := "DOCKER-USER --in-interface docker+ --destination 169.254.169.254/32 --jump DROP"
	login := []string{"aws ecr get-login-password", "docker login --username AWS --password-stdin 1.dkr.ecr.us-east-1.amazonaws.com"}
	pull := append(slices.Clone(login), "docker pull --quiet 1.dkr.ecr.us-east-1.amazonaws.com/agent:1")
	for _, test := range []struct {
		name  string
		fails map[string]int
		calls [][]string
	}{
		{"again", nil, [][]string{{"iptables --wait --check " + rule}, pull}},
		{"first", map[string]int{"iptables": 1}, [][]string{{"iptables --wait --check " + rule, "iptables --wait --insert " + rule}, pull}},
		{"without an image", map[string]int{"docker": 9}, [][]string{{"iptables --wait --check " + rule}, login, login, login}},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls, want := (&host{fails: test.fails}).run(t, "prepare"), slices.Concat(test.calls...)
			if calls[0] != want[0] {
				t.Errorf("the first call is %s", calls[0])
			}
			slices.Sort(calls) // aws and docker are two ends of a pipe: which is first is chance
			slices.Sort(want)
			if !slices.Equal(calls, want) {
				t.Errorf("called %q", calls)
			}
		})
	}
}
