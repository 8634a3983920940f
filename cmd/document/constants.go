package document

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// Constant is a named constant of a type.
type Constant struct {
	// Name is the constant's own, Value what it is, unquoted.
	Name, Value string
	// Meaning is its comment without its name, empty when it has none of its own.
	Meaning string
}

// Constants reads a type's constants from a package's source, in their order there, so that a test for completeness cannot leave
// one out. It fails the test when there is none. The path is relative to the package that is tested.
func Constants(t testing.TB, path, typeName string) []Constant {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var constants []Constant
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		named, ok := spec.Type.(*ast.Ident)
		value, isLiteral := spec.Values[0].(*ast.BasicLit)
		if !ok || named.Name != typeName || !isLiteral {
			return true
		}
		c := Constant{Name: spec.Names[0].Name, Value: value.Value}
		if text, err := strconv.Unquote(value.Value); err == nil {
			c.Value = text
		}
		comment := strings.Join(strings.Fields(spec.Doc.Text()), " ")
		if text, found := strings.CutPrefix(comment, c.Name+": "); found {
			c.Meaning = strings.ToUpper(text[:1]) + text[1:]
		}
		constants = append(constants, c)
		return true
	})
	if len(constants) == 0 {
		t.Fatalf("%s has no constant of type %s", path, typeName)
	}
	return constants
}

// Meanings are what a type's exported constants are said to be, by their values. It fails the test when one has no comment.
func Meanings(t testing.TB, path, typeName string) map[string]string {
	t.Helper()
	meanings := map[string]string{}
	for _, c := range Constants(t, path, typeName) {
		if !ast.IsExported(c.Name) {
			continue
		}
		if c.Meaning == "" {
			t.Fatalf("%s: the comment of %s does not begin with its name and a colon", path, c.Name)
		}
		meanings[c.Value] = c.Meaning
	}
	return meanings
}
