package scenario

import (
	"fmt"

	"hearth/messages"
	"hearth/sim/model"
)

// script decides what becomes of the next calls of an operation of ECS.
//
//	script RunTask fault=throttled times=3
//	script RunTask fault=timeout carried after=10s
//	script RunTask after=20s
func (e *env) script(a *arguments) error {
	op := a.word(0, "")
	switch op {
	case model.OpRun, model.OpStop, model.OpDescribe, model.OpList, model.OpSweep:
	default:
		return fmt.Errorf("%q is no operation", op)
	}
	outcome := model.Outcome{Fault: messages.LaunchErrorKind(a.text("fault", "")), Carried: a.has("carried")}
	if err := a.duration("after", &outcome.After); err != nil {
		return err
	}
	times := 1
	if err := a.number("times", &times); err != nil {
		return err
	}
	for range times {
		e.model.Cloud.Script(op, outcome)
	}
	return nil
}

// tasks lists the tasks that have not stopped, as ECS sees them, and whom their bridges serve.
//
//	tasks
func (e *env) tasks(*arguments) error {
	for _, t := range e.model.Cloud.Running() {
		line := fmt.Sprintf("%s %s", e.narrator.Task(t.Request.Task), t.Phase())
		if t.Serves() != "" {
			line += fmt.Sprintf(" serves %s with the token %q", e.narrator.Session(t.Serves()), string(t.Token()))
		}
		e.print("%s", line)
	}
	return nil
}
