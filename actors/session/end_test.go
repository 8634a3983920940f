package session

import (
	"testing"

	"hearth/cmd/document"
	"hearth/messages"
)

// TestEveryEndHasAFarewell: a client is told of every end, and its socket is closed with a code. A session that has crashed is
// told of by leave.
func TestEveryEndHasAFarewell(t *testing.T) {
	ends := document.Constants(t, "../../messages/pool.go", "EndReason")
	for _, end := range ends {
		farewell, ok := farewells[messages.EndReason(end.Value)]
		switch {
		case end.Value == string(messages.EndCrashed):
		case !ok:
			t.Errorf("no farewell for %s", end.Name)
		case farewell.bye == "" || farewell.code == 0:
			t.Errorf("the farewell of %s says %q and closes with %d", end.Name, farewell.bye, farewell.code)
		}
	}
	if len(farewells) != len(ends)-1 {
		t.Errorf("%d farewells for %d ends", len(farewells), len(ends)-1)
	}
}
