package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// program is a command of ours with all packages of ours that it is made of, type-checked.
type program struct {
	// uses has, for each function by its full name, what it mentions: functions by their full names; methods of interfaces as
	// ".Name", for it may be any of that name; and calls to AWS as "aws service.Operation". Of a type that
	// it mentions it may hand a value to a library, which then calls the methods of whichever interface it knows.
	uses map[string]map[string]bool
	// foreign are the interfaces of the libraries that are imported.
	foreign []*types.Interface
	known   map[string]bool // libraries, by path
}

// listed is a package in go list's JSON.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// gateway is cmd/gateway, read once.
var gateway = sync.OnceValues(func() (*program, error) { return load("hearth/cmd/gateway") })

// load type-checks a command's packages of ours; what they import is taken from what the compiler exported.
func load(path string) (*program, error) {
	out, err := goList(path)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	var ours []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var each listed
		if err := decoder.Decode(&each); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		exports[each.ImportPath] = each.Export
		if strings.HasPrefix(each.ImportPath, "hearth/") {
			ours = append(ours, each)
		}
	}
	p := &program{uses: map[string]map[string]bool{}, known: map[string]bool{}}
	set := token.NewFileSet()
	imports := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, each := range ours {
		var files []*ast.File
		for _, name := range each.GoFiles {
			file, err := parser.ParseFile(set, filepath.Join(each.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			files = append(files, file)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
		checked, err := (&types.Config{Importer: imports}).Check(each.ImportPath, set, files, info)
		if err != nil {
			return nil, err
		}
		for _, imported := range checked.Imports() {
			p.know(imported)
		}
		for _, file := range files {
			p.read(file, info)
		}
	}
	return p, nil
}

// know notes a library's interfaces.
func (p *program) know(library *types.Package) {
	if strings.HasPrefix(library.Path(), "hearth/") || p.known[library.Path()] {
		return
	}
	p.known[library.Path()] = true
	for _, name := range library.Scope().Names() {
		if known, ok := library.Scope().Lookup(name).Type().Underlying().(*types.Interface); ok && known.IsMethodSet() && !known.Empty() {
			p.foreign = append(p.foreign, known)
		}
	}
}

// read notes what each function of a file mentions. What is not in a function, such as a table, is mentioned by all of its
// package.
func (p *program) read(file *ast.File, info *types.Info) {
	for _, declaration := range file.Decls {
		name := "package " + file.Name.Name
		if function, ok := declaration.(*ast.FuncDecl); ok {
			name = info.Defs[function.Name].(*types.Func).FullName()
		}
		if p.uses[name] == nil {
			p.uses[name] = map[string]bool{}
		}
		ast.Inspect(declaration, func(n ast.Node) bool {
			if expression, ok := n.(ast.Expr); ok {
				if value, ok := info.Types[expression]; ok && value.IsValue() {
					if call := operation(value.Type); call != "" {
						p.uses[name][awsCall+call] = true
					}
				}
			}
			if identifier, ok := n.(*ast.Ident); ok {
				p.mention(name, info.Uses[identifier])
			}
			return true
		})
	}
}

func (p *program) mention(by string, object types.Object) {
	switch object := object.(type) {
	case *types.Func:
		if receiver := object.Signature().Recv(); receiver != nil && types.IsInterface(receiver.Type()) {
			p.uses[by]["."+object.Name()] = true
			return
		}
		p.uses[by][object.FullName()] = true
	case *types.TypeName:
		named, ok := object.Type().(*types.Named)
		if !ok || types.IsInterface(named) || named.TypeParams() != nil {
			return
		}
		methods := types.NewMethodSet(types.NewPointer(named))
		for _, known := range p.foreign {
			if !types.Implements(types.NewPointer(named), known) {
				continue
			}
			for method := range known.Methods() {
				p.uses[by][methods.Lookup(method.Pkg(), method.Name()).Obj().(*types.Func).FullName()] = true
			}
		}
	}
}

// sdkInput is the type of what an operation of the AWS SDK for Go takes.
var sdkInput = regexp.MustCompile(`^\*github\.com/aws/aws-sdk-go-v2/service/(\w+)\.(\w+)Input$`)

// operation is the AWS operation that a function's value performs: one that takes the operation's input. That is the
// client's method, in whatever interface, and a paginator or a waiter likewise.
func operation(of types.Type) string {
	signature, ok := of.(*types.Signature)
	if !ok {
		return ""
	}
	for parameter := range signature.Params().Variables() {
		if match := sdkInput.FindStringSubmatch(parameter.Type().String()); match != nil {
			return match[1] + "." + match[2]
		}
	}
	return ""
}

// awsCall is before the name of an AWS operation.
const awsCall = "aws "

// calls are the AWS operations that can be reached from a function, as "service.Operation", sorted.
func (p *program) calls(from string) []string {
	methods := map[string][]string{} // full names, by ".Name"
	for name := range p.uses {
		if dot := strings.LastIndex(name, "."); dot >= 0 {
			methods[name[dot:]] = append(methods[name[dot:]], name)
		}
	}
	seen := map[string]bool{}
	var found []string
	for next := []string{from}; len(next) > 0; {
		at := next[0]
		next = next[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		if call, ok := strings.CutPrefix(at, awsCall); ok {
			found = append(found, call)
		}
		for mentioned := range p.uses[at] {
			next = append(next, mentioned)
			if strings.HasPrefix(mentioned, ".") {
				next = append(next, methods[mentioned]...)
			}
		}
	}
	slices.Sort(found)
	return found
}

// goList lists a package and all that it imports, with what the compiler exports of each.
func goList(path string) ([]byte, error) {
	var complaints bytes.Buffer
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", path)
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, complaints.Bytes())
	}
	return out, nil
}

// TestCallsAreFound holds the derivation itself to what it must find, and must not.
func TestCallsAreFound(t *testing.T) {
	p, err := gateway()
	if err != nil {
		t.Fatal(err)
	}
	serves, clears := p.calls("hearth/cmd/gateway.run"), p.calls("hearth/cmd/gateway.clean")
	for _, call := range []string{"ecs.RunTask", "ecs.StopTask", "ecs.ListTasks", "ecs.DescribeTaskDefinition"} {
		if !slices.Contains(serves, call) {
			t.Errorf("the gateway makes no %s: %v", call, serves)
		}
	}
	if !slices.Contains(clears, "efs.DeleteAccessPoint") || slices.Contains(clears, "ecs.RunTask") {
		t.Errorf("the janitor makes %v", clears)
	}
}
