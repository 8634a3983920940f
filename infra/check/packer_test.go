package check

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPacker validates the golden AMI's template, with the scripts that it names, and has shellcheck read its own.
func TestPacker(t *testing.T) {
	if shellcheck, ok := debian(t, "shellcheck", "shellcheck"); ok {
		run(t, filepath.Join(infra, "packer"), nil, shellcheck, "prepare.sh")
	}
	directory, ok := tool(t, "packer")
	if !ok {
		return
	}
	root := t.TempDir()
	for _, folder := range []string{"packer", "terraform/modules/hosts"} {
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(infra, folder))); err != nil {
			t.Fatal(err)
		}
	}
	environment := []string{
		"CHECKPOINT_DISABLE=1", "PACKER_PLUGIN_PATH=" + filepath.Join(directory, "plugins"), "PACKER_CONFIG_DIR=" + t.TempDir(),
	}
	at, packer := filepath.Join(root, "packer"), filepath.Join(directory, "packer")
	run(t, at, environment, packer, "fmt", "-check", "-diff", ".")
	run(t, at, environment, packer, "validate", "-var", "region=us-east-1",
		"-var", "image=111122223333.dkr.ecr.us-east-1.amazonaws.com/hearth-agent:1", ".")
}
