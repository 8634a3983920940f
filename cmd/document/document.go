// Package document holds documents to the code. What a test makes of the code is a section of a document, between two
// comments; the rest is written by hand.
package document

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Section fails the test unless the section of the document is what it should be, or, with rewrite, makes it so. The comments
// around it must be there. The paths are relative to the package that is tested.
func Section(t testing.TB, path, section, want string, rewrite bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := fmt.Sprintf("<!-- begin %s -->\n", section), fmt.Sprintf("<!-- end %s -->\n", section)
	before, rest, found := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no section between %q and %q", path, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	if got == want {
		return
	}
	if !rewrite {
		t.Errorf("%s: the section %q is not what the code says; run this test with -rewrite and look at the difference", path, section)
		return
	}
	if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Flags is a table of a program's settings, or a table and a heading for each of their groups. Flags without an environment
// variable are not settings.
func Flags(app *kong.Application) string {
	var b strings.Builder
	const head = "| variable | flag | default | |\n|---|---|---|---|\n"
	group := ""
	for _, each := range app.Flags {
		if len(each.Envs) == 0 {
			continue
		}
		if title := groupOf(each); title != group || b.Len() == 0 {
			group = title
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			if group != "" {
				fmt.Fprintf(&b, "## %s\n\n", group)
			}
			b.WriteString(head)
		}
		value := ""
		if each.Default != "" {
			value = "`" + each.Default + "`"
		}
		name := "--" + each.Name
		if each.IsBool() {
			name = "--[no-]" + each.Name
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", strings.Join(each.Envs, ", "), name, value, each.Help)
	}
	return b.String()
}

func groupOf(flag *kong.Flag) string {
	if flag.Group == nil {
		return ""
	}
	return flag.Group.Title
}
