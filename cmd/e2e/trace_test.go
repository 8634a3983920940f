package e2e

import (
	"net/http"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// TestATraceGoesFromTheClientToItsAgent: by the hello, or by the handshake's header. One that is none is passed over.
func TestATraceGoesFromTheClientToItsAgent(t *testing.T) {
	t.Parallel()
	s := openSite(t, agent(`sh -c 'echo "trace $TRACEPARENT"; exec cat'`))
	const trace, other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	ann := s.visit("ann", func(c *client.Config) { c.Traceparent = trace })
	ann.hears("trace " + trace)
	nonsense := s.visit("eve", func(c *client.Config) { c.Traceparent = "00-nonsense" })
	nonsense.hears("trace ")

	header := http.Header{"Authorization": {"Bearer " + string(s.token("bob", time.Hour))}, "Traceparent": {other}}
	for name, test := range map[string]struct {
		hello wire.Hello
		want  string
	}{"the header": {wire.Hello{}, other}, "the hello before the header": {wire.Hello{Traceparent: trace}, trace}} {
		w, status := openWire(t, s.ws+"/ws", header)
		if w == nil {
			t.Fatalf("HTTP %d", status)
		}
		w.says(test.hello)
		hears(w, name, func(d wire.Data) bool { return textOf(d) == "trace "+test.want })
	}
}
