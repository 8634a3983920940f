package scenario

import (
	"fmt"
	"math"
	"time"

	"hearth/messages/wire"
	"hearth/sim/model"
)

// die ends a task at once, as a crash of its container does.
//
//	die t1 "OutOfMemoryError"
func (e *env) die(a *arguments) error {
	t, err := e.task(a.word(0, ""))
	if err != nil {
		return err
	}
	t.Die(a.word(1, "OutOfMemoryError: container killed"))
	e.settle()
	return nil
}

// evict has an operator stop a task, as with StopTask.
//
//	evict t1
func (e *env) evict(a *arguments) error {
	t, err := e.task(a.word(0, ""))
	if err != nil {
		return err
	}
	t.Evict()
	e.settle()
	return nil
}

// hang has a task's bridge do nothing any more.
//
//	hang t1
func (e *env) hang(a *arguments) error {
	t, err := e.task(a.word(0, ""))
	if err != nil {
		return err
	}
	if !t.Hang() {
		return fmt.Errorf("it has no bridge, or that has a user")
	}
	return nil
}

// cutOff keeps a task from everybody, gateways and ECS alike, for a while or for ever.
//
//	cut-off t1 for=1m
func (e *env) cutOff(a *arguments) error {
	t, err := e.task(a.word(0, ""))
	if err != nil {
		return err
	}
	var d time.Duration
	if err := a.duration("for", &d); err != nil {
		return err
	}
	t.CutOff(d)
	e.settle()
	return nil
}

// cut cuts the socket of a task's bridge. Each end notices in its own time.
//
//	cut t1 gateway=0s bridge=3s in=1s
func (e *env) cut(a *arguments) error {
	t, err := e.task(a.word(0, ""))
	if err != nil {
		return err
	}
	if t.Link() == nil {
		return fmt.Errorf("it has no socket")
	}
	return e.cutLink(t.Link(), a, "bridge")
}

// exit ends a task's agent, as if by itself.
//
//	exit t1 code=1 stderr="out of memory"
func (e *env) exit(a *arguments) error {
	t, err := e.task(a.word(0, ""))
	if err != nil {
		return err
	}
	code := 0
	if err := a.number("code", &code); err != nil {
		return err
	}
	t.AgentEnds(wire.Exit{Code: code, Stderr: a.text("stderr", "")})
	e.settle()
	return nil
}

// bridges says what is wrong with the bridges that begin from now on.
//
//	bridges deaf
//	bridges failing code=agent
//	bridges unfit code=agent
//	bridges failing user=al
//	bridges failing now
//	bridges well
func (e *env) bridges(a *arguments) error {
	e.model.Bridges(func(o *model.BridgeOptions) {
		o.Unfit, o.Deaf, o.Stuck, o.Failing, o.WrongAddress = 0, 0, 0, 0, 0
		o.FailCode, o.Outage = a.text("code", ""), model.Outage{User: wire.UserID(a.text("user", ""))}
		switch {
		case o.Outage.User != "", a.has("now"): // also those that there are
			a.has("failing")
			o.Outage.Until = math.MaxInt64
		case a.has("unfit"):
			o.Unfit = 1
		case a.has("deaf"):
			o.Deaf = 1
		case a.has("stuck"):
			o.Stuck = 1
		case a.has("failing"):
			o.Failing = 1
		case a.has("wrong-address"):
			o.WrongAddress = 1
		default:
			a.has("well")
		}
	})
	return nil
}

// capture has a task's agent take its bridge over: from the next dial on it claims to be warm.
//
//	capture t1
//	capture t1 pass=forged
//	capture t1 pass-of=t2
func (e *env) capture(a *arguments) error {
	t, err := e.task(a.word(0, ""))
	if err != nil {
		return err
	}
	pass, err := e.pass(a)
	if err != nil {
		return err
	}
	if !t.Capture(pass) {
		return fmt.Errorf("it has no agent that could")
	}
	return nil
}

// pass is what a bridge shows that should not have it: made up, or another task's.
func (e *env) pass(a *arguments) (wire.Secret, error) {
	of := a.text("pass-of", "")
	if of == "" {
		return wire.Secret(a.text("pass", "")), nil
	}
	t, err := e.task(of)
	if err != nil {
		return "", err
	}
	return t.Pass(), nil
}

// impostor has a bridge dial of which this gateway knows nothing, or that claims to be one it knows.
//
//	impostor task=t-unknown
//	impostor task=t1 session=s1 user=alice binding=forged
//	impostor task=t1 pass=forged
func (e *env) impostor(a *arguments) error {
	pass, err := e.pass(a)
	if err != nil {
		return err
	}
	hello := wire.BridgeHello{
		State: wire.BridgeWarm, TaskID: wire.TaskID(e.id(a.text("task", "t-unknown"))), Pass: pass,
	}
	if session := a.text("session", ""); session != "" {
		hello.State, hello.SessionID = wire.BridgeAssigned, wire.SessionID(e.id(session))
		hello.UserID, hello.Binding = wire.UserID(a.text("user", "mallory")), a.text("binding", "forged")
	}
	e.model.Impostor(hello, func(frame wire.Frame, code wire.CloseCode) {
		if frame != nil {
			e.line("forged", "is told", e.narrator.Frame(frame))
		} else {
			e.line("forged", "closed", fmt.Sprint(code))
		}
	})
	e.settle()
	return nil
}

// id is what a short name stands for, or the name itself.
func (e *env) id(name string) string {
	if id := e.narrator.ID(name); id != "" {
		return id
	}
	return name
}

// agent tells of the agent of a task that nobody reaches, or that was suspended: it runs, or does not.
func (e *env) agent(t *model.Container, runs bool) {
	switch name := e.narrator.Task(t.Request.Task); {
	case !runs && t.IsSuspended():
		e.line(name, "its agent", "is suspended")
	case runs && t.WasSuspended():
		e.line(name, "its agent", "goes on")
	}
}
