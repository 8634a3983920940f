package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository's, seen from this package.
const root = "../.."

// The limits beside which a file or a function asks to be split.
const (
	maxFileLines     = 400
	maxFunctionLines = 60
)

// mayImport has, for each room of the house, the rooms of ours that it may import; a path belongs to the room with the
// longest name that it begins with. Arrows point one way: cmd -> infra, sim, bridge -> actors -> messages -> messages/wire.
// What speaks with a gateway over a socket knows frames only, and nothing of what actors tell each other.
var mayImport = map[string][]string{
	"messages/wire":  {},
	"messages":       {"messages/wire"},
	"actors":         {"messages", "messages/wire"},
	"actors/host":    {"actors", "messages", "messages/wire"},
	"actors/session": {"actors", "messages", "messages/wire"},
	"actors/task":    {"actors", "messages", "messages/wire"},
	"actors/pool":    {"actors/host", "actors/session", "actors/task", "actors", "messages", "messages/wire"},
	"bridge":         {"bridge", "messages/wire"},
	"infra":          {"infra", "infra/client", "actors", "actors/pool", "actors/session", "actors/task", "messages", "messages/wire"},
	"infra/client":   {"messages/wire"},
	"sim":            {"sim", "actors", "actors/pool", "actors/session", "actors/task", "messages", "messages/wire"},
	"cmd":            {"cmd", "infra", "infra/client", "sim", "bridge", "actors", "actors/pool", "messages", "messages/wire"},
	"cmd/bridge":     {"bridge", "messages/wire"},
	"cmd/shell":      {"infra/client", "messages/wire"},
}

// room is the longest name in mayImport that a path begins with.
func room(path string) string {
	for name := path; name != "."; name = filepath.ToSlash(filepath.Dir(name)) {
		if _, ok := mayImport[name]; ok {
			return name
		}
	}
	return ""
}

// actorImports is everything from outside that the actors' core is built on.
var actorImports = map[string]bool{
	"cmp": true, "container/list": true, "errors": true, "fmt": true, "maps": true, "path": true, "slices": true,
	"strconv": true, "strings": true, "time": true, "math": true,
	"github.com/asynkron/protoactor-go/actor": true,
}

// messageImports is the same for messages.
var messageImports = map[string]bool{
	"bytes": true, "crypto/sha256": true, "encoding/hex": true, "encoding/json": true, "errors": true, "fmt": true, "io": true, "strconv": true,
	"strings": true, "time": true, "unicode": true, "unicode/utf8": true,
	"github.com/go-json-experiment/json": true, "github.com/go-json-experiment/json/jsontext": true,
}

// bannedInActors are calls that an actor must not make, each with what to do instead.
var bannedInActors = map[string]string{
	"time.Now":                "ask Ports.Clock",
	"time.Since":              "ask Ports.Clock",
	"time.Until":              "ask Ports.Clock",
	"time.Sleep":              "wait for an alarm",
	"time.After":              "set an alarm",
	"time.AfterFunc":          "set an alarm",
	"time.NewTimer":           "set an alarm",
	"time.NewTicker":          "set an alarm",
	"actor.PropsFromFunc":     "use Ports.Engine.Spawn",
	"actor.PropsFromProducer": "use Ports.Engine.Spawn",
	"ctx.SetReceiveTimeout":   "set an alarm",
	"ctx.RequestFuture":       "send a message and take the answer as one",
	"ctx.Watch":               "a parent hears of its children without it",
}

func TestImportsPointOneWay(t *testing.T) {
	eachFile(t, func(path string, file *ast.File, _ *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		top, _, _ := strings.Cut(path, "/")
		from := room(path)
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if ours, ok := strings.CutPrefix(imported, "hearth/"); ok {
				if !slices.Contains(mayImport[from], room(ours)) {
					t.Errorf("%s imports %s: %s may import only %v", path, imported, from, mayImport[from])
				}
				continue
			}
			allowed := map[string]map[string]bool{"actors": actorImports, "messages": messageImports}[top]
			if allowed != nil && !allowed[imported] {
				t.Errorf("%s imports %s: %s reaches the world only through its ports", path, imported, top)
			}
		}
	})
}

func TestActorsNeverBlock(t *testing.T) {
	eachFile(t, func(path string, file *ast.File, set *token.FileSet) {
		if !strings.HasPrefix(path, "actors/") || strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			at := ""
			if n != nil {
				at = set.Position(n.Pos()).String()
			}
			switch node := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a goroutine in an actor", at)
			case *ast.SelectStmt, *ast.ChanType, *ast.SendStmt:
				t.Errorf("%s: a channel in an actor", at)
			case *ast.CallExpr:
				if selector, ok := node.Fun.(*ast.SelectorExpr); ok {
					if pkg, ok := selector.X.(*ast.Ident); ok {
						if instead, banned := bannedInActors[pkg.Name+"."+selector.Sel.Name]; banned {
							t.Errorf("%s: %s.%s in an actor: %s", at, pkg.Name, selector.Sel.Name, instead)
						}
					}
				}
			}
			return true
		})
	})
}

func TestFilesAndFunctionsStaySmall(t *testing.T) {
	eachFile(t, func(path string, file *ast.File, set *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		if lines := set.Position(file.FileEnd).Line; lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d", path, lines, maxFileLines)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if lines := set.Position(function.End()).Line - set.Position(function.Pos()).Line + 1; lines > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, more than %d", path, function.Name.Name, lines, maxFunctionLines)
			}
		}
	})
}

// TestNothingIsLeftUndone looks for the marks of unfinished work and of checks that were switched off.
func TestNothingIsLeftUndone(t *testing.T) {
	marks := []string{"TO" + "DO", "FIX" + "ME", "no" + "lint", "t.Sk" + "ip("}
	eachSource(t, func(path string, text string) {
		for _, mark := range marks {
			if mark == "t.Sk"+"ip(" && strings.Contains(text, "pgregory.net/rapid") {
				continue // there it passes over an action that cannot run, not over a test
			}
			if strings.Contains(text, mark) {
				t.Errorf("%s has a %s", path, mark)
			}
		}
	})
}

// eachFile parses every Go file of ours.
func eachFile(t *testing.T, visit func(path string, file *ast.File, set *token.FileSet)) {
	t.Helper()
	eachSource(t, func(path string, text string) {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		visit(path, file, set)
	})
}

// eachSource reads every Go file of ours. It fails when there is none, for a walk that sees nothing proves nothing.
func eachSource(t *testing.T, visit func(path, text string)) {
	t.Helper()
	seen := 0
	for folder := range mayImport {
		if strings.Contains(folder, "/") {
			continue // it is in a folder above
		}
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			seen++
			visit(filepath.ToSlash(relative), string(text))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 20 {
		t.Fatalf("saw only %d Go files", seen)
	}
}
