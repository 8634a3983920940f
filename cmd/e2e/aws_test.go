package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/infra/gateway"
	"hearth/messages/wire"
)

// What AWS does on its bad days. Whoever waits is told how it stands, gets a clear error by the start deadline at the
// latest, and the next one is served once the day is good again.
func TestRunTaskOnBadDays(t *testing.T) {
	t.Parallel()
	const startTimeout = 3 * time.Second
	for _, test := range []struct {
		name, faults string
		code         wire.ErrorCode
		// says is what the error's message, or else the log of the failed calls, has.
		says string
	}{
		{"fails", `{"api":{"RunTask":{"failureRate":1}}}`, "", "ServerException"},
		{"is denied", `{"api":{"RunTask":{"denied":true}}}`, wire.CodeStartFailed, "AccessDeniedException"},
		{"is throttled", `{"api":{"RunTask":{"throttleRate":1}}}`, wire.CodeStartTimeout, "ThrottlingException"},
		{"hangs", `{"api":{"RunTask":{"hang":true}}}`, wire.CodeStartTimeout, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, warm bool) {
				t.Parallel()
				s := openSite(t, warmPool(warm), pool(0, 10), func(c *gateway.Config) { c.Actors.StartTimeout = startTimeout })
				s.faults(test.faults)
				began := time.Now()
				u := s.visit("ann")
				u.state(wire.StateWaiting)
				failure := await(u, "an error", func(wire.Error) bool { return true })
				// A busy machine may be late; the deadline is the gateway's and not this test's.
				if waited := time.Since(began); waited > startTimeout+patience/4 {
					t.Errorf("ann waited for %v", waited)
				}
				if test.code != "" && failure.Code != test.code || failure.Message == "" {
					t.Errorf("ann is told %+v", failure)
				}
				if failure.Code == wire.CodeStartFailed && !strings.Contains(failure.Message, test.says) {
					t.Errorf("ann is told %+v, which does not say %s", failure, test.says)
				}
				if end := u.ended(); end.Lives || end.Reason != "start_failed" {
					t.Errorf("%+v", end)
				}
				if test.says != "" && !strings.Contains(s.log.String(), test.says) {
					t.Errorf("the log does not say %s", test.says)
				}
				s.faults(`{}`)
				s.served("bob").echoes("all is well")
			})
		})
	}
}

// served visits until there is an agent: a call to AWS that was being repeated when the fault passed pauses for as long as it
// had set out to, which may be longer than a user here waits.
func (s *site) served(name string) *user {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		u := s.visit(name)
		event := await(u, "ready or the end", func(e client.Event) bool { return isA[wire.Ready](e) || isA[client.Ended](e) })
		if isA[wire.Ready](event) {
			return u
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is not served", name)
		}
	}
}

func isA[E client.Event](event client.Event) bool {
	_, ok := event.(E)
	return ok
}

// There is room for two tasks. The third session waits, is told so, and is served when one of the two is over.
func TestOutOfCapacity(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, warm bool) {
		t.Parallel()
		s := openSite(t, warmPool(warm), pool(0, 10))
		s.backend("/_localecs/instances", `{"cluster":"hearth","count":0}`)
		s.backend("/_localecs/instances", `{"cluster":"hearth","count":1,"cpu":1024,"memory":128}`)
		ann, bob := s.visit("ann"), s.visit("bob")
		ann.ready()
		bob.ready()
		eve := s.visit("eve")
		eve.state(wire.StateWaiting)
		eventually(t, "the log says that there is no room", func() bool {
			return strings.Contains(s.log.String(), `"kind":"no_capacity"`)
		})
		ann.leaves()
		eve.ready()
		eve.echoes("there is room for me")
		bob.echoes("and still for me")
	})
}

// A start that takes a while: the client hears that at once and again, with an estimate, and what it says meanwhile is
// given to the agent in the end.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, warm bool) {
		t.Parallel()
		s := openSite(t, warmPool(warm), pool(0, 10), func(c *gateway.Config) { c.Local.StartDelay = 3 * time.Second })
		u := s.visit("ann")
		u.says("one")
		u.says("two")
		first := u.state(wire.StateWaiting)
		if first.Reason != wire.ReasonColdStarting || first.EtaMs <= 0 {
			t.Errorf("the first status is %+v", first)
		}
		again := u.state(wire.StateWaiting)
		if again.EtaMs >= first.EtaMs {
			t.Errorf("the estimate goes from %d to %d ms", first.EtaMs, again.EtaMs)
		}
		if ready := u.ready(); ready.Path != wire.PathCold || ready.Why == "" || ready.ElapsedMs < 3000 {
			t.Errorf("%+v", ready)
		}
		u.hears("one")
		u.hears("two")
		u.echoes("three")
	})
}

// SIGTERM while a task starts: the client that waits for it is told, and nothing is left.
func TestTerminatedDuringAStart(t *testing.T) {
	t.Parallel()
	for _, warm := range []string{"true", "false"} {
		t.Run("ENABLE_WARM_POOL="+warm, func(t *testing.T) {
			t.Parallel()
			dir := sharedDir(t)
			g := startGateway(t, dir, "ENABLE_WARM_POOL="+warm, "LOCAL_START_DELAY=1m", "LOCAL_BRIDGE="+bridgeIn(t, dir))
			w, _ := openWire(t, g.ws+"/ws?user=ann", nil)
			w.says(wire.Hello{})
			hears(w, "status", func(f wire.Status) bool { return f.State == wire.StateWaiting })
			if code, _ := g.get("/readyz"); warm == "true" && code != 503 {
				t.Errorf("/readyz before the first task: %d", code)
			}
			g.signal(syscall.SIGTERM)
			w.bye(wire.ByeDraining)
			w.closed(wire.CloseDraining)
			if code := g.exit(); code != 0 {
				t.Errorf("the gateway exited with %d", code)
			}
			nothingLeft(t, dir)
		})
	}
}
