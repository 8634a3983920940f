package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hearth/messages/wire"
	"hearth/sim/model"
)

const schemaPath = "../../docs/protocol.schema.json"

// decoders are those of the tables by their names in the schema.
var decoders = map[string]func([]byte) (wire.Frame, error){
	"fromClient": wire.DecodeFromClient, "toClient": wire.DecodeToClient, "fromBridge": wire.DecodeFromBridge, "toBridge": wire.DecodeToBridge,
}

// samples has at least one of each frame, with every member that it can have.
var samples = map[string][]wire.Frame{
	"fromClient": {
		wire.Hello{SessionID: "s-1", LastSeq: 7, Acks: true, AcksInData: true, Window: wire.Resize{Cols: 80, Rows: 24}}, wire.Hello{}, wire.Token{Token: "t"}, wire.Close{},
		wire.Ping{ID: "p"}, wire.Pong{ID: "p"}, wire.Resize{Cols: 80, Rows: 24}, wire.Signal{Name: "INT"}, wire.EOF{}, wire.Ack{Seq: 9},
		wire.Data{Seq: 3, Ack: 2, Payload: json.RawMessage(`{"a":[1]}`)}, wire.Data{Payload: json.RawMessage(`null`)}, wire.NewBytes([]byte{0xff}),
	},
	"toClient": {
		wire.Session{SessionID: "s-1", UserID: "u|1", Resumed: true, LastSeq: 4, AcksInData: true}, wire.Status{State: wire.StateWaiting, Reason: wire.ReasonQueued, EtaMs: 12},
		wire.Status{State: wire.StateReady}, wire.Ready{Path: wire.PathCold, ElapsedMs: 5, Why: wire.WhyPoolEmpty, Timings: wire.Timings{AgentMs: 5}, IO: wire.IOTerminal},
		wire.Gap{From: 2, To: 5}, wire.Exit{Code: 137, Signal: "SIGKILL", Stderr: "x"}, wire.Error{Code: wire.CodeInternal, Message: "m", Retryable: true},
		wire.Bye{Reason: wire.ByeClosed}, wire.Ping{ID: "p"}, wire.Pong{ID: "p"}, wire.Ack{Seq: 1}, wire.Data{Seq: 1, Payload: json.RawMessage(`"x"`), Stream: wire.StreamStderr, More: true},
	},
	"fromBridge": {
		wire.BridgeHello{
			TaskID: "t-1", Version: "v", State: wire.BridgeAssigned, SessionID: "s-1", UserID: "u", Binding: "b", InSeq: 1, OutSeq: 2, MaxFrameBytes: 9,
			Isolation: "path,uid", IO: wire.IOText, Leases: true, AcksInData: true, SuspendedMs: 9,
		},
		wire.BridgeHello{TaskID: "t-1", State: wire.BridgeWarm, Pass: "p"}, wire.Accepted{SessionID: "s-1"},
		wire.BridgeReady{SessionID: "s-1", Timings: wire.Timings{WorkspaceMs: 1}}, wire.InitFailed{Code: "agent", Message: "m"}, wire.Gap{From: 1, To: 1},
		wire.Exit{Code: 1}, wire.Keepalive{}, wire.Gone{}, wire.Fence{Tasks: []wire.TaskID{"t-2"}}, wire.Ack{Seq: 1},
	},
	"toBridge": {
		wire.InitUser{
			UserID: "u", SessionID: "s-1", WorkspaceDir: "/w", Token: "t", Binding: "b", InSeq: 1, OutSeq: 2, Window: wire.Resize{Cols: 80, Rows: 24}, Fence: true,
		},
		wire.Resume{FromSeq: 8}, wire.Token{Token: "t"}, wire.Stop{Reason: "r", GraceMs: 5}, wire.Redial{URL: "ws://h"}, wire.Redial{}, wire.Pass{Pass: "p"}, wire.Proceed{},
		wire.Limits{MaxFrameBytes: 9}, wire.Limits{MaxFrameBytes: 9, LeaseMs: 8, OrphanMs: 7, AcksInData: true}, wire.Resize{Cols: 1, Rows: 1}, wire.Signal{Name: "KILL"}, wire.EOF{After: 7}, wire.Ack{Seq: 1},
	},
}

// typeOf is the name of a frame's Go type.
func typeOf(f wire.Frame) string { return strings.TrimPrefix(fmt.Sprintf("%T", f), "wire.") }

// members are a frame's, as JSON.
func members(t *testing.T, f wire.Frame) map[string]json.RawMessage {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(wire.AppendFrame(nil, f), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// compile gives the schema of a direction.
func compile(t *testing.T, direction string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(schemaPath + "#/$defs/" + direction)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func valid(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// TestSchema makes docs/protocol.schema.json of the code. Of what others send, those members are required without which a frame is
// refused.
func TestSchema(t *testing.T) {
	frames := ReadFrames(t, "../../messages/wire")
	needed := func(typeName, member string) bool {
		for direction, all := range samples {
			for _, sample := range all {
				fields := members(t, sample)
				if _, has := fields[member]; !has || typeOf(sample) != typeName {
					continue
				}
				delete(fields, member)
				text, _ := json.Marshal(fields) // of what was read as JSON
				_, err := decoders[direction](text)
				return err != nil
			}
		}
		t.Errorf("no sample of %s has %s", typeName, member)
		return false
	}
	for direction, names := range frames.Directions {
		if directions[direction] == "" {
			t.Errorf("%s is a direction that the schema does not know", direction)
		}
		for _, name := range names {
			if !slices.ContainsFunc(samples[direction], func(f wire.Frame) bool { return typeOf(f) == name }) {
				t.Errorf("no sample of %s in %s", name, direction)
			}
		}
	}
	WholeFile(t, schemaPath, frames.Schema(t, needed), *rewrite)
}

// TestTheSchemaTakesWhatIsSaid: every sample, and whatever an afternoon of simulated sessions brings its clients and bridges.
func TestTheSchemaTakesWhatIsSaid(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{}
	for direction, all := range samples {
		schemas[direction] = compile(t, direction)
		for _, sample := range all {
			if text := wire.AppendFrame(nil, sample); valid(t, schemas[direction], text) != nil {
				t.Errorf("%s: %s: %v", direction, text, valid(t, schemas[direction], text))
			}
		}
	}
	seen := map[string]int{}
	hear := func(direction string, frame wire.Frame) {
		seen[frame.FrameType()]++
		if text := wire.AppendFrame(nil, frame); valid(t, schemas[direction], text) != nil {
			t.Errorf("%s: %s: %v", direction, text, valid(t, schemas[direction], text))
		}
	}
	options := model.DefaultOptions()
	options.Hooks.Client = func(_ *model.Client, frame wire.Frame) { hear("toClient", frame) }
	options.Hooks.Init = func(_ wire.TaskID, frame wire.InitUser) { hear("toBridge", frame) }
	m := model.New(options)
	for i := range 20 {
		m.World.Later(time.Duration(i)*time.Minute, func() {
			m.Arrive(model.Visit{User: wire.UserID(fmt.Sprint("user-", i)), Stay: 5 * time.Minute, Acks: i%2 == 0, Numbers: true, Early: i % 3, Window: wire.Resize{Cols: 100, Rows: 40}})
		})
	}
	m.World.Advance(time.Hour)
	for _, want := range []string{"session", "status", "ready", "data", "ack", "bye", "init_user"} {
		if seen[want] == 0 {
			t.Errorf("no %s was heard: %v", want, seen)
		}
	}
}

// odd is what a member may be told to be instead.
var odd = []string{`-1`, `0`, `1`, `1.5`, `10000`, `10001`, `86400001`, `9007199254740991`, `9007199254740992`, `""`, `"x"`, `"../x"`, `"INT"`, `"warm"`, `"%"`, `true`, `{}`, `[]`}

// TestTheDecodersTakeWhatTheSchemaTakes: whoever holds to the schema is understood. Each member of each sample is left out, and made
// all sorts of things.
func TestTheDecodersTakeWhatTheSchemaTakes(t *testing.T) {
	taken, refused := 0, 0
	for direction, all := range samples {
		schema := compile(t, direction)
		try := func(fields map[string]json.RawMessage) {
			text, _ := json.Marshal(fields) // of what was read as JSON
			if valid(t, schema, text) != nil {
				refused++
				return
			}
			taken++
			if frame, err := decoders[direction](text); err != nil && strings.Contains(err.Error(), "not a range") {
				return // that from is not above to, no schema can say
			} else if err != nil {
				t.Errorf("%s: %s is refused: %v", direction, text, err)
			} else if _, unknown := frame.(wire.Unknown); unknown {
				t.Errorf("%s: %s is not known", direction, text)
			}
		}
		for _, sample := range all {
			for name := range members(t, sample) {
				fields := members(t, sample)
				delete(fields, name)
				try(fields)
				for _, value := range odd {
					fields[name] = json.RawMessage(value)
					try(fields)
				}
			}
		}
	}
	if taken < 200 || refused < 200 {
		t.Errorf("%d were taken and %d refused", taken, refused)
	}
}
