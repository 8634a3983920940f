package sockets

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"

	"hearth/cmd/document"
)

// TestWhatIsCountedIsThereFromTheStart: a rate over a counter that begins with its first event does not see that event.
func TestWhatIsCountedIsThereFromTheStart(t *testing.T) {
	var all []Cause
	for _, cause := range document.Constants(t, "stats.go", "Cause") {
		all = append(all, Cause(cause.Value))
	}
	if slices.Sort(all); !slices.Equal(slices.Sorted(slices.Values(causes)), all) {
		t.Errorf("causes are %q, known are %q", all, causes)
	}
	names := map[string]int{}
	for status := 400; status < 600; status++ {
		names[regexp.MustCompile(`[ '-]`).ReplaceAllString(http.StatusText(status), "")] = status
	}
	for _, path := range []string{"handshake.go", "upgrade.go"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`http\.Status(\w+)`).FindAllSubmatch(text, -1) {
			if !slices.Contains(refusals, names[string(match[1])]) {
				t.Errorf("%s refuses with %s, which is not counted from the start", path, match[0])
			}
		}
	}
}
