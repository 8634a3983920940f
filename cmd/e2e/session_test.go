package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestIdleTimeout(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm), func(c *gateway.Config) { c.Actors.IdleTimeout = 500 * time.Millisecond })
		u := s.visit("ann")
		u.ready()
		u.echoes("the last word")
		if end := u.ended(); end.Reason != client.EndIdle || end.Lives {
			t.Errorf("%+v", end)
		}
		s.awaitStatus("session and task are gone", func(p messages.PoolStatus) bool {
			return len(p.Sessions) == 0 && p.Pool.Assigned+p.Pool.Stopping == 0
		})
		again := s.visit("ann", resume(u.ID(), 0)) // its user may begin it again
		again.ready()
		again.echoes("back again")
	})
}

// The token is in a file that is the user's alone, from before the agent is ready; a new one replaces it in one step; it is
// gone with the session. Where else it could be is looked for in the end of every test.
func TestTokenFile(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm))
		first := s.token("ann", time.Hour)
		u := s.visit("ann", func(c *client.Config) { c.Token = first })
		u.ready()
		file := filepath.Join(s.workspace("ann"), ".optima", "token.json")
		if got := tokenIn(t, file); got != first {
			t.Error("the file does not have the user's token")
		}
		for path, want := range map[string]fs.FileMode{
			file: 0o600, filepath.Dir(file): fs.ModeDir | 0o700, s.workspace("ann"): fs.ModeDir | 0o700,
		} {
			if info, err := os.Stat(path); err != nil || info.Mode() != want {
				t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
			}
		}
		second := s.token("ann", 2*time.Hour)
		u.Refresh(second)
		eventually(t, "the file has the new token", func() bool { return tokenIn(t, file) == second })
		u.echoes("the same agent")
		u.leaves()
		eventually(t, "the file is gone", func() bool {
			_, err := os.Stat(file)
			return errors.Is(err, fs.ErrNotExist)
		})
	})
}

// tokenIn reads a token file. It is whole at any time.
func tokenIn(t *testing.T, file string) wire.Secret {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var content struct{ Token string }
	if err := json.Unmarshal(text, &content); err != nil {
		t.Fatalf("the token file is not whole: %v", err)
	}
	return wire.Secret(content.Token)
}

// counting is how many lines go through a session while its sockets are cut.
const counting = 2000

// count sends numbered lines while disturb is called again and again, and checks that each comes back once, in order.
func count(t *testing.T, u *user, disturb func()) {
	t.Helper()
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range counting {
			if i%(counting/8) == counting/16 {
				disturb()
			}
			u.says(fmt.Sprint(i))
		}
	})
	u.hears(fmt.Sprint(counting - 1))
	sending.Wait()
	var want []string
	for i := range counting {
		want = append(want, fmt.Sprint(i))
	}
	if got := u.texts(); !slices.Equal(got, want) {
		t.Errorf("%d lines came back for %d", len(got), len(want))
	}
	if gaps := all[wire.Gap](u); len(gaps) > 0 {
		t.Errorf("gaps: %v", gaps)
	}
}

// The client's socket is cut again and again: it resumes by itself, and nothing is lost, doubled or out of order.
func TestClientSocketCut(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm))
		var mu sync.Mutex
		var current net.Conn
		u := s.visit("ann", func(c *client.Config) {
			c.DialNet = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				mu.Lock()
				defer mu.Unlock()
				current = conn
				return conn, err
			}
		})
		u.ready()
		count(t, u, func() {
			mu.Lock()
			defer mu.Unlock()
			_ = current.Close()
		})
		resumed := 0
		for _, ready := range all[wire.Ready](u) {
			if ready.Path == wire.PathResumed {
				resumed++
			}
		}
		if resumed == 0 {
			t.Error("the client was never cut off: the test proves nothing")
		}
		if n := len(s.usedTasks()); n != 1 {
			t.Errorf("%d tasks were used", n)
		}
	})
}

// The bridge's socket is cut again and again: the client is told, and nothing is lost, doubled or out of order.
func TestBridgeSocketCut(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		between := openProxy(t)
		s := openSite(t, warmPool(warm), pool(1, 5), behind(between))
		between.aim(s.gateway.InternalAddr().String())
		u := s.visit("ann")
		u.ready()
		count(t, u, between.cut)
		between.cut()
		u.state(wire.StateReconnecting)
		u.state(wire.StateReady)
		u.echoes("all is well")
		if n := len(s.usedTasks()); n != 1 {
			t.Errorf("%d tasks were used", n)
		}
	})
}

// A client that comes back with another handle is replayed what it had not processed.
func TestResumeFromElsewhere(t *testing.T) {
	s := openSite(t, pool(1, 5))
	u := s.visit("ann")
	u.ready()
	for _, line := range []string{"one", "two", "three"} {
		u.echoes(line)
	}
	u.Detach()
	again := s.visit("ann", resume(u.ID(), 3))
	if ready := again.ready(); ready.Path != wire.PathResumed {
		t.Errorf("%+v", ready)
	}
	again.says("four")
	if four := again.hears("four"); four.Seq != 4 {
		t.Errorf("output %d follows the third", four.Seq)
	}
}
