package document

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestOperationsDocument holds the lists of docs/operations.md to the code: every metric, every reason for a session's end, every
// kind of failure, and every cause for which a task is given up.
func TestOperationsDocument(t *testing.T) {
	const path = "../../docs/operations.md"
	Section(t, path, "metrics", metrics(t, "../../infra"), *rewrite)
	Section(t, path, "ends", values(t, "reason", "../../messages/pool.go", "EndReason"), *rewrite)
	Section(t, path, "failures", values(t, "reason", "../../messages/failure.go", "Failure"), *rewrite)
	Section(t, path, "evictions", values(t, "cause", "../../messages/event.go", "Eviction"), *rewrite)
}

// values is a table of what the values of a label mean: a type's constants.
func values(t *testing.T, label, path, typeName string) string {
	t.Helper()
	rows, meanings := fmt.Sprintf("| %s | |\n|---|---|\n", label), Meanings(t, path, typeName)
	for _, c := range Constants(t, path, typeName) {
		rows += fmt.Sprintf("| `%s` | %s |\n", c.Value, meanings[c.Value])
	}
	return rows
}

// metrics is a table of all metrics in the source below a folder. A metric is a call whose first literal is its name, its second
// one its help, and the others its labels.
func metrics(t *testing.T, folder string) string {
	t.Helper()
	var rows []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if texts := literals(call); len(texts) > 1 && strings.HasPrefix(texts[0], "hearth_") {
					row := fmt.Sprintf("| `%s` | %s | %s |\n", texts[0], strings.Join(texts[2:], ", "), texts[1])
					rows = append(rows, row)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 20 {
		t.Fatalf("found only %d metrics", len(rows))
	}
	slices.Sort(rows)
	return "| metric | labels | |\n|---|---|---|\n" + strings.Join(rows, "")
}

// literals are the texts in a call, without those in a call within it.
func literals(call *ast.CallExpr) []string {
	var texts []string
	for _, argument := range call.Args {
		ast.Inspect(argument, func(n ast.Node) bool {
			switch node := n.(type) {
			case *ast.CallExpr, *ast.FuncLit:
				return false
			case *ast.BasicLit:
				if text, err := strconv.Unquote(node.Value); err == nil && node.Kind == token.STRING {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return texts
}
