package scenario

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// resize changes the pool's bounds.
//
//	resize min=1 max=2
func (e *env) resize(a *arguments) error {
	var minimum, maximum int
	if err := a.number("min", &minimum); err != nil {
		return err
	}
	if err := a.number("max", &maximum); err != nil {
		return err
	}
	e.model.Resize(minimum, maximum, func(r *messages.Resized) {
		if r.Problem != "" {
			e.line("ops", "is told", r.Problem)
		}
	})
	e.settle()
	return nil
}

// end has an operator end a session, or all of a user's, who may be kept out for a while.
//
//	end session=s1
//	end user=al deny=5m
func (e *env) end(a *arguments) error {
	request := messages.EndSessions{User: wire.UserID(a.text("user", ""))}
	if session := a.text("session", ""); session != "" {
		request.Session = wire.SessionID(e.narrator.ID(session))
	}
	if err := a.duration("deny", &request.Deny); err != nil {
		return err
	}
	e.model.EndSessions(request, func(ended *messages.Ended) { e.line("ops", "is told", fmt.Sprintf("ended %d", ended.Sessions)) })
	e.settle()
	return nil
}

// revision has new tasks run another revision of their definition.
//
//	revision agent:2
func (e *env) revision(a *arguments) error {
	revision := a.word(0, "")
	if revision == "" {
		return errors.New("revision wants a name")
	}
	e.model.RollOut(messages.Revision(revision))
	e.settle()
	return nil
}

// drain ends everything; or, for an operator who may think better of it, hands it over to another gateway, or ends it.
//
//	drain
//	drain hand-over
//	drain for-now
func (e *env) drain(a *arguments) error {
	switch how := a.word(0, ""); how {
	case "":
		e.model.Drain(func() { e.line("ops", "is told", "drained") })
	case "hand-over", "for-now":
		e.model.StandBack(how == "hand-over")
	default:
		return fmt.Errorf("nobody drains like %q", how)
	}
	e.settle()
	return nil
}

// undrain takes a drain back.
//
//	undrain
func (e *env) undrain(*arguments) error {
	e.model.Undrain()
	e.settle()
	return nil
}

// status shows the pool's numbers, and what else an operator sees first.
//
//	status
func (e *env) status(*arguments) error {
	s := e.model.Status()
	p := s.Pool
	e.print("ready=%d starting=%d assigned=%d stopping=%d waiting=%d target=%d min=%d max=%d draining=%t",
		p.Ready, p.Starting, p.Assigned, p.Stopping, p.Waiting, p.Target, p.Min, p.Max, s.Draining)
	if s.LastFailure != "" {
		e.print("last failure: %s", s.LastFailure)
	}
	for _, t := range s.Tasks {
		e.print("%s %s session=%s", e.narrator.Task(t.ID), t.State, e.narrator.Session(t.Session))
	}
	for _, r := range s.Sessions {
		e.print("%s %s task=%s", e.narrator.Session(r.ID), r.State, e.narrator.Task(r.Task))
	}
	for _, h := range s.Hosts {
		e.print("%s %s slots=%d tasks=%d", h.ID, h.State, h.Slots, h.Tasks)
	}
	return nil
}

// capacity asks what a client that arrived now would be told.
//
//	capacity
func (e *env) capacity(*arguments) error {
	e.model.Ask(&messages.CapacityRequest{}, func(answer any) {
		hint := answer.(*messages.Hint)
		e.print("%s", strings.TrimSpace(fmt.Sprintf("%s eta=%v %s", hint.Reason, hint.Eta, hint.Message)))
	})
	e.settle()
	return nil
}

// crashes has the next task's or session's actor that reports a certain fact panic in the middle of it.
//
//	crash at=assigned
func (e *env) crashes(a *arguments) error {
	e.crash = messages.EventKind(a.text("at", ""))
	if e.crash == "" {
		return fmt.Errorf("at which fact?")
	}
	return nil
}

// restart kills the gateway's process and starts another after a while.
//
//	restart after=2s
func (e *env) restart(a *arguments) error {
	var after time.Duration
	if err := a.duration("after", &after); err != nil {
		return err
	}
	e.model.Restart(after)
	e.settle()
	return nil
}

// deploy has another gateway take over from the present one, which ends when it has handed over what it has, or later.
//
//	deploy timeout=30s
func (e *env) deploy(a *arguments) error {
	timeout := 30 * time.Second
	if err := a.duration("timeout", &timeout); err != nil {
		return err
	}
	e.model.Deploy(timeout, func() { e.line("ops", "is told", "the old gateway has ended") })
	e.settle()
	return nil
}
