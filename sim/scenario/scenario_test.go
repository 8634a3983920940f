package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"hearth/cmd/document"
	"hearth/messages"
)

var rewrite = flag.Bool("rewrite", false, "write the traces that the stories give now into testdata; commit only what you understand")

func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			played, err := Play(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(played), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if played != string(text) {
				t.Errorf("the trace has changed, at %s\n(go test ./sim/scenario -rewrite writes it down)", difference(string(text), played))
			}
		})
	}
}

// difference shows the first line that differs.
func difference(want, got string) string {
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i, w := range wants {
		if i >= len(gots) {
			return "the end, which comes too early"
		}
		if gots[i] != w {
			return "line " + strings.Join([]string{strconv.Itoa(i + 1), "\nwas: " + w, "\nis:  " + gots[i]}, "")
		}
	}
	return "the end, which comes too late"
}

// TestEveryEndHasAStory: a reason for a session's end that no story tells is one that nobody has seen happen.
func TestEveryEndHasAStory(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var stories strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stories.Write(text)
	}
	for _, end := range document.Constants(t, "../../messages/pool.go", "EndReason") {
		told := `session_ended .*"` + end.Value + `"`
		if end.Value == string(messages.EndCrashed) {
			told = `crashed .*session` // an actor that has crashed tells nothing more
		}
		if !regexp.MustCompile(told).MatchString(stories.String()) {
			t.Errorf("no story in testdata ends with %s: %s", end.Name, told)
		}
	}
}
