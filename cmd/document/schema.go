package document

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Frames is what the source of messages/wire says of the frames.
type Frames struct {
	// Directions has, for each of the decoders' tables (fromClient, …), the names of the frames' types.
	Directions map[string][]string

	structs   map[string]*ast.StructType
	docs      map[string]string
	strings   map[string]bool     // the types that are strings
	constants map[string][]string // their values
	tags      map[string]string   // a frame's "type" by its Go type
}

// object is a JSON object to be.
type object = map[string]any

// ReadFrames parses the package in a folder.
func ReadFrames(t testing.TB, dir string) *Frames {
	t.Helper()
	f := &Frames{
		Directions: map[string][]string{}, structs: map[string]*ast.StructType{}, docs: map[string]string{},
		strings: map[string]bool{}, constants: map[string][]string{}, tags: map[string]string{},
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f.read(decl)
		}
	}
	return f
}

func (f *Frames) read(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		f.readTag(d)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				f.readType(d, s)
			case *ast.ValueSpec:
				f.readValue(s)
			}
		}
	}
}

// readTag reads what a method FrameType returns.
func (f *Frames) readTag(d *ast.FuncDecl) {
	if d.Name.Name != "FrameType" || d.Recv == nil {
		return
	}
	receiver, isNamed := d.Recv.List[0].Type.(*ast.Ident)
	if result, ok := d.Body.List[len(d.Body.List)-1].(*ast.ReturnStmt); ok && isNamed {
		if literal, ok := result.Results[0].(*ast.BasicLit); ok {
			f.tags[receiver.Name], _ = strconv.Unquote(literal.Value)
		}
	}
}

func (f *Frames) readType(d *ast.GenDecl, s *ast.TypeSpec) {
	switch kind := s.Type.(type) {
	case *ast.StructType:
		f.structs[s.Name.Name] = kind
		f.docs[s.Name.Name] = sentence(d.Doc.Text())
	case *ast.Ident:
		f.strings[s.Name.Name] = kind.Name == "string"
	}
}

// readValue reads constants of a type of their own, and the tables of decoders.
func (f *Frames) readValue(s *ast.ValueSpec) {
	if len(s.Values) != 1 {
		return
	}
	switch value := s.Values[0].(type) {
	case *ast.BasicLit:
		if named, ok := s.Type.(*ast.Ident); ok {
			if text, err := strconv.Unquote(value.Value); err == nil {
				f.constants[named.Name] = append(f.constants[named.Name], text)
			}
		}
	case *ast.CompositeLit:
		for _, element := range value.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			if decoder, ok := pair.Value.(*ast.IndexExpr); ok {
				f.Directions[s.Names[0].Name] = append(f.Directions[s.Names[0].Name], decoder.Index.(*ast.Ident).Name)
			}
		}
	}
}

func sentence(comment string) string { return strings.Join(strings.Fields(comment), " ") }

// Schema is the JSON Schema of all frames, indented. A member of a frame that other programs send is required if needed says so;
// one of a frame that the gateway sends, if it is always there.
func (f *Frames) Schema(t testing.TB, needed func(typeName, member string) bool) []byte {
	t.Helper()
	defs := object{"Data": dataSchema, "Bytes": bytesSchema, "Ack": f.frame("Ack", func(string) bool { return true })}
	for direction, names := range f.Directions {
		union := []object{{"$ref": "#/$defs/Ack"}, {"$ref": "#/$defs/Bytes"}, {"$ref": "#/$defs/Data"}}
		for _, name := range slices.Sorted(slices.Values(names)) {
			sent := slices.Contains(f.Directions["toClient"], name) || slices.Contains(f.Directions["toBridge"], name)
			defs[name] = f.frame(name, func(member string) bool { return sent || needed(name, member) })
			union = append(union, object{"$ref": "#/$defs/" + name})
		}
		defs[direction] = object{"description": directions[direction], "oneOf": union}
	}
	var all []object
	for _, direction := range slices.Sorted(maps.Keys(directions)) {
		all = append(all, object{"$ref": "#/$defs/" + direction})
	}
	text, err := json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Frames of Hearth's wire contract",
		"description": "Made from messages/wire by go test ./cmd/document -rewrite. docs/protocol.md says what they mean. Frames of other types, and other members, are to be ignored.",
		"anyOf":       all, "$defs": defs,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// directions are the tables of decoders, and who sends what they read.
var directions = map[string]string{
	"fromClient": "What a client sends to the gateway.", "toClient": "What the gateway sends to a client.",
	"fromBridge": "What a bridge sends to the gateway.", "toBridge": "What the gateway sends to a bridge.",
}

// frame is the schema of a frame: of its struct, with its type as a member.
func (f *Frames) frame(name string, required func(member string) bool) object {
	schema := f.structure(name, required)
	schema["properties"].(object)["type"] = object{"const": f.tags[name]}
	always, _ := schema["required"].([]string)
	schema["required"] = append([]string{"type"}, always...)
	maps.Copy(schema, conditions[name])
	return schema
}

// structure is the schema of a struct.
func (f *Frames) structure(name string, required func(member string) bool) object {
	properties, always := object{}, []string{}
	for _, field := range f.structs[name].Fields.List {
		tag, _ := strconv.Unquote(field.Tag.Value)
		member, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		schema := f.kind(field.Type)
		maps.Copy(schema, bounds[name+"."+member])
		if text := sentence(field.Doc.Text()); text != "" {
			schema["description"] = text
		}
		properties[member] = schema
		if options == "" && required(member) {
			always = append(always, member)
		}
	}
	schema := object{"type": "object", "properties": properties, "description": f.docs[name]}
	if len(always) > 0 {
		schema["required"] = always
	}
	return schema
}

// kind is the schema of a member's type, which may be a list.
func (f *Frames) kind(expr ast.Expr) object {
	if list, ok := expr.(*ast.ArrayType); ok {
		return object{"type": "array", "items": f.kind(list.Elt)}
	}
	return f.value(expr.(*ast.Ident).Name)
}

// value is the schema of a member's type.
func (f *Frames) value(name string) object {
	switch name {
	case "string", "Secret", "Traceparent":
		return object{"type": "string"}
	case "bool":
		return object{"type": "boolean"}
	case "int", "int64":
		return object{"type": "integer"}
	case "uint64":
		return object{"type": "integer", "minimum": 0, "maximum": maxSeq}
	case "SessionID", "TaskID":
		return object{"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}
	case "UserID":
		return object{"type": "string", "minLength": 1, "maxLength": 256}
	}
	if f.strings[name] {
		return object{"type": "string", "enum": f.constants[name]}
	}
	return f.structure(name, func(string) bool { return name == "Resize" })
}

// maxSeq is 2^53-1, which every JSON reader takes exactly.
const maxSeq = 1<<53 - 1

// What the types do not say. A test holds it to the decoders.
var (
	number = object{"minimum": 1, "maximum": maxSeq}
	side   = object{"minimum": 1, "maximum": 10_000}
	phase  = object{"minimum": 0, "maximum": 24 * 60 * 60 * 1000}
	age    = object{"minimum": 0, "maximum": 1 << 40}
	some   = object{"minLength": 1}
	bounds = map[string]object{
		"Ack.seq": {"minimum": 0}, "Gap.from": number, "Gap.to": number, "Resize.cols": side, "Resize.rows": side, "Token.token": some, "Pass.pass": some,
		"Timings.claimMs": phase, "Timings.initMs": phase, "Timings.workspaceMs": phase, "Timings.tokenMs": phase, "Timings.agentMs": phase,
		"InitUser.workspaceDir": some, "Limits.maxFrameBytes": {"minimum": 1}, "BridgeHello.maxFrameBytes": {"minimum": 0},
		"BridgeHello.suspendedMs": age, "Limits.leaseMs": age, "Limits.orphanMs": age, "Fence.tasks": {"maxItems": 1000},
		"BridgeHello.isolation": {"pattern": "^[a-z,]{0,100}$"},
		"Signal.name":           {"enum": []string{"INT", "QUIT", "TERM", "HUP", "KILL", "USR1", "USR2", "TSTP", "CONT"}},
	}
	conditions = map[string]object{
		"BridgeHello": {"if": object{"properties": object{"state": object{"const": "assigned"}}}, "then": object{"required": []string{"sessionId", "userId"}}},
	}
	alongSchema = object{"type": "integer", "minimum": 1, "maximum": maxSeq, "description": "Acknowledges what came the other way, as ack does; only to who says acksInData."}
	dataSchema  = object{
		"type": "object", "description": "One line of the agent's input or output, or a piece of what its terminal shows. A client may leave seq out.",
		"properties": object{
			"type": object{"const": "data"}, "seq": object{"type": "integer", "minimum": 1, "maximum": maxSeq}, "ack": alongSchema, "payload": true,
			"stream": object{"type": "string", "enum": []string{"stderr"}}, "more": object{"type": "boolean", "description": "A piece of a longer line: the next output is the next piece."},
		},
		"required": []string{"type", "payload"},
	}
	bytesSchema = object{
		"type": "object", "description": "As data, for what is no text.",
		"properties": object{
			"type": object{"const": "bytes"}, "seq": object{"type": "integer", "minimum": 1, "maximum": maxSeq}, "ack": alongSchema,
			"base64": object{"type": "string", "contentEncoding": "base64", "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"},
		},
		"required": []string{"type", "base64"},
	}
)

// WholeFile fails the test unless a file is what it should be, or, with rewrite, makes it so.
func WholeFile(t testing.TB, path string, want []byte, rewrite bool) {
	t.Helper()
	if rewrite {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(want) {
		t.Errorf("%s is not what the code says (%v); run this test with -rewrite and look at the difference", path, err)
	}
}
