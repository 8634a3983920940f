package check

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// aTestCannotDestroy takes back, in the copy that is tested, what keeps the users' files from being destroyed: at its end
// a test destroys what it has mocked.
const aTestCannotDestroy = `resource "aws_efs_file_system" "this" {
  lifecycle {
    prevent_destroy = false
  }
}
`

// state is what a configuration would have made: all resources by address, with their values.
type state map[string]resource

type resource struct {
	Address string
	Type    string
	Values  map[string]any
}

// text is a resource's value that is text.
func (s state) text(t *testing.T, address, name string) string {
	t.Helper()
	value, ok := s[address].Values[name].(string)
	if !ok {
		t.Fatalf("%s has no %s", address, name)
	}
	return value
}

// deployments are the states of the environments' tests, by environment and run.
type deployments map[string]map[string]state

// openTofu runs OpenTofu in a copy of infra/terraform, with the stand-in for its provider.
type openTofu struct {
	binary      string
	root        string
	environment []string
}

func newTofu(t *testing.T) (*openTofu, bool) {
	t.Helper()
	directory, ok := tool(t, "tofu")
	if !ok {
		return nil, false
	}
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join(infra, "terraform"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "modules/efs/test_override.tf"), []byte(aTestCannotDestroy), 0o600); err != nil {
		t.Fatal(err)
	}
	return &openTofu{
		binary: filepath.Join(directory, "tofu"), root: root,
		environment: []string{"TF_CLI_CONFIG_FILE=" + filepath.Join(directory, "config"), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"},
	}, true
}

// test runs the tests of one directory and gives the state after each run.
func (o *openTofu) test(t *testing.T, directory string) map[string]state {
	t.Helper()
	at := filepath.Join(o.root, directory)
	run(t, at, o.environment, o.binary, "get")
	cmd := exec.CommandContext(t.Context(), o.binary, "test", "-json", "-verbose")
	cmd.Dir, cmd.Env = at, append(os.Environ(), o.environment...)
	out, err := cmd.Output()
	states := map[string]state{}
	for line := range bytes.Lines(out) {
		var message struct {
			Level      string `json:"@level"`
			Run        string `json:"@testrun"`
			Type       string
			Diagnostic struct{ Summary, Detail, Address string }
			State      struct {
				Values struct {
					Root module `json:"root_module"`
				}
			} `json:"test_state"`
		}
		if json.Unmarshal(line, &message) != nil {
			t.Errorf("%s: %s", directory, line)
			continue
		}
		switch {
		case message.Level == "error":
			t.Errorf("%s: %s: %s %s", directory, message.Run, message.Diagnostic.Summary, message.Diagnostic.Detail)
		case message.Type == "test_state":
			states[message.Run] = state{}
			message.State.Values.Root.flatten(states[message.Run])
		}
	}
	if err != nil {
		t.Fatalf("%s: tofu test: %v", directory, err)
	}
	return states
}

// module is a module in OpenTofu's JSON.
type module struct {
	Resources []resource
	Children  []module `json:"child_modules"`
}

func (m module) flatten(into state) {
	for _, each := range m.Resources {
		into[each.Address] = each
	}
	for _, child := range m.Children {
		child.flatten(into)
	}
}

// applied runs all tests below infra/terraform, once for all who ask. It reports false where there is no OpenTofu.
func applied(t *testing.T) (deployments, bool) {
	t.Helper()
	o, ok := newTofu(t)
	if !ok {
		return nil, false
	}
	all := deployments{}
	var mu sync.Mutex
	t.Run("tofu test", func(t *testing.T) {
		for _, directory := range o.directories(t, "*.tftest.hcl") {
			directory := filepath.Dir(directory) // above tests/
			t.Run(directory, func(t *testing.T) {
				t.Parallel()
				states := o.test(t, directory)
				mu.Lock()
				defer mu.Unlock()
				all[filepath.Base(directory)] = states
			})
		}
	})
	return all, true
}

// directories are those, below infra/terraform, with a file of that pattern.
func (o *openTofu) directories(t *testing.T, pattern string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(o.root, func(path string, entry fs.DirEntry, err error) error {
		if matched, _ := filepath.Match(pattern, entry.Name()); err == nil && matched {
			relative, _ := filepath.Rel(o.root, filepath.Dir(path))
			if len(found) == 0 || found[len(found)-1] != relative {
				found = append(found, relative)
			}
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("nothing with %s: %v", pattern, err)
	}
	return found
}

// TestTerraform runs the tests that stand beside the modules, and then looks at what they would have made.
func TestTerraform(t *testing.T) {
	all, ok := applied(t)
	if !ok {
		return
	}
	for _, environment := range []string{"stage", "prod"} {
		for _, name := range []string{"warm_pool", "cold_starts", "old_way", "one_gateway"} {
			if len(all[environment][name]) == 0 {
				t.Fatalf("%s has no run %s", environment, name)
			}
		}
		t.Run(environment, func(t *testing.T) {
			for name, made := range all[environment] {
				t.Run("settings/"+name, func(t *testing.T) { settingsExist(t, made) })
			}
			t.Run("policies", func(t *testing.T) { policiesHold(t, all[environment]) })
			t.Run("user data", func(t *testing.T) { userDataIsSound(t, all[environment]["warm_pool"]) })
			t.Run("ways in", func(t *testing.T) { onlyClientsAreLetIn(t, all[environment]["warm_pool"]) })
			t.Run("log lines", func(t *testing.T) { logLinesExist(t, all[environment]["warm_pool"]) })
			for name, made := range all[environment] {
				t.Run("session/"+name, func(t *testing.T) { t.Parallel(); aSessionRuns(t, made) })
			}
		})
	}
}

// onlyClientsAreLetIn finds every way in from outside of the VPC: to two ports of the load balancer's, and by it to the
// clients' listener. The internal listener is open to the tasks, and has none.
func onlyClientsAreLetIn(t *testing.T, made state) {
	count := map[string]int{}
	for address, each := range made {
		count[each.Type]++
		switch each.Type {
		case "aws_vpc_security_group_ingress_rule":
			from, to := each.Values["from_port"], each.Values["to_port"]
			for _, name := range []string{"cidr_ipv4", "cidr_ipv6"} { // a mock gives what is not set a value that is no prefix
				cidr, _ := each.Values[name].(string)
				if _, err := netip.ParsePrefix(cidr); err == nil && (from != to || from != 80.0 && from != 443.0) {
					t.Errorf("%s lets %s in to ports %v to %v", address, cidr, from, to)
				}
			}
		case "aws_lb_target_group":
			if each.Values["port"] != 8080.0 {
				t.Errorf("%s forwards to port %v", address, each.Values["port"])
			}
		}
	}
	tasks := made["module.hearth.module.gateway.aws_vpc_security_group_ingress_rule.from_tasks"].Values["from_port"]
	if tasks != 8081.0 || count["aws_lb"] != 1 || count["aws_lb_target_group"] != 1 || count["aws_vpc_security_group_ingress_rule"] < 4 {
		t.Errorf("tasks reach port %v; ways in: %v", tasks, count)
	}
}

// TestTerraformIsValid is for what has no tests of its own, and for how all of it looks.
func TestTerraformIsValid(t *testing.T) {
	o, ok := newTofu(t)
	if !ok {
		return
	}
	run(t, filepath.Join(infra, "terraform"), o.environment, o.binary, "fmt", "-check", "-recursive", "-diff")
	for _, directory := range o.directories(t, "main.tf") {
		if strings.HasPrefix(directory, "modules/") {
			continue // in what uses it
		}
		at := filepath.Join(o.root, directory)
		run(t, at, o.environment, o.binary, "get")
		run(t, at, o.environment, o.binary, "validate")
	}
	examplesAreComplete(t, o.root)
}
