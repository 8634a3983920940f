package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// allowed is what a core package may use of another: types, functions, variables and methods by their plain names.
type allowed struct {
	// names at the package's top level; nil means all.
	names []string
	// methods, whatever they are called on; nil means all.
	methods []string
}

// protoactor is the library that the actors are written for.
const protoactor = "github.com/asynkron/protoactor-go/actor"

// actorsUse is everything from outside that actors are built on. It lists what is allowed and not what is forbidden, and
// goes by what a name means and not by what it is called, for there are many ways to wait and more to call them.
var actorsUse = map[string]allowed{
	"cmp": {}, "container/list": {}, "errors": {}, "math": {}, "path": {}, "slices": {}, "strconv": {}, "strings": {},
	"fmt":  {names: []string{"Errorf", "Sprintf", "Sprint"}},
	"maps": {names: []string{"Keys", "Values"}},
	"time": {names: []string{
		"Time", "Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour", "Unix", "UnixMilli",
	}},
	protoactor: {
		names: []string{
			"Actor", "Context", "NewPID", "PID", "RootContext", "SpawnerContext", "Started", "Stopped", "Stopping", "Terminated",
		},
		methods: []string{
			"ActorSystem", "Address", "Equal", "Id", "Message", "NewLocalPID", "Poison", "Respond", "Root", "Self", "Send", "Sender",
			"Who",
		},
	},
}

// messagesUse is the same for messages.
var messagesUse = map[string]allowed{
	"bytes": {}, "crypto/sha256": {}, "encoding/base64": {}, "encoding/binary": {}, "encoding/hex": {}, "encoding/json": {}, "errors": {}, "io": {}, "strconv": {},
	"strings": {}, "unicode": {}, "unicode/utf8": {},
	"github.com/go-json-experiment/json": {}, "github.com/go-json-experiment/json/jsontext": {},
	"fmt":  actorsUse["fmt"],
	"time": actorsUse["time"],
}

// use is what the packages of a core room may use of others.
func use(room string) map[string]allowed {
	switch top, _, _ := strings.Cut(room, "/"); top {
	case "actors":
		return actorsUse
	case "messages":
		return messagesUse
	}
	return nil
}

func TestActorsReachTheWorldThroughPortsOnly(t *testing.T) {
	for _, p := range load(t, "./actors/...", "./messages/...") {
		switch p.PkgPath {
		case "hearth/actors/system":
			continue // what is below the actors, and the reason why they need no more of the library
		case "hearth/actors/schedule":
			continue // no actor: what reads the periods of which actors are given a pure function of the time
		}
		for _, f := range check(p, use(strings.TrimPrefix(p.PkgPath, "hearth/"))) {
			t.Errorf("%s: %s", f.at, f.what)
		}
	}
}

// TestForbiddenInActorsIsFound tries the rules on a package that breaks them all.
func TestForbiddenInActorsIsFound(t *testing.T) {
	found := make(map[string][]string)
	for _, p := range load(t, "./cmd/house/testdata/actor") {
		for _, f := range check(p, actorsUse) {
			line := strconv.Itoa(f.at.Line)
			found[line] = append(found[line], f.what)
		}
	}
	text, err := os.ReadFile(filepath.FromSlash("testdata/actor/actor.go"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		number := strconv.Itoa(i + 1)
		_, want, must := strings.Cut(line, "// caught: ")
		if got := strings.Join(found[number], "; "); must && !strings.Contains(got, want) || !must && got != "" {
			t.Errorf("line %s, %q: found %q, want %q", number, strings.TrimSpace(line), got, want)
		}
	}
}

// load type-checks packages of ours. What they import is taken as the compiler has left it.
func load(t *testing.T, patterns ...string) []*packages.Package {
	t.Helper()
	loaded, err := packages.Load(&packages.Config{Dir: root, Mode: packages.LoadSyntax}, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	if packages.PrintErrors(loaded) > 0 || len(loaded) < len(patterns) {
		t.Fatalf("%v cannot be checked: %d packages", patterns, len(loaded))
	}
	return loaded
}

// finding is a rule that was broken.
type finding struct {
	at   token.Position
	what string
}

// check holds a package to the rules for the core: it never waits, it starts nothing beside itself, and what it does follows
// from its state, its message and its ports alone.
func check(p *packages.Package, use map[string]allowed) []finding {
	var found []finding
	for _, file := range p.Syntax {
		sorted := make(map[ast.Node]bool) // what goes straight into a sort, and loses its order there
		ast.Inspect(file, func(n ast.Node) bool {
			if n == nil {
				return true
			}
			if call, ok := n.(*ast.CallExpr); ok && sorts(p.TypesInfo, call) {
				sorted[ast.Unparen(call.Args[0])] = true
			}
			what := wrong(p.TypesInfo, n, use)
			if declared, ok := n.(*ast.InterfaceType); ok {
				what = disguised(p, declared, use)
			}
			if what != "" {
				found = append(found, finding{p.Fset.Position(n.Pos()), what})
			} else if call, ok := n.(*ast.CallExpr); ok && !sorted[n] && callee(p.TypesInfo, call).in("maps") {
				found = append(found, finding{p.Fset.Position(n.Pos()), "a map's order: sort it in the same breath"})
			}
			return true
		})
	}
	return found
}

// wrong says which rule a node breaks by itself, or nothing.
func wrong(info *types.Info, n ast.Node, use map[string]allowed) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine: ask a port"
	case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
		return "a channel: an answer comes as a message"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "a channel: an answer comes as a message"
		}
	case *ast.RangeStmt:
		switch coreType(info.TypeOf(n.X)).(type) {
		case *types.Map:
			return "a map's order: sort its keys first, or keep a list"
		case *types.Chan:
			return "a channel: an answer comes as a message"
		}
	case *ast.ImportSpec:
		imported, _ := strconv.Unquote(n.Path.Value)
		if _, ok := use[imported]; !ok && !ours(imported) {
			return imported + " is not for actors and messages"
		}
	case *ast.Ident:
		return misused(info.Uses[n], use)
	}
	return ""
}

// disguised says which method of an interface that an actor's context satisfies is not for actors: through the interface it could
// be called without being named.
func disguised(p *packages.Package, declared *ast.InterfaceType, use map[string]allowed) string {
	imported := p.Imports[protoactor]
	if imported == nil {
		return ""
	}
	context := imported.Types.Scope().Lookup("Context").Type()
	narrow, ok := p.TypesInfo.TypeOf(declared).(*types.Interface)
	if !ok || !types.Implements(context, narrow) {
		return ""
	}
	methods := types.NewMethodSet(context)
	for method := range narrow.Methods() {
		if what := misused(methods.Lookup(nil, method.Name()).Obj(), use); what != "" {
			return what
		}
	}
	return ""
}

// misused says what is wrong with the use of a thing, however it was reached.
func misused(object types.Object, use map[string]allowed) string {
	if object == nil {
		return ""
	}
	if object.Pkg() == nil { // the language's own
		if object.Name() == "print" || object.Name() == "println" {
			return object.Name() + ": tell the Observer"
		}
		return ""
	}
	if _, isImport := object.(*types.PkgName); isImport || ours(object.Pkg().Path()) {
		return ""
	}
	may, ok := use[object.Pkg().Path()]
	names := may.names
	if object.Parent() != object.Pkg().Scope() { // a method or a field
		names = may.methods
	}
	if ok && (names == nil || slices.Contains(names, object.Name())) {
		return ""
	}
	return fmt.Sprintf("%s.%s is not for actors and messages", path.Base(object.Pkg().Path()), object.Name())
}

func ours(path string) bool { return strings.HasPrefix(path, "hearth/") }

// function is what a call calls; nil when that is not known by name.
type function struct{ *types.Func }

func callee(info *types.Info, call *ast.CallExpr) function {
	fun := ast.Unparen(call.Fun)
	if generic, ok := fun.(*ast.IndexExpr); ok {
		fun = generic.X
	}
	var name *ast.Ident
	switch fun := fun.(type) {
	case *ast.Ident:
		name = fun
	case *ast.SelectorExpr:
		name = fun.Sel
	}
	called, _ := info.Uses[name].(*types.Func)
	return function{called}
}

func (f function) in(path string) bool {
	return f.Func != nil && f.Pkg() != nil && f.Pkg().Path() == path
}

// sorts reports a call that sorts its first argument.
func sorts(info *types.Info, call *ast.CallExpr) bool {
	f := callee(info, call)
	return f.in("slices") && strings.HasPrefix(f.Name(), "Sorted")
}

// coreType is what a type is underneath, also a type parameter of which all types are the same underneath.
func coreType(t types.Type) types.Type {
	parameter, ok := t.(*types.TypeParam)
	if !ok {
		return t.Underlying()
	}
	constraint := parameter.Underlying().(*types.Interface)
	for embedded := range constraint.EmbeddedTypes() {
		if union, ok := embedded.(*types.Union); ok && union.Len() == 1 {
			return union.Term(0).Type().Underlying()
		}
	}
	return constraint
}
