package check

import (
	"debug/elf"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// image is what of an image's configuration is looked at.
type image struct {
	Docker struct {
		Config struct {
			User        string
			Entrypoint  []string
			Env         []string
			Healthcheck struct{ Test []string }
		} `json:"config"`
	}
}

// TestImages builds the images and looks at what a container of each would have and run.
func TestImages(t *testing.T) {
	buildah, ok := debian(t, "buildah", "buildah")
	if !ok {
		return
	}
	// Without an engine and without the machine's own images: all of it is in a directory of the test's.
	storage := []string{"--storage-driver", "vfs", "--root", t.TempDir(), "--runroot", t.TempDir()}
	build := strings.Join(slices.Concat([]string{buildah}, storage, []string{"build", "--quiet", "--format", "docker", "--isolation", "chroot"}), " ")
	run(t, filepath.Join(infra, "docker"), []string{"BUILD=" + build}, "./build", "check")
	in := func(args ...string) string {
		return strings.TrimSpace(string(run(t, ".", nil, buildah, append(slices.Clone(storage), args...)...)))
	}
	for _, test := range []struct {
		name, user, entry string
		files             []string
		env               string
	}{
		{"gateway", "65532:65532", "/gateway", []string{"gateway"}, ""},
		{"bridge", "", "/bridge", []string{"bridge"}, ""},
		{"agent", "", "/bridge", []string{"bridge", "agent"}, "AGENT_COMMAND=/agent"},
		{"try", "", "/gateway", []string{"gateway", "bridge", "agent"}, "AGENT_COMMAND=/agent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := "hearth-" + test.name + ":check"
			var of image
			if err := json.Unmarshal([]byte(in("inspect", "--type", "image", name)), &of); err != nil {
				t.Fatal(err)
			}
			config := of.Docker.Config
			if config.User != test.user || !slices.Equal(config.Entrypoint, []string{test.entry}) {
				t.Errorf("user %q runs %q", config.User, config.Entrypoint)
			}
			if !slices.Equal(config.Healthcheck.Test, []string{"CMD", test.entry, "healthcheck"}) {
				t.Errorf("health is checked by %q", config.Healthcheck.Test)
			}
			if test.env != "" && !slices.Contains(config.Env, test.env) {
				t.Errorf("the environment is %v, without %s", config.Env, test.env)
			}
			container := in("from", "--pull-never", name)
			root := in("mount", container)
			hasOnly(t, root, append([]string{"etc/ssl/certs/ca-certificates.crt"}, test.files...))
			for _, program := range test.files {
				isStatic(t, filepath.Join(root, program))
			}
			if said := string(run(t, ".", nil, filepath.Join(root, test.entry), "--version")); strings.TrimSpace(said) != "check" {
				t.Errorf("%s --version says %q", test.entry, said)
			}
			run(t, ".", nil, filepath.Join(root, test.entry), "healthcheck", "--help")
			in("rm", container)
		})
	}
}

// hasOnly holds an image's files to a list.
func hasOnly(t *testing.T, root string, files []string) {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(root, path)
			found = append(found, relative)
		}
		return err
	})
	slices.Sort(files)
	slices.Sort(found)
	if err != nil || !slices.Equal(found, files) {
		t.Errorf("files %v, and not %v: %v", found, files, err)
	}
}

// isStatic tells a program that asks for an interpreter or a library, of which an image FROM scratch has none.
func isStatic(t *testing.T, path string) {
	t.Helper()
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	libraries, err := program.ImportedLibraries()
	interpreted := slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	if interpreted || len(libraries) > 0 || err != nil {
		t.Errorf("%s is not static: %v %v", path, libraries, err)
	}
	if err := program.Close(); err != nil {
		t.Error(err)
	}
}
