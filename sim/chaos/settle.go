package chaos

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

const (
	// patience is how long everything may take to come right once the faults have stopped: the longest waits there are
	// are those for ECS to stop a task, about ten minutes, and for a socket that nobody has noticed to be dead.
	patience = 30 * minute
	// linesPatience is the same for the lines between clients and agents. It is shorter than the longer of the swarm's idle
	// timeouts: a session that ends idle owes nobody anything, and would hide what it owed.
	linesPatience = 10 * minute
	// hostsPatience is the same for what the pool knows of its hosts: a gateway's restart and a few sweeps.
	hostsPatience = 3 * minute
)

// settle is the second phase: the faults stop, and everything must come right.
func (s *storm) settle() {
	s.tell("the storm is over")
	s.oracle.calm = true
	s.model.Calm()
	for _, t := range s.model.Cloud.Running() {
		if t.IsCaptured() { // it would not end by itself
			t.Reconnect()
		}
	}
	s.becomes("one gateway", 2*maxDeploy, s.pendingDeploy)
	s.becomes("taking sessions", 2*maxBack, s.pendingUndrain)
	s.becomes("told of its hosts", hostsPatience, s.pendingHosts)
	for _, h := range s.model.Cloud.Hosts() {
		h.Activate()
	}
	lines := linesPatience
	if s.weather.options.Settings.IdleTimeout < lines {
		lines = patience
	}
	s.becomes("calm", lines, s.pendingLines)
	s.becomes("full", patience, s.pendingPool)
	if s.oracle.failed() {
		return
	}
	s.tell("all clients leave")
	for _, c := range s.clients {
		c.Leave()
	}
	// Sessions that nobody attends to end idle; their outputs, if there are any, keep none alive for ever.
	s.becomes("empty", patience, s.pendingEmpty)
	if s.oracle.failed() {
		return
	}
	if !s.draining {
		s.drain()
	}
	s.becomes("drained", patience, s.pendingDrained)
	if s.oracle.failed() {
		return
	}
	s.tell("the gateway has ended")
	s.model.End()
	s.becomes("left", patience, s.pendingOrphans)
}

// becomes lets time go by until nothing is pending, within a limit.
func (s *storm) becomes(what string, limit time.Duration, pending func() string) {
	why := ""
	for waited := time.Duration(0); waited < limit && !s.oracle.failed(); waited += 5 * second {
		s.model.World.Advance(5 * second)
		s.forgetClients()
		s.oracle.afterStep()
		if why = pending(); why == "" {
			return
		}
	}
	if !s.oracle.failed() {
		s.oracle.breach("not %s after %v without faults: %s", what, limit, why)
	}
}

// pendingDeploy says whether a gateway is still being replaced.
func (s *storm) pendingDeploy() string {
	if s.model.Deploying() {
		return "it hands over"
	}
	s.oracle.turnTo(s.model.Front())
	return ""
}

// pendingUndrain says whether the gateway drains for an operator.
func (s *storm) pendingUndrain() string {
	if s.model.StandsBack() {
		return "it drains"
	}
	return ""
}

// pendingHosts says which host the pool takes for something that it is not.
func (s *storm) pendingHosts() string {
	if s.draining {
		return ""
	}
	known := map[messages.HostID]messages.HostState{}
	for _, h := range s.model.Status().Hosts {
		known[h.ID] = h.State
	}
	for _, h := range s.model.Cloud.Hosts() {
		is := messages.HostInService
		if h.Draining() {
			is = messages.HostDraining
		}
		if known[h.ID] != is {
			return fmt.Sprintf("%s is %s, and %q to the pool", h.ID, is, known[h.ID])
		}
		delete(known, h.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		return fmt.Sprintf("%s is gone, and %q to the pool", id, known[id])
	}
	return ""
}

// pendingLines says what clients and agents still owe one another.
func (s *storm) pendingLines() string {
	for _, c := range s.clients {
		if why := s.pendingClient(c); why != "" {
			return fmt.Sprintf("client %d of session %s: %s", c.Number, c.Session, why)
		}
	}
	if n := s.model.Unread(); n > 0 {
		return fmt.Sprintf("%d bytes are not credited", n)
	}
	return ""
}

// pendingPool says what the pool lacks.
func (s *storm) pendingPool() string {
	if s.draining {
		return ""
	}
	p, settings := s.model.Status(), &s.oracle.books[s.model.Front()].settings
	known := map[wire.TaskID]bool{}
	for _, t := range p.Tasks {
		known[t.ID] = true
		if t.ARN == "" && t.State != messages.TaskStateStarting {
			return fmt.Sprintf("task %s is %s and its ARN is not known", t.ID, t.State)
		}
		if s.model.Cloud.Task(t.ID) == nil && t.State != messages.TaskStateStarting && t.State != messages.TaskStateStopping {
			return fmt.Sprintf("task %s is %s, and ECS has no such task", t.ID, t.State)
		}
	}
	for _, t := range s.model.Cloud.Running() {
		if !known[t.Request.Task] {
			return fmt.Sprintf("task %s is %s, serves %q, and nobody knows it", s.narrator.Task(t.Request.Task), t.Phase(), t.Serves())
		}
	}
	full := min(settings.Min, p.Pool.Ready+s.model.Cloud.Room())
	least := min(full, settings.Threshold+1)
	if s.oracle.books[s.model.Front()].pool.low {
		least = full
	}
	switch {
	case !settings.WarmPool:
	case p.Pool.Waiting > 0 && full > 0:
		return fmt.Sprintf("%d sessions wait", p.Pool.Waiting)
	case p.Pool.Ready < least:
		return fmt.Sprintf("%d tasks are ready and %d starting, the minimum is %d", p.Pool.Ready, p.Pool.Starting, settings.Min)
	case p.Pool.Ready > settings.Min:
		return fmt.Sprintf("%d tasks are ready and nobody needs them, the minimum is %d", p.Pool.Ready, settings.Min)
	}
	return ""
}

// isElsewhere reports whether a task counts as another gateway's. So does one that was started while a gateway was replaced,
// until its bridge dials.
func (s *storm) isElsewhere(t *model.Container) bool {
	return s.oracle.task(t.Request.Task).elsewhere || s.deploys > 0 && t.Phase() == messages.PhasePending
}

// pendingClient says what a client still waits for.
func (s *storm) pendingClient(c *model.Client) string {
	switch {
	case c.Link() == nil || !c.Link().Healthy():
		if c.Return == nil {
			return "" // it has not noticed yet that it is gone
		}
		if s.turnedAway(c) {
			return ""
		}
		return "it has no socket"
	case !c.Asked.IsZero():
		return "it waits for an agent"
	}
	return s.owed(c)
}

// turnedAway reports whether all of the gateway's places, or of those that the client's user may have, are taken, and none is kept
// for the client. One comes free when a session ends idle, which may be later than lines are waited for.
func (s *storm) turnedAway(c *model.Client) bool {
	if s.draining {
		return false
	}
	status, settings := s.model.Status(), &s.oracle.books[s.model.Front()].settings
	own := 0
	for _, known := range status.Sessions {
		if known.ID == c.Session {
			return false
		}
		if known.User == c.User {
			own++
		}
	}
	return len(status.Sessions) >= settings.MaxSessions || own >= settings.MaxSessionsPerUser
}

// owed says what a client and its agent still owe one another.
func (s *storm) owed(c *model.Client) string {
	if s.oracle.strangers[c] {
		return ""
	}
	if c.Numbers && c.Acked < c.Sent {
		return fmt.Sprintf("input %d of %d is acknowledged", c.Acked, c.Sent)
	}
	for _, t := range s.model.Cloud.Running() {
		if t.Serves() != c.Session || t.Link() == nil || !t.Link().Healthy() {
			continue
		}
		if t.Token() != c.Token && !s.oracle.shared[c.Session] {
			return fmt.Sprintf("its task has the token %q instead of %q", string(t.Token()), string(c.Token))
		}
		if !c.Acks {
			continue
		}
		if t.Produced() > c.Seen {
			return fmt.Sprintf("it saw output %d of %d", c.Seen, t.Produced())
		}
		if n := t.Unacknowledged(); n > 0 {
			return fmt.Sprintf("%d outputs that it has seen are kept", n)
		}
	}
	return ""
}

// pendingEmpty says what is left of the sessions.
func (s *storm) pendingEmpty() string {
	if n := len(s.model.Status().Sessions); n > 0 {
		return fmt.Sprintf("%d sessions are left", n)
	}
	return ""
}

// pendingDrained says what is left of anything that the gateway knows.
func (s *storm) pendingDrained() string {
	for _, t := range s.model.Cloud.Running() {
		if !s.isElsewhere(t) && s.oracle.task(t.Request.Task).gateway == s.model.Front() {
			return fmt.Sprintf("task %s runs on in the cloud", t.Request.Task)
		}
	}
	status := s.model.Status()
	switch {
	case len(status.Tasks)+len(status.Sessions) > 0:
		return fmt.Sprintf("%d tasks and %d sessions are left", len(status.Tasks), len(status.Sessions))
	case !s.drained:
		return "whoever asked for the drain was not told"
	case s.model.Links() > 0:
		return fmt.Sprintf("%d sockets are open", s.model.Links())
	}
	return ""
}

// pendingOrphans says which task runs on that has no user and no gateway: one that was asked for by a gateway that was
// killed, and began when the next one had seen all that there was and had drained. Its bridge ends it in its own time.
func (s *storm) pendingOrphans() string {
	for _, t := range s.model.Cloud.Running() {
		if t.Serves() == "" {
			return fmt.Sprintf("task %s runs and nobody is its user or its gateway", t.Request.Task)
		}
	}
	return ""
}
