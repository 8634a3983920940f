package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

// together runs as many visits at once as there are names, and gives the users in the order of the names.
func (s *site) together(n int, options ...func(*client.Config)) []*user {
	s.t.Helper()
	users := make([]*user, n)
	var visiting sync.WaitGroup
	for i := range users {
		visiting.Go(func() { users[i] = s.visit(fmt.Sprintf("user-%03d", i), options...) })
	}
	visiting.Wait()
	if slices.Contains(users, nil) {
		s.t.FailNow() // visit has said why
	}
	return users
}

// usedTasks are the tasks that were given to sessions, in that order. It fails when one was given twice.
func (s *site) usedTasks() []string {
	s.t.Helper()
	var used []string
	for _, claim := range s.log.lines("task is bound to a session") {
		if slices.Contains(used, claim.Task) {
			s.t.Errorf("task %s was given to two sessions", claim.Task)
		}
		used = append(used, claim.Task)
	}
	return used
}

func TestThreeAtOnceAreWarm(t *testing.T) {
	s := openSite(t)
	s.awaitReady(3)
	users := s.together(3)
	for _, u := range users {
		if ready := u.ready(); ready.Path != wire.PathWarm || ready.Why != "" {
			t.Errorf("%s: %+v", u.name, ready)
		}
		u.echoes("I am " + u.name)
	}
	if used := s.usedTasks(); len(used) != 3 {
		t.Errorf("tasks used: %v", used)
	}
	s.awaitStatus("the pool is full again", func(p messages.PoolStatus) bool { return p.Pool.Ready == 3 && p.Pool.Assigned == 3 })
}

// Ten come at once to a pool of three. The actor, through which they all pass, is the one observer of who came when
// and who was given a task when: the two orders are the same.
func TestTenAtOnceAreServedInOrder(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm))
		if warm {
			s.awaitReady(3)
		}
		for _, u := range s.together(10) {
			ready := u.ready()
			if wantCold := !warm; wantCold && (ready.Path != wire.PathCold || ready.Why != wire.WhyPoolDisabled) {
				t.Errorf("%s: %+v", u.name, ready)
			}
			u.echoes("I am " + u.name)
		}
		if used := s.usedTasks(); len(used) != 10 {
			t.Errorf("tasks used: %v", used)
		}
		if !warm {
			return // each waits for a task of its own, which may be faster than another's
		}
		var came, served []string
		for _, l := range s.log.lines("session begins") {
			came = append(came, l.Session)
		}
		for _, l := range s.log.lines("task is bound to a session") {
			served = append(served, l.Session)
		}
		if !slices.Equal(came, served) {
			t.Errorf("they came as\n%v and were served as\n%v", came, served)
		}
	})
}

// A burst of a hundred is far above what may start at once. Everyone gets a session in the end, or a clear error.
func TestBurstOfHundred(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, warmPool(warm), func(c *gateway.Config) { c.Actors.MaxSessions = 90 })
		var served, refused int
		var mu sync.Mutex
		var visiting sync.WaitGroup
		for i := range 100 {
			visiting.Go(func() {
				u := s.visit(fmt.Sprintf("user-%03d", i), func(c *client.Config) { c.GiveUp = time.Minute })
				outcome := await(u, "a session or an error", func(e client.Event) bool {
					_, ready := e.(wire.Ready)
					failure, failed := e.(wire.Error)
					return ready || failed && failure.Code == wire.CodeOverCapacity
				})
				mu.Lock()
				defer mu.Unlock()
				if _, ready := outcome.(wire.Ready); ready {
					served++
				} else {
					refused++
				}
			})
		}
		visiting.Wait()
		if served != 90 || refused != 10 {
			t.Errorf("%d served and %d refused, of 100 with room for 90", served, refused)
		}
		s.usedTasks()
		if status := s.status(); status.Pool.Assigned != 90 || status.Pool.Ready+status.Pool.Starting > status.Pool.Max {
			t.Errorf("the pool is %+v", status.Pool)
		}
	})
}

// A hundred clients of one user are a hundred sessions, in one workspace, and the hundred and first is told why not.
func TestHundredClientsOfOneUser(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		const bound = 20 // MAX_SESSIONS_PER_USER; a hundred processes more would prove nothing more
		s := openSite(t, warmPool(warm), func(c *gateway.Config) { c.Actors.MaxSessionsPerUser = bound })
		var mu sync.Mutex
		var sessions []*user
		var refused int
		var visiting sync.WaitGroup
		for range 100 {
			visiting.Go(func() {
				u := s.visit("ann")
				first := await(u, "a session or a refusal", func(e client.Event) bool {
					_, begun := e.(wire.Session)
					failure, failed := e.(wire.Error)
					return begun || failed && failure.Code == wire.CodeTooManySessions
				})
				mu.Lock()
				defer mu.Unlock()
				if _, begun := first.(wire.Session); begun {
					sessions = append(sessions, u)
					return
				}
				refused++
				u.Detach()
			})
		}
		visiting.Wait()
		if len(sessions) != bound || refused != 100-bound {
			t.Fatalf("%d sessions and %d refusals", len(sessions), refused)
		}
		for i, u := range sessions {
			u.ready()
			u.echoes(fmt.Sprintf("session %d", i))
		}
		s.visit("bob").ready()
		sessions[0].leaves()
		s.awaitStatus("one of ann's sessions is over", func(p messages.PoolStatus) bool { return len(p.Sessions) == bound })
		s.visit("ann").ready()
	})
}
