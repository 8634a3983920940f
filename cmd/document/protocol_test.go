package document

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestProtocolDocument holds the lists in docs/protocol.md to the constants of messages/wire, in both directions.
func TestProtocolDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	const frames, codes = "../../messages/wire/frame.go", "../../messages/wire/close.go"
	quoted, ticked, number := regexp.MustCompile(`"([a-z_]+)"`), regexp.MustCompile("`([a-z_]+)`"), regexp.MustCompile(`\b([14]\d{3})\b`)
	for _, c := range []struct {
		path, typeName string
		// from and to are around the list in the document, and value is what a value looks like in it.
		from, to string
		value    *regexp.Regexp
	}{
		{frames, "SessionState", `"type":"status","state":`, `,"`, quoted},
		{frames, "WaitReason", `\|"restarting","reason":`, `,"`, quoted},
		{frames, "Path", `"type":"ready","path":`, `,"`, quoted},
		{frames, "ColdReason", "explains a start that was not warm (", ")", ticked},
		{frames, "ErrorCode", "\nError codes: ", ".", ticked},
		{frames, "ByeReason", `"type":"bye","reason":`, "}", quoted},
		{frames, "BridgeState", `"version":"…","state":`, `,"`, quoted},
		{codes, "CloseCode", "\nClose codes: ", "\n\n", number},
	} {
		_, rest, found := strings.Cut(string(text), c.from)
		list, _, ended := strings.Cut(rest, c.to)
		if !found || !ended {
			t.Errorf("docs/protocol.md has no list of %s after %q", c.typeName, c.from)
			continue
		}
		listed := map[string]bool{}
		for _, match := range c.value.FindAllStringSubmatch(list, -1) {
			listed[match[1]] = true
		}
		for _, constant := range Constants(t, c.path, c.typeName) {
			if !listed[constant.Value] {
				t.Errorf("docs/protocol.md lacks the %s %s (%s)", c.typeName, constant.Value, constant.Name)
			}
			delete(listed, constant.Value)
		}
		for _, value := range slices.Sorted(maps.Keys(listed)) {
			t.Errorf("docs/protocol.md has the %s %s, which does not exist", c.typeName, value)
		}
	}
}

// TestEveryFrameIsInTheProtocolDocument: other programs learn of a frame there.
func TestEveryFrameIsInTheProtocolDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../messages/wire/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	types := regexp.MustCompile(`FrameType\(\) string +\{ return "(\w+)" \}`).FindAllStringSubmatch(string(source), -1)
	if len(types) < 20 {
		t.Fatalf("found only %d frames", len(types))
	}
	for _, match := range types {
		if !strings.Contains(string(text), `"type":"`+match[1]+`"`) {
			t.Errorf("docs/protocol.md does not show the frame %s", match[1])
		}
	}
}

// TestTheClientsTypes holds the unions in the JavaScript client's types to the constants of messages/wire, in both directions.
func TestTheClientsTypes(t *testing.T) {
	text, err := os.ReadFile("../../infra/console/hearth/hearth.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	frames := ReadFrames(t, "../../messages/wire")
	quoted := regexp.MustCompile(`"(\w+)"`)
	for union, typeName := range map[string]string{
		"type StartReason =": "WaitReason", "type ColdReason =": "ColdReason", "type ErrorCode =": "ErrorCode", "status: { state:": "SessionState",
		"path:": "Path", "io?:": "AgentIO",
	} {
		_, rest, found := strings.Cut(string(text), union)
		list, _, ended := strings.Cut(rest, ";")
		if !found || !ended {
			t.Errorf("there is no union after %q", union)
			continue
		}
		var values []string
		for _, match := range quoted.FindAllStringSubmatch(list, -1) {
			values = append(values, match[1])
		}
		want := slices.Clone(frames.constants[typeName])
		slices.Sort(values)
		slices.Sort(want)
		if !slices.Equal(values, want) {
			t.Errorf("%q is of %v, and %s has %v", union, values, typeName, want)
		}
	}
}
