package e2e

import (
	"net/http"
	"testing"
	"time"

	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

// TestASessionEndsWithItsToken: an expired token is asked for anew, another user's is refused, and without a good one the session
// and its task end.
func TestASessionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	s := openSite(t, pool(1, 3), agent("cat"), func(c *gateway.Config) { c.Actors.TokenGrace = time.Second })
	w, status := openWire(t, s.ws+"/ws", http.Header{"Authorization": {"Bearer " + string(s.token("ann", 2*time.Second))}})
	if w == nil {
		t.Fatalf("HTTP %d", status)
	}
	w.says(wire.Hello{})
	session := hears(w, "session", func(wire.Session) bool { return true })
	hears(w, "ready", func(wire.Ready) bool { return true })
	w.says(wire.Token{Token: s.token("bob", time.Hour)})
	hears(w, "that it is another's", func(e wire.Error) bool { return e.Message == "token is another user's" })
	w.says(wire.Token{Token: s.token("ann", 3*time.Second)})
	hears(w, "that it expires", func(e wire.Error) bool { return e.Code == wire.CodeUnauthenticated && e.Retryable })
	w.bye(wire.ByeToken)
	w.closed(wire.CloseUnauthenticated)
	s.awaitStatus("her task is gone", func(p messages.PoolStatus) bool { return p.Pool.Assigned+p.Pool.Stopping == 0 })

	again := s.wire("ann")
	again.says(wire.Hello{SessionID: session.SessionID})
	hears(again, "ready, anew", func(wire.Ready) bool { return true })
	if code, text := s.call(http.MethodDelete, "/api/users/ann?deny=1h", ""); code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
	again.bye(wire.ByeOperator)
	denied := s.wire("ann")
	denied.says(wire.Hello{})
	denied.failure(wire.CodeForbidden)
	denied.closed(wire.CloseNotAllowed)
	if code, _ := s.call(http.MethodDelete, "/api/sessions/"+string(session.SessionID), ""); code != http.StatusNotFound {
		t.Errorf("a session that is over: %d", code)
	}
}
