package model

import (
	"testing"
	"time"

	"hearth/messages/wire"
)

// An agent that says nothing and asks for more time keeps its session; one that only holds its sockets open does not. What
// an agent asks for in the end counts from then on.
func TestAskingForMoreTimeKeepsASessionAlive(t *testing.T) {
	const idle = 10 * time.Minute
	for _, test := range []struct {
		name  string
		asks  time.Duration // the pause between two times; 0 for never
		until time.Duration
		lives time.Duration
	}{
		{"never asks", 0, 0, idle},
		{"asks for an hour", 9 * time.Minute, 63 * time.Minute, 73 * time.Minute},
		{"asks too late", 11 * time.Minute, time.Hour, idle},
	} {
		t.Run(test.name, func(t *testing.T) {
			var tasks []*Container
			o := DefaultOptions()
			o.Agent.Silent = true
			o.Settings.IdleTimeout = idle
			o.Hooks.Launched = func(c *Container) { tasks = append(tasks, c) }
			m := New(o)
			defer m.Close()
			m.World.Advance(time.Minute) // the pool fills
			c := m.Arrive(Visit{User: "ann"})
			var ask func()
			ask = func() {
				for _, task := range tasks {
					if task.Serves() == c.Session && task.Link() != nil {
						task.Link().send(wire.Keepalive{})
					}
				}
				if m.World.Now().Sub(c.ReadyAt) < test.until {
					m.World.Later(test.asks, ask)
				}
			}
			m.World.Advance(time.Second)
			if c.ReadyAt.IsZero() {
				t.Fatal("no agent is ready")
			}
			if test.asks > 0 {
				m.World.Later(test.asks-m.World.Now().Sub(c.ReadyAt), ask)
			}
			m.World.Advance(2 * time.Hour)
			if lived := c.Ended.Sub(c.ReadyAt).Round(time.Second); c.Bye != wire.ByeIdleTimeout || lived != test.lives {
				t.Errorf("it ended with %q after %v, want %v", c.Bye, lived, test.lives)
			}
		})
	}
}

// More sessions at once than may begin in a second: those beyond are told to come later, and nobody else notices.
func TestSessionsBeginAtABoundedRate(t *testing.T) {
	o := DefaultOptions()
	o.Settings.MaxSessionStartsPerSecond = 2
	m := New(o)
	defer m.Close()
	m.World.Advance(time.Minute)
	old := m.Arrive(Visit{User: "old"})
	m.World.Advance(time.Second)
	var clients []*Client
	for _, user := range []wire.UserID{"ann", "bea", "cid", "dot", "eve"} { // each may begin one at once
		clients = append(clients, m.Arrive(Visit{User: user}))
	}
	twin := old.Twin() // resumes a session, and begins none
	m.World.Advance(time.Second)
	begun := 0
	for _, c := range clients {
		switch {
		case !c.Over() && !c.ReadyAt.IsZero():
			begun++
		case c.Error != wire.CodeRateLimited:
			t.Errorf("client %d: %q, error %q", c.Number, c.Ending, c.Error)
		}
	}
	if begun != 2 {
		t.Errorf("%d sessions have begun, want 2", begun)
	}
	if twin.Over() || twin.ReadyAt.IsZero() {
		t.Errorf("a client that resumes: %q, error %q", twin.Ending, twin.Error)
	}
	late := m.Arrive(Visit{User: "bob"})
	m.World.Advance(time.Second)
	if late.Over() || late.ReadyAt.IsZero() {
		t.Errorf("a client that comes a second later: %q, error %q", late.Ending, late.Error)
	}
}
