package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// user is a client at a gateway that remembers everything that it was told.
type user struct {
	*client.Session
	t    testing.TB
	name string
	// patience is how long it waits for what is awaited.
	patience time.Duration

	mu     sync.Mutex
	events []client.Event
	more   chan struct{} // closed and replaced with each event
	cursor int           // what was awaited is before it
}

// visit begins a session at a site. Options change the client's configuration.
func (s *site) visit(name string, options ...func(*client.Config)) *user {
	s.t.Helper()
	return connect(s.t, name, append([]func(*client.Config){func(c *client.Config) {
		c.URL, c.Token = s.ws, s.token(name, time.Hour)
	}}, options...)...)
}

// connect begins a session, or resumes one, as the options say.
func connect(t testing.TB, name string, options ...func(*client.Config)) *user {
	t.Helper()
	cfg := client.Config{User: wire.UserID(name), GiveUp: patience}
	for _, option := range options {
		option(&cfg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	session, err := client.Dial(ctx, cfg)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	u := &user{Session: session, t: t, name: name, patience: patience, more: make(chan struct{})}
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		for event := range session.Events() {
			u.mu.Lock()
			u.events = append(u.events, event)
			close(u.more)
			u.more = make(chan struct{})
			u.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		session.Detach()
		<-listening
		if t.Failed() {
			t.Logf("%s was told: %s", name, u.told())
		}
	})
	return u
}

// resume is the option that goes on with a session.
func resume(id wire.SessionID, lastSeq uint64) func(*client.Config) {
	return func(c *client.Config) { c.Resume, c.LastSeq = id, lastSeq }
}

func (u *user) told() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	text := ""
	for _, event := range u.events {
		text += fmt.Sprintf("\n  %T %+v", event, event)
	}
	return text
}

// await gives the first event of the type that comes, after what was awaited before, and for which so is true.
func await[E client.Event](u *user, what string, so func(E) bool) E {
	u.t.Helper()
	deadline := time.After(u.patience)
	for {
		u.mu.Lock()
		for u.cursor < len(u.events) {
			event, ok := u.events[u.cursor].(E)
			u.cursor++
			if ok && so(event) {
				u.mu.Unlock()
				return event
			}
		}
		more := u.more
		u.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			u.t.Fatalf("%s waits in vain for %s; told so far: %s", u.name, what, u.told())
		}
	}
}

// all gives every event of the type so far.
func all[E client.Event](u *user) (found []E) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, event := range u.events {
		if e, ok := event.(E); ok {
			found = append(found, e)
		}
	}
	return found
}

// ready waits until the agent takes input.
func (u *user) ready() wire.Ready {
	u.t.Helper()
	return await(u, "ready", func(wire.Ready) bool { return true })
}

// state waits for a status.
func (u *user) state(state wire.SessionState) wire.Status {
	u.t.Helper()
	return await(u, "status "+string(state), func(s wire.Status) bool { return s.State == state })
}

// failure waits for an error frame with the code.
func (u *user) failure(code wire.ErrorCode) wire.Error {
	u.t.Helper()
	return await(u, "error "+string(code), func(e wire.Error) bool { return e.Code == code })
}

// ended waits for the end of the client's handle.
func (u *user) ended() client.Ended {
	u.t.Helper()
	return await(u, "the end", func(client.Ended) bool { return true })
}

// says sends a line.
func (u *user) says(line string) {
	u.t.Helper()
	payload, err := json.Marshal(line)
	if err != nil {
		u.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := u.Send(ctx, payload); err != nil {
		u.t.Fatalf("%s says %q: %v", u.name, line, err)
	}
}

// hears waits for a line.
func (u *user) hears(line string) wire.Data {
	u.t.Helper()
	return await(u, fmt.Sprintf("output %q", line), func(d wire.Data) bool { return textOf(d) == line })
}

// echoes proves that the session works, with an agent that gives back what it is given.
func (u *user) echoes(line string) {
	u.t.Helper()
	u.says(line)
	u.hears(line)
}

// leaves ends the session.
func (u *user) leaves() {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := u.Close(ctx); err != nil {
		u.t.Fatalf("%s: %v", u.name, err)
	}
}

// textOf is an output's text.
func textOf(d wire.Data) string {
	var text string
	if json.Unmarshal(d.Payload, &text) != nil {
		return string(d.Payload)
	}
	return text
}

// texts are all outputs so far.
func (u *user) texts() (texts []string) {
	for _, d := range all[wire.Data](u) {
		texts = append(texts, textOf(d))
	}
	return texts
}
