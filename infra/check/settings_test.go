package check

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documented are the environment variables of a program, from docs/configuration.md, which is made from its flags and held
// to them by a test of its own.
func documented(t *testing.T, program string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "<!-- begin "+program+" -->")
	section, _, ended := strings.Cut(section, "<!-- end "+program+" -->")
	names := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)` \\|").FindAllStringSubmatch(section, -1) {
		names[row[1]] = true
	}
	if !ended || len(names) < 10 {
		t.Fatalf("docs/configuration.md has %d settings of the %s", len(names), program)
	}
	return names
}

// container is what of a container definition is looked at.
type container struct {
	Name                 string
	Environment, Secrets []struct{ Name, Value string }
	HealthCheck          struct{ Command []string }
}

// containers are a task definition's, in whichever type.
func containers[T any](t *testing.T, made state, address string) (all []T) {
	t.Helper()
	if err := json.Unmarshal([]byte(made.text(t, address, "container_definitions")), &all); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return all
}

// settingsExist holds every environment variable that a task definition sets to the program in its container. What nobody
// reads is a mistake in a name, and the setting is then the default's in silence.
func settingsExist(t *testing.T, made state) {
	programs := map[string]string{"gateway": "gateway", "bridge": "bridge"} // by container
	for address, each := range made {
		if each.Type != "aws_ecs_task_definition" {
			continue
		}
		for _, c := range containers[container](t, made, address) {
			known := documented(t, programs[c.Name])
			for _, variable := range append(c.Environment, c.Secrets...) {
				if !known[variable.Name] {
					t.Errorf("%s sets %s, which the %s does not know", address, variable.Name, c.Name)
				}
			}
			if len(c.Environment) == 0 {
				t.Errorf("%s: container %s has no settings", address, c.Name)
			}
			if !slices.Equal(c.HealthCheck.Command, []string{"CMD", "/" + programs[c.Name], "healthcheck"}) {
				t.Errorf("%s: container %s is checked by %q", address, c.Name, c.HealthCheck.Command)
			}
			delete(programs, c.Name)
		}
	}
	if len(programs) != 0 {
		t.Errorf("no container runs %v", programs)
	}
}

// TestComposeFile holds the compose file to the images that are built and to the gateway's settings.
func TestComposeFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(infra, "docker", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile(filepath.Join(infra, "docker", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	image := regexp.MustCompile(`(?m)^    image: hearth-(\w+):latest$`).FindStringSubmatch(string(text))
	if image == nil || !strings.Contains(string(dockerfile), " AS "+image[1]+"\n") {
		t.Errorf("the image is %v", image)
	}
	known, settings := documented(t, "gateway"), regexp.MustCompile(`(?m)^      ([A-Z_]+):`).FindAllStringSubmatch(string(text), -1)
	for _, setting := range settings {
		if !known[setting[1]] {
			t.Errorf("the gateway does not know %s", setting[1])
		}
	}
	if len(settings) == 0 {
		t.Error("no settings")
	}
}

// userDataIsSound has shellcheck read the scripts that a host runs: the user data, and the one that it writes.
func userDataIsSound(t *testing.T, made state) {
	shellcheck, ok := debian(t, "shellcheck", "shellcheck")
	if !ok {
		return
	}
	data, err := base64.StdEncoding.DecodeString(made.text(t, "module.hearth.module.hosts.aws_launch_template.this", "user_data"))
	if err != nil {
		t.Fatal(err)
	}
	scripts := []string{string(data)}
	for _, inner := range regexp.MustCompile(`(?s)<<'EOF'\n(#!/bin/bash\n.*?)\nEOF\n`).FindAllStringSubmatch(string(data), -1) {
		scripts = append(scripts, inner[1]+"\n")
	}
	if len(scripts) != 2 {
		t.Fatalf("the user data is %d scripts", len(scripts))
	}
	for _, script := range scripts {
		if !strings.HasPrefix(script, "#!/bin/bash\n") {
			t.Errorf("a script begins with %.20q", script)
		}
		file := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, ".", nil, shellcheck, "--shell=bash", file)
	}
}

// logLinesExist holds what is counted in the gateway's log to what the gateway logs.
func logLinesExist(t *testing.T, made state) {
	source := sources(t)
	found := 0
	for address, each := range made {
		if each.Type != "aws_cloudwatch_log_metric_filter" {
			continue
		}
		pattern := regexp.MustCompile(`\$\.message = "(.*?)\*?"`).FindStringSubmatch(made.text(t, address, "pattern"))
		if pattern == nil {
			continue
		}
		found++
		if !strings.Contains(source, `"`+pattern[1]) {
			t.Errorf("%s counts %q, which no program logs", address, pattern[1])
		}
	}
	if found == 0 {
		t.Error("nothing is counted in the log")
	}
}

// sources is the text of the gateway's packages.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"../../actors", "../../infra", "../../cmd/gateway"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// examplesAreComplete holds each terraform.tfvars.example to the variables beside it: whoever fills it in has filled in all
// that has no default, and nothing that is not there.
func examplesAreComplete(t *testing.T, root string) {
	t.Helper()
	examples, err := filepath.Glob(filepath.Join(root, "environments/*/terraform.tfvars.example"))
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, example := range examples {
		text, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		declared, err := os.ReadFile(filepath.Join(filepath.Dir(example), "variables.tf"))
		if err != nil {
			t.Fatal(err)
		}
		set := map[string]bool{}
		for _, line := range regexp.MustCompile(`(?m)^(\w+) *=`).FindAllStringSubmatch(string(text), -1) {
			set[line[1]] = true
		}
		for _, variable := range regexp.MustCompile(`(?ms)^variable "(\w+)" \{\n(.*?)^\}`).FindAllStringSubmatch(string(declared), -1) {
			if !set[variable[1]] && !strings.Contains(variable[2], "\n  default ") {
				t.Errorf("%s: no %s", example, variable[1])
			}
			delete(set, variable[1])
		}
		for name := range set {
			t.Errorf("%s: there is no variable %s", example, name)
		}
	}
}
