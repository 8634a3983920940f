package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// frames has one of each frame with every field filled, by the decoder that reads it.
var frames = []struct {
	decode func([]byte) (Frame, error)
	frame  Frame
	text   string
}{
	{DecodeFromClient, Hello{SessionID: "s-1", LastSeq: 7, Acks: true}, `{"type":"hello","sessionId":"s-1","lastSeq":7,"acks":true}`},
	{DecodeFromClient, Hello{}, `{"type":"hello","lastSeq":0,"acks":false}`},
	{DecodeFromClient, Hello{Traceparent: "00-1-2-01"}, `{"type":"hello","lastSeq":0,"acks":false,"traceparent":"00-1-2-01"}`},
	{DecodeFromClient, Hello{Window: Resize{Cols: 80, Rows: 24}}, `{"type":"hello","lastSeq":0,"acks":false,"window":{"cols":80,"rows":24}}`},
	{DecodeFromClient, Data{Seq: 3, Payload: []byte(`{"a":[1, 2]}`)}, `{"type":"data","seq":3,"payload":{"a":[1, 2]}}`},
	{DecodeFromClient, Data{Seq: 3, Ack: 12, Payload: []byte(`"x"`)}, `{"type":"data","seq":3,"ack":12,"payload":"x"}`},
	{DecodeFromClient, Data{Ack: 12, Payload: []byte(`"no number"`)}, `{"type":"data","ack":12,"payload":"no number"}`},
	{DecodeFromBridge, Data{Seq: 3, Ack: 12, Payload: []byte(`"AAH/"`), Bytes: true}, `{"type":"bytes","seq":3,"ack":12,"base64":"AAH/"}`},
	{DecodeFromClient, Data{Payload: []byte(`"no number"`)}, `{"type":"data","payload":"no number"}`},
	{DecodeFromClient, Data{Seq: 1, Payload: []byte(`null`)}, `{"type":"data","seq":1,"payload":null}`},
	{DecodeFromClient, Data{Seq: 3, Payload: []byte(`"AAH/"`), Bytes: true}, `{"type":"bytes","seq":3,"base64":"AAH/"}`},
	{DecodeFromBridge, Data{Seq: 3, Payload: []byte(`"x"`), Stream: StreamStderr, More: true}, `{"type":"data","seq":3,"payload":"x","stream":"stderr","more":true}`},
	{DecodeFromClient, Resize{Cols: 80, Rows: 24}, `{"type":"resize","cols":80,"rows":24}`},
	{DecodeFromClient, Signal{Name: "INT"}, `{"type":"signal","name":"INT"}`},
	{DecodeFromClient, EOF{}, `{"type":"eof"}`},
	{DecodeToBridge, EOF{After: 7}, `{"type":"eof","after":7}`},
	{DecodeFromClient, Ack{Seq: 9}, `{"type":"ack","seq":9}`},
	{DecodeFromClient, Token{Token: "t"}, `{"type":"token","token":"t"}`},
	{DecodeFromClient, Close{}, `{"type":"close"}`},
	{DecodeFromClient, Ping{ID: "p"}, `{"type":"ping","id":"p"}`},
	{DecodeFromClient, Pong{ID: "p"}, `{"type":"pong","id":"p"}`},
	{DecodeToClient, Session{SessionID: "s-1", UserID: "u|1", Resumed: true, LastSeq: 4}, `{"type":"session","sessionId":"s-1","userId":"u|1","resumed":true,"lastSeq":4}`},
	{DecodeToClient, Status{State: StateWaiting, Reason: ReasonQueued, EtaMs: 12}, `{"type":"status","state":"waiting","reason":"queued","etaMs":12}`},
	{
		DecodeToClient, Ready{Path: PathCold, ElapsedMs: 5, Why: WhyPoolEmpty, Timings: Timings{1, 2, 3, 4, 5}},
		`{"type":"ready","path":"cold","elapsedMs":5,"why":"pool_empty","timings":{"claimMs":1,"initMs":2,"workspaceMs":3,"tokenMs":4,"agentMs":5}}`,
	},
	{DecodeToClient, Gap{From: 2, To: 5}, `{"type":"gap","from":2,"to":5}`},
	{DecodeToClient, Exit{Code: 137, Signal: "SIGKILL", Stderr: "x"}, `{"type":"exit","code":137,"signal":"SIGKILL","stderr":"x"}`},
	{DecodeToClient, Error{Code: CodeInternal, Message: "m", Retryable: true}, `{"type":"error","code":"internal","message":"m","retryable":true}`},
	{DecodeToClient, Bye{Reason: ByeClosed}, `{"type":"bye","reason":"closed"}`},
	{DecodeToClient, Data{Seq: 1, Payload: []byte(`1`)}, `{"type":"data","seq":1,"payload":1}`},
	{
		DecodeFromBridge, BridgeHello{TaskID: "t-1", Version: "v", State: BridgeAssigned, SessionID: "s-1", UserID: "u", Binding: "b", InSeq: 1, OutSeq: 2},
		`{"type":"hello","taskId":"t-1","version":"v","state":"assigned","sessionId":"s-1","userId":"u","binding":"b","inSeq":1,"outSeq":2}`,
	},
	{DecodeFromBridge, Accepted{SessionID: "s-1"}, `{"type":"accepted","sessionId":"s-1"}`},
	{
		DecodeFromBridge, BridgeReady{SessionID: "s-1", Timings: Timings{WorkspaceMs: 1}},
		`{"type":"ready","sessionId":"s-1","timings":{"claimMs":0,"initMs":0,"workspaceMs":1,"tokenMs":0,"agentMs":0}}`,
	},
	{DecodeFromBridge, Keepalive{}, `{"type":"keepalive"}`},
	{DecodeFromBridge, Gone{}, `{"type":"gone"}`},
	{DecodeFromBridge, InitFailed{Code: "agent", Message: "m"}, `{"type":"init_failed","code":"agent","message":"m"}`},
	{
		DecodeToBridge, InitUser{UserID: "u", SessionID: "s-1", WorkspaceDir: "/w", Token: "t", Binding: "b", InSeq: 1, OutSeq: 2},
		`{"type":"init_user","userId":"u","sessionId":"s-1","workspaceDir":"/w","token":"t","binding":"b","inSeq":1,"outSeq":2}`,
	},
	{
		DecodeToBridge, InitUser{UserID: "u", SessionID: "s-1", WorkspaceDir: "/w", Token: "t", Window: Resize{Cols: 80, Rows: 24}},
		`{"type":"init_user","userId":"u","sessionId":"s-1","workspaceDir":"/w","token":"t","binding":"","inSeq":0,"outSeq":0,"window":{"cols":80,"rows":24}}`,
	},
	{DecodeToBridge, Resume{FromSeq: 8}, `{"type":"resume","fromSeq":8}`},
	{DecodeToBridge, Stop{Reason: "r", GraceMs: 5}, `{"type":"stop","reason":"r","graceMs":5}`},
	{DecodeFromBridge, BridgeHello{TaskID: "t-1", State: BridgeWarm, Pass: "p"}, `{"type":"hello","taskId":"t-1","version":"","state":"warm","pass":"p","inSeq":0,"outSeq":0}`},
	{DecodeToBridge, Pass{Pass: "p"}, `{"type":"pass","pass":"p"}`},
	{DecodeToBridge, Limits{MaxFrameBytes: 9}, `{"type":"limits","maxFrameBytes":9}`},
	{DecodeFromBridge, BridgeHello{TaskID: "t-1", State: BridgeWarm, Isolation: "path,uid"}, `{"type":"hello","taskId":"t-1","version":"","state":"warm","inSeq":0,"outSeq":0,"isolation":"path,uid"}`},
	{DecodeFromBridge, BridgeHello{TaskID: "t-1", State: BridgeWarm, MaxFrameBytes: 9}, `{"type":"hello","taskId":"t-1","version":"","state":"warm","inSeq":0,"outSeq":0,"maxFrameBytes":9}`},
	{DecodeToBridge, Redial{URL: "ws://h"}, `{"type":"redial","url":"ws://h"}`},
	{DecodeToBridge, Redial{}, `{"type":"redial"}`},
}

func TestFramesGoBothWays(t *testing.T) {
	for _, test := range frames {
		if got := string(AppendFrame(nil, test.frame)); got != test.text {
			t.Errorf("encoded %s\nwant    %s", got, test.text)
		}
		got, err := test.decode([]byte(test.text))
		if err != nil || !reflect.DeepEqual(got, test.frame) {
			t.Errorf("decoded %s to %#v, %v", test.text, got, err)
		}
	}
}

func TestDecodersRefuse(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, test := range []struct {
		name   string
		decode func([]byte) (Frame, error)
		text   string
		says   string
	}{
		{"nothing", DecodeFromClient, ``, "frame: not a JSON object"},
		{"garbage", DecodeFromClient, `{"type":`, "frame: not JSON"},
		{"an array", DecodeFromClient, `[1]`, "frame: not a JSON object"},
		{"no type", DecodeFromClient, `{"seq":1}`, "no type"},
		{"type of the wrong kind", DecodeFromClient, `{"type":5}`, `field "type" must be string`},
		{"data without payload", DecodeFromClient, `{"type":"data","seq":1}`, "no payload"},
		{"data numbered 0", DecodeFromClient, `{"type":"data","seq":0,"payload":1}`, "seq starts at 1"},
		{"negative seq", DecodeFromClient, `{"type":"ack","seq":-1}`, `field "seq" must be uint64`},
		{"ack beyond all numbers", DecodeFromBridge, `{"type":"ack","seq":18446744073709551615}`, "2^53"},
		{"data beyond all numbers", DecodeFromBridge, `{"type":"data","seq":9007199254740992,"payload":1}`, "2^53"},
		{"data that acknowledges beyond all numbers", DecodeFromBridge, `{"type":"data","seq":1,"ack":9007199254740992,"payload":1}`, "2^53"},
		{"data that acknowledges a word", DecodeFromClient, `{"type":"data","seq":1,"ack":"1","payload":1}`, `field "ack" must be uint64`},
		{"hello beyond all numbers", DecodeFromClient, `{"type":"hello","lastSeq":9007199254740992}`, "2^53"},
		{"bridge beyond all numbers", DecodeFromBridge, `{"type":"hello","taskId":"t-1","state":"warm","outSeq":9007199254740992}`, "2^53"},
		{"gap beyond all numbers", DecodeFromBridge, `{"type":"gap","from":1,"to":9007199254740992}`, "not a range"},
		{"a window of nothing", DecodeFromClient, `{"type":"resize","cols":0,"rows":24}`, "within"},
		{"a window too large", DecodeFromClient, `{"type":"resize","cols":80,"rows":70000}`, "within"},
		{"a hello from a window without rows", DecodeFromClient, `{"type":"hello","window":{"cols":80}}`, "within"},
		{"a user with a window too large", DecodeToBridge, `{"type":"init_user","userId":"a","sessionId":"s","workspaceDir":"/w","window":{"cols":80,"rows":10001}}`, "within"},
		{"another signal", DecodeFromClient, `{"type":"signal","name":"SEGV"}`, "no signal"},
		{"bytes that are none", DecodeFromBridge, `{"type":"bytes","seq":3,"base64":"%"}`, "not base64"},
		{"bytes of another kind", DecodeFromBridge, `{"type":"bytes","seq":3,"base64":3}`, "must be string"},
		{"no bytes", DecodeFromBridge, `{"type":"bytes","seq":3,"payload":"AA=="}`, "no payload"},
		{"ack without seq", DecodeFromClient, `{"type":"ack"}`, "no seq"},
		{"session id with a slash", DecodeFromClient, `{"type":"hello","sessionId":"../x"}`, "sessionId: 4 bytes"},
		{"session id too long", DecodeFromClient, `{"type":"hello","sessionId":"` + long + `"}`, "129 bytes"},
		{"session id with a NUL", DecodeFromClient, `{"type":"hello","sessionId":"a\u0000b"}`, "3 bytes"},
		{"empty token", DecodeFromClient, `{"type":"token","token":""}`, "no token"},
		{"gap backwards", DecodeFromBridge, `{"type":"gap","from":5,"to":4}`, "not a range"},
		{"bridge without a task", DecodeFromBridge, `{"type":"hello","state":"warm"}`, "taskId"},
		{"bridge with a level that is no name", DecodeFromBridge, `{"type":"hello","taskId":"t-1","state":"warm","isolation":"path\n"}`, "isolation: not a list"},
		{"bridge with levels without end", DecodeFromBridge, `{"type":"hello","taskId":"t-1","state":"warm","isolation":"` + strings.Repeat("uid,", 30) + `"}`, "isolation: not a list"},
		{"bridge in no state", DecodeFromBridge, `{"type":"hello","taskId":"t-1","state":"lost"}`, "none of warm, assigned and failed"},
		{"assigned to nobody", DecodeFromBridge, `{"type":"hello","taskId":"t-1","state":"assigned"}`, "userId"},
		{"ready before it began", DecodeFromBridge, `{"type":"ready","sessionId":"s","timings":{"agentMs":-1}}`, "timings"},
		{"ready after ages", DecodeFromBridge, `{"type":"ready","sessionId":"s","timings":{"tokenMs":9223372036854775807}}`, "timings"},
		{"user with a line break", DecodeToBridge, `{"type":"init_user","userId":"a\nb","sessionId":"s","workspaceDir":"/w"}`, "userId"},
		{"empty pass", DecodeToBridge, `{"type":"pass","pass":""}`, "no pass"},
		{"no workspace", DecodeToBridge, `{"type":"init_user","userId":"a","sessionId":"s"}`, "no workspaceDir"},
	} {
		t.Run(test.name, func(t *testing.T) {
			frame, err := test.decode([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %#v, %v; want an error with %q", frame, err, test.says)
			}
		})
	}
}

// TestNamesMatchExactly: two readers of one frame must not understand different things. Names that differ in case, or in a
// letter that Unicode folds, are other names, and no name comes twice.
func TestNamesMatchExactly(t *testing.T) {
	for _, text := range []string{
		`{"type":"data","seq":1,"payload":"good","PAYLOAD":"evil"}`, `{"type":"data","seq":1,"Payload":"evil","payload":"good"}`,
		`{"type":"data","SEQ":9,"seq":1,"payload":"good"}`, `{"TYPE":"ack","type":"data","\u017feq":9,"seq":1,"payload":"good"}`,
		"{\"type\":\"data\",\"\u017feq\":9,\"seq\":1,\"payload\":\"good\"}", `{"type":"data","seq":1,"payload":"good","extra":{"payload":"evil"}}`,
	} {
		frame, err := DecodeFromClient([]byte(text))
		if want := (Data{Seq: 1, Payload: []byte(`"good"`)}); err != nil || !reflect.DeepEqual(frame, want) {
			t.Errorf("%s: %#v, %v", text, frame, err)
		}
	}
	for _, test := range []struct {
		text string
		want Frame
	}{
		{"{\"type\":\"token\",\"to\u212aen\":\"evil\",\"token\":\"good\"}", Token{Token: "good"}},
		{`{"type":"hello","lastSeq":1,"lastseq":2,"LASTSEQ":3}`, Hello{LastSeq: 1}},
		{`{"type":"ping","ID":"evil"}`, Ping{}},
	} {
		if frame, err := DecodeFromClient([]byte(test.text)); err != nil || frame != test.want {
			t.Errorf("%s: %#v, %v", test.text, frame, err)
		}
	}
	for _, text := range []string{
		`{"type":"data","seq":1,"payload":1,"payload":2}`, `{"type":"data","type":"ack","seq":1}`, `{"type":"ack","seq":1,"seq":2}`,
		`{"type":"token","token":"a","token":"b"}`, `{"type":"token","token":"a","\u0074oken":"b"}`, `{"type":"ping","x":1,"x":1}`,
	} {
		if frame, err := DecodeFromClient([]byte(text)); err == nil || !strings.Contains(err.Error(), "comes twice") {
			t.Errorf("%s: %#v, %v", text, frame, err)
		}
	}
	// A user's own object is taken as it is.
	frame, err := DecodeFromClient([]byte(`{"type":"data","seq":1,"payload":{"a":1,"a":2}}`))
	if err != nil || string(frame.(Data).Payload) != `{"a":1,"a":2}` {
		t.Errorf("%#v, %v", frame, err)
	}
}

// TestADataFrameThatCannotBeReadKeepsItsNumber, so that whoever gets it can answer for it.
func TestADataFrameThatCannotBeReadKeepsItsNumber(t *testing.T) {
	for _, text := range []string{
		`{"type":"data","seq":7,"payload":` + nested(maxDepth+1) + `}`, `{"seq":7,"type":"data","payload":` + nested(maxDepth+1) + `}`,
		`{"payload":` + nested(maxDepth+1) + `,"seq":7,"type":"data"}`, `{"type":"data","payload":` + nested(2*maxDepth) + `,"seq":7}`,
		`{"type":"data","payload":{"a":["]}\"\\",]},"seq":7,"x":{}}`, `{"type":"data","payload":1,"p\u0061yload":2,"seq":7}`,
		`{"payload":"\"[{","x":1,"x":[],"seq":7,"type":"bytes"}`, `{"type":"data","more":1,"seq":7,"seq":8,"payload":1}`,
		`{"type":"data","seq":7,"payload":{"a":}}`, `{"type":"data","seq":7,"payload":tru}`,
		`{"type":"data","seq":7}`, `{"type":"data","seq":7,"payload":1} x`, "{\"type\":\"data\",\"seq\":7,\"payload\":\"\xff\"}",
	} {
		var unreadable *UnreadableError
		if _, err := DecodeFromBridge([]byte(text)); !errors.As(err, &unreadable) || unreadable.Seq != 7 {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

// TestValidPayloadsCanBeFrames holds what a bridge asks of an agent's line to what decoders take.
func TestValidPayloadsCanBeFrames(t *testing.T) {
	for _, payload := range []string{
		`1`, ` [ 1 ] `, nested(maxDepth), nested(maxDepth + 1), strings.Repeat("[", 20_000), strings.Repeat("[]", 20_000), `"` + strings.Repeat(`[\"{`, 20_000) + `"`,
		`[` + strings.Repeat(`[],`, 12_000) + `1]`, `"\ud800"`, "\"\xff\"", `{"a":1,"a":2}`, `nul`, ``, ` `, `1 2`, `"a`, "\ufeff1", "1\n",
	} {
		frame := AppendFrame(nil, Data{Seq: 1, Payload: []byte(payload)})
		_, err := DecodeToClient(frame)
		if (err == nil) != ValidPayload([]byte(payload)) {
			t.Errorf("%.40q is valid: %v, but as a frame: %v", payload, ValidPayload([]byte(payload)), err)
		}
		if err == nil && !json.Valid(frame) {
			t.Errorf("%.40q: another decoder does not take the frame", payload)
		}
	}
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func BenchmarkDecodeData(b *testing.B) {
	for _, size := range []int{100, 16_000} {
		frame := AppendFrame(nil, Data{Seq: 12345, Payload: []byte(`"` + strings.Repeat("x", size) + `"`)})
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				if _, err := DecodeFromBridge(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestFreeTextIsBounded: what a peer says of itself goes into logs and to others, and a bridge may lie.
func TestFreeTextIsBounded(t *testing.T) {
	long := strings.Repeat("ä", 200_000)
	for _, test := range []struct {
		decode func([]byte) (Frame, error)
		frame  Frame
		text   func(Frame) string
		max    int
	}{
		{DecodeFromBridge, InitFailed{Code: "agent", Message: long}, func(f Frame) string { return f.(InitFailed).Message }, maxText},
		{DecodeFromBridge, InitFailed{Code: long}, func(f Frame) string { return f.(InitFailed).Code }, maxWord},
		{DecodeFromBridge, Exit{Stderr: long + "the end"}, func(f Frame) string { return f.(Exit).Stderr }, maxStderr},
		{DecodeFromBridge, Exit{Signal: long}, func(f Frame) string { return f.(Exit).Signal }, maxWord},
		{DecodeFromBridge, BridgeHello{TaskID: "t-1", State: BridgeWarm, Version: long}, func(f Frame) string { return f.(BridgeHello).Version }, maxWord},
		{DecodeToBridge, Stop{Reason: long}, func(f Frame) string { return f.(Stop).Reason }, maxText},
		{DecodeToClient, Error{Message: long}, func(f Frame) string { return f.(Error).Message }, maxText},
	} {
		got, err := test.decode(AppendFrame(nil, test.frame))
		if err != nil {
			t.Fatal(err)
		}
		if text := test.text(got); len(text) > test.max || len(text) < test.max-4 || !utf8.ValidString(text) {
			t.Errorf("%T: %d bytes of at most %d", test.frame, len(text), test.max)
		}
		if exit, ok := got.(Exit); ok && exit.Stderr != "" && !strings.HasSuffix(exit.Stderr, "the end") {
			t.Errorf("the end of standard error is lost: %.20q", exit.Stderr)
		}
	}
}

func TestUnknownTypesAndFieldsAreIgnored(t *testing.T) {
	frame, err := DecodeFromClient([]byte(`{"type":"dance","tempo":3}`))
	if err != nil || frame != (Unknown{Type: "dance"}) {
		t.Errorf("got %#v, %v", frame, err)
	}
	// A frame of the other direction is unknown too.
	if frame, err := DecodeFromClient([]byte(`{"type":"init_user"}`)); err != nil || frame != (Unknown{Type: "init_user"}) {
		t.Errorf("got %#v, %v", frame, err)
	}
	if frame, err := DecodeFromClient([]byte(`{"type":"ack","seq":1,"new":{}}`)); err != nil || frame != (Ack{Seq: 1}) {
		t.Errorf("got %#v, %v", frame, err)
	}
}

// Errors go to peers and logs, so they must not quote what may be a token.
func TestErrorsDoNotQuoteTheFrame(t *testing.T) {
	for _, text := range []string{
		`{"type":"token","token":{"hunter2":1}}`, `{"type":"token","token":"hunter2`, `{"type":"hello","sessionId":"hunter2/"}`,
		`hunter2`, `{"type":"token","token":"hunter2","token":5}`,
	} {
		if _, err := DecodeFromClient([]byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	init := InitUser{Token: "hunter2"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, init); strings.Contains(text, "hunter2") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func TestWorkspaceNames(t *testing.T) {
	seen := map[string]UserID{}
	for _, user := range []UserID{
		"alice", "Alice", "a.b-c_d", "..", ".", "../alice", "alice/", "a/b", "~alice", "auth0|123", "ünï", "u\u0308ni",
		UserID(WorkspaceName("..")), UserID(strings.Repeat("a", 128)), UserID(strings.Repeat("a", 129)), " alice", "-rf",
	} {
		name := WorkspaceName(user)
		if strings.ContainsAny(name, "/\x00") || name == "." || name == ".." || len(name) > 255 {
			t.Errorf("%q becomes %q", user, name)
		}
		if ValidID(string(user)) != (name == string(user)) {
			t.Errorf("%q becomes %q", user, name)
		}
		if other, taken := seen[name]; taken {
			t.Errorf("%q and %q share %q", user, other, name)
		}
		seen[name] = user
	}
}

// fuzz checks what every decoder promises: it never panics, what it takes can be sent on and means the same there, and
// it keeps nothing of the caller's buffer.
func fuzz(f *testing.F, decode func([]byte) (Frame, error)) {
	for _, seed := range frames {
		f.Add([]byte(seed.text))
	}
	f.Add([]byte(`{"type":"data","payload":"\ud800"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		frame, err := decode(raw)
		if err != nil {
			return
		}
		if _, unknown := frame.(Unknown); unknown {
			return
		}
		text := AppendFrame(nil, frame)
		if !json.Valid(text) {
			t.Fatalf("%q was sent on as %q", raw, text)
		}
		clear(raw)
		again, err := decode(text)
		if err != nil || !reflect.DeepEqual(frame, again) {
			t.Fatalf("%#v became %#v, %v", frame, again, err)
		}
	})
}

func FuzzDecodeFromClient(f *testing.F) { fuzz(f, DecodeFromClient) }
func FuzzDecodeToClient(f *testing.F)   { fuzz(f, DecodeToClient) }
func FuzzDecodeFromBridge(f *testing.F) { fuzz(f, DecodeFromBridge) }
func FuzzDecodeToBridge(f *testing.F)   { fuzz(f, DecodeToBridge) }

func BenchmarkRelay(b *testing.B) {
	raw := []byte(`{"type":"data","seq":123456,"payload":"` + strings.Repeat("x", 200) + `"}`)
	var out []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		frame, err := DecodeFromBridge(raw)
		if err != nil {
			b.Fatal(err)
		}
		out = AppendFrame(out[:0], frame)
	}
}

// TestPlainStrings holds the quick look at eight bytes to a look at each: every byte at every place, after every neighbour.
func TestPlainStrings(t *testing.T) {
	for length := range 20 {
		for place := range length {
			for c := range 256 {
				text := []byte(`"` + strings.Repeat("~", length) + `"`)
				text[1+place] = byte(c)
				if place > 0 {
					text[place] = byte(' ' + c%3) // '"' is among them
				}
				want := json.Valid(text) && !strings.ContainsFunc(string(text), func(r rune) bool { return r == '\\' || r >= utf8.RuneSelf })
				if got := isPlainString(text); got != want {
					t.Fatalf("%q: %v", text, got)
				}
			}
		}
	}
}

func TestExitsHaveNamesWithinBounds(t *testing.T) {
	for _, test := range []struct {
		exit Exit
		want string
	}{
		{Exit{}, "0"}, {Exit{Code: 3}, "3"}, {Exit{Code: 255}, "255"}, {Exit{Code: 137, Signal: "SIGKILL"}, "SIGKILL"},
		{Exit{Code: -1}, "other"}, {Exit{Code: 256}, "other"}, {Exit{Code: 1, Signal: "SIGWHATEVER"}, "other"}, {Exit{Signal: "SIGCHLD"}, "other"},
	} {
		if got := test.exit.End(); got != test.want {
			t.Errorf("%+v is %q, want %q", test.exit, got, test.want)
		}
	}
}
