package run

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the tests make into docs and testdata")

// TestValidation compares the simulator with exact theory, and the table in the documentation with the comparison.
func TestValidation(t *testing.T) {
	const seeds, requests = 10, 500
	var validations []Validation
	for _, c := range ValidationCases() {
		v, err := c.Validate(seeds, requests)
		if err != nil {
			t.Fatal(err)
		}
		validations = append(validations, v)
	}
	table := ValidationTable(validations)
	for i := range validations {
		if v := &validations[i]; !v.Holds() {
			t.Errorf("not what theory says: %+v", *v)
		}
	}
	t.Log("\n" + table)
	keepDocument(t, "../../docs/simulator.md", "validation", table)
}

// keepDocument checks, or with -update writes, the part of a document between the comments <!-- begin name --> and
// <!-- end name -->.
func keepDocument(t *testing.T, path, name, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, ok := strings.Cut(string(text), begin)
	part, after, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		t.Fatalf("%s has no part %s", path, name)
	case part == want:
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: the part %s is out of date; go test ./sim/run -update writes it anew", path, name)
	}
}
