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

// Setting is something that a program can be told. Default is empty for none.
type Setting struct{ Variable, Flag, Default, Help string }

// Settings is a table of them.
func Settings(settings []Setting) string {
	var b strings.Builder
	b.WriteString("| variable | flag | default | |\n|---|---|---|---|\n")
	for _, s := range settings {
		value := ""
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Variable, s.Flag, value, s.Help)
	}
	return b.String()
}

// Flags has the settings of a program, a table and a heading for each of their groups. Flags without an environment variable are
// not settings.
func Flags(app *kong.Application) string {
	var tables []string
	var settings []Setting
	for i, each := range app.Flags {
		if len(each.Envs) > 0 {
			name := "--" + each.Name
			if each.IsBool() {
				name = "--[no-]" + each.Name
			}
			settings = append(settings, Setting{strings.Join(each.Envs, ", "), name, each.Default, each.Help})
		}
		if group := groupOf(each); len(settings) > 0 && (i+1 == len(app.Flags) || groupOf(app.Flags[i+1]) != group) {
			tables = append(tables, fmt.Sprintf("## %s\n\n%s", group, Settings(settings)))
			settings = nil
		}
	}
	return strings.Join(tables, "\n")
}

func groupOf(flag *kong.Flag) string {
	if flag.Group == nil {
		return ""
	}
	return flag.Group.Title
}
