package document

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// listed is a message's line in an actor's doc.go.
var listed = regexp.MustCompile(`(?m)^//   - (\w+), from .+: .+\.$`)

// TestEveryMessageHasALine holds the lists of messages in the actors' doc.go to their code: each actor lists what it takes, and
// nothing else, and whatever an actor sends is told of by the one who gets it.
func TestEveryMessageHasALine(t *testing.T) {
	told := map[string]bool{}
	sentBy := map[string]string{}
	for _, name := range []string{"pool", "task", "session", "host"} {
		takes, sends, documentation := conversation(t, filepath.Join("../../actors", name))
		lines := map[string]bool{}
		for _, match := range listed.FindAllStringSubmatch(documentation, -1) {
			if lines[match[1]] {
				t.Errorf("actors/%s/doc.go has two lines for %s", name, match[1])
			}
			lines[match[1]] = true
		}
		for _, message := range slices.Sorted(maps.Keys(takes)) {
			if !lines[message] {
				t.Errorf("actors/%s takes %s, and its doc.go has no line for it", name, message)
			}
		}
		for _, message := range slices.Sorted(maps.Keys(lines)) {
			if !takes[message] {
				t.Errorf("actors/%s/doc.go has a line for %s, which it does not take", name, message)
			}
		}
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(documentation, -1) {
			told[word] = true
		}
		for message := range sends {
			sentBy[message] = name
		}
	}
	for _, message := range slices.Sorted(maps.Keys(sentBy)) {
		if !told[message] {
			t.Errorf("actors/%s sends %s, and no actor's doc.go tells of it", sentBy[message], message)
		}
	}
}

// conversation is what a package of an actor's tells of itself: the messages that it asks for by type, those that it makes, and the
// text of its doc.go.
func conversation(t *testing.T, folder string) (takes, sends map[string]bool, documentation string) {
	t.Helper()
	takes, sends = map[string]bool{}, map[string]bool{}
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(path) == "doc.go" {
			for _, line := range file.Doc.List {
				documentation += line.Text + "\n"
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch node := n.(type) {
			case *ast.CaseClause:
				for _, each := range node.List {
					note(takes, each)
				}
			case *ast.TypeAssertExpr:
				note(takes, node.Type)
			case *ast.UnaryExpr:
				if made, ok := node.X.(*ast.CompositeLit); ok && node.Op == token.AND {
					note(sends, &ast.StarExpr{X: made.Type})
				}
			}
			return true
		})
	}
	if len(takes) == 0 || len(sends) == 0 || documentation == "" {
		t.Fatalf("%s: takes %d messages, sends %d", folder, len(takes), len(sends))
	}
	return takes, sends, documentation
}

// note adds a message's name, if the expression is a pointer to one's type.
func note(names map[string]bool, expression ast.Expr) {
	star, ok := expression.(*ast.StarExpr)
	if !ok {
		return
	}
	if selector, ok := star.X.(*ast.SelectorExpr); ok {
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "messages" {
			names[selector.Sel.Name] = true
		}
	}
}
