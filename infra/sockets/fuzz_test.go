package sockets

import (
	"testing"

	"hearth/infra/auth"
	"hearth/messages"
	"hearth/messages/wire"
)

// FuzzHello takes anything for the first frame of a client and of a bridge. What becomes of it names the user and the task
// that were authenticated, whatever the frame says.
func FuzzHello(f *testing.F) {
	for _, text := range []string{
		`{"type":"hello"}`, `{"type":"hello","sessionId":"s-1","lastSeq":7,"acks":true}`, `{"type":"hello","sessionId":"../s"}`,
		`{"type":"hello","taskId":"t-1","state":"warm"}`, `{"type":"hello","taskId":"t-2","state":"warm"}`,
		`{"type":"hello","taskId":"t-1","state":"assigned","sessionId":"s-1","userId":"ann","binding":"b","inSeq":1,"outSeq":2}`,
		`{"type":"hello","taskId":"t-1","state":"assigned","sessionId":"s-2","userId":"bob","binding":"b"}`,
		`{"type":"hello","taskId":"t-1","taskId":"t-2","state":"warm"}`, `{"type":"data","payload":1}`, `{"type":"init_user"}`, `null`, ``,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if frame, err := wire.DecodeFromClient(text); err == nil {
			arrived, err := greetClient(auth.Client{User: "ann", Token: "token"}, "")(1, frame)
			if a, ok := arrived.(*messages.ClientArrived); err == nil && (!ok || a.User != "ann" || a.Link != 1 || a.Token != "token") {
				t.Fatalf("%q: %+v", text, arrived)
			}
		}
		for _, path := range []wire.SessionID{"", "s-1"} {
			frame, err := wire.DecodeFromBridge(text)
			if err != nil {
				continue
			}
			arrived, err := greetBridge("t-1", path)(1, frame)
			if err != nil {
				continue
			}
			a, ok := arrived.(*messages.BridgeArrived)
			if !ok || a.Hello.TaskID != "t-1" || path != "" && a.Hello.SessionID != path {
				t.Fatalf("%q on the path of %q: %+v", text, path, arrived)
			}
			if a.Hello.State == wire.BridgeAssigned && !wire.ValidUserID(string(a.Hello.UserID)) {
				t.Fatalf("%q: a user %q", text, a.Hello.UserID)
			}
		}
	})
}
