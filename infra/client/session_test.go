package client

import (
	"testing"

	"hearth/messages"
)

func TestInputsAreNumberedAndResentAfterACut(t *testing.T) {
	bubble(t, func(t *testing.T, g *gateway) {
		s := g.dial(t, Config{})
		defer s.Detach()
		first := receive(t, g.peers)
		for _, line := range []string{`"a"`, `"b"`, `"c"`} {
			if err := s.Send(t.Context(), []byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		if hello := first.greet(t, 0); hello != (messages.Hello{Acks: true}) {
			t.Fatalf("hello is %#v", hello)
		}
		event[messages.Session](t, s)
		first.expect(t, output(1, `"a"`), output(2, `"b"`), output(3, `"c"`))
		first.send(messages.Ack{Seq: 1})
		first.send(output(1, `"A"`))
		event[messages.Data](t, s)
		first.expect(t, messages.Ack{Seq: 1})
		first.cut()

		event[Reconnecting](t, s)
		second := receive(t, g.peers)
		if hello := second.greet(t, 2); hello != (messages.Hello{SessionID: "s1", LastSeq: 1, Acks: true}) {
			t.Fatalf("hello is %#v", hello)
		}
		event[messages.Session](t, s)
		second.expect(t, output(3, `"c"`))
		second.send(messages.Ack{Seq: 3})
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
