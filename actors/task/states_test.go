package task

import (
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/stage"
)

const id = wire.TaskID("t")

// state is where the task stands.
func state(s *stage.Stage) State { return s.Actor().(*task).state }

// started, taken and orphan are the three ways in which a task's actor begins.
func started(ports *actors.Ports, pool *actor.PID) actor.Actor {
	settings := actors.DefaultSettings()
	return New(ports, &settings, pool, messages.RunTask{Task: id})
}

func taken(ports *actors.Ports, pool *actor.PID) actor.Actor {
	settings := actors.DefaultSettings()
	return NewAdopted(ports, &settings, pool, messages.RunTask{Task: id}, messages.ListedTask{Task: id})
}

func orphan(ports *actors.Ports, pool *actor.PID) actor.Actor {
	settings := actors.DefaultSettings()
	return NewOrphan(ports, &settings, pool, messages.RunTask{Task: id}, "arn", "its actor crashed", false)
}

// frame comes on the task's socket, when it has one.
func frame(name string, frame wire.Frame) stage.Input {
	return stage.Input{Name: name, Give: func(s *stage.Stage) bool {
		link := s.Actor().(*task).link
		s.Tell(&messages.LinkFrame{Link: link, Frame: frame, Bytes: 1})
		return link != 0
	}}
}

// dial brings the task's bridge, on socket 1 or, when the task has that, on socket 2.
func dial(name string, hello wire.BridgeHello) stage.Input {
	hello.TaskID = id
	return stage.Input{Name: name, Give: func(s *stage.Stage) bool {
		s.Tell(&messages.BridgeArrived{Link: s.Actor().(*task).link + 1, Hello: hello})
		return true
	}}
}

var inputs = []stage.Input{
	dial("bridge, warm", wire.BridgeHello{State: wire.BridgeWarm}),
	dial("bridge with leases", wire.BridgeHello{State: wire.BridgeWarm, Leases: true}),
	dial("bridge with pass", wire.BridgeHello{State: wire.BridgeWarm, Pass: stage.Pass}),
	dial("bridge with session", wire.BridgeHello{
		State: wire.BridgeAssigned, SessionID: "s", UserID: "u", Binding: stage.Binding,
	}),
	dial("bridge with another session", wire.BridgeHello{
		State: wire.BridgeAssigned, SessionID: "x", UserID: "u", Binding: stage.Binding,
	}),
	frame("frame accepted", wire.Accepted{}), frame("frame ready", wire.BridgeReady{}),
	frame("frame fence", wire.Fence{Tasks: []wire.TaskID{"t-2"}}),
	frame("frame init_failed", wire.InitFailed{Code: wire.InitCodeAgent}), frame("frame data", wire.Data{Seq: 1}),
	frame("frame exit", wire.Exit{}), frame("frame gone", wire.Gone{}), frame("frame pong", wire.Pong{}),
	{Name: "LinkClosed", Give: func(s *stage.Stage) bool {
		link := s.Actor().(*task).link
		s.Tell(&messages.LinkClosed{Link: link, Cause: "lost"})
		return link != 0
	}},
	stage.Tell("Assign", &messages.Assign{Session: "s", User: "u"}), stage.Tell("Assign, fenced", &messages.Assign{Session: "s", User: "u", Fence: true}),
	stage.Tell("Proceed", &messages.Proceed{}), stage.Tell("Adopt", &messages.Adopt{Session: "s", User: "u"}),
	stage.Tell("HandOver", &messages.HandOver{}), stage.Tell("Stay", &messages.Stay{}), stage.Tell("Retire", &messages.Retire{Reason: "test"}), stage.Tell("ToBridge", &messages.ToBridge{Frame: wire.Ack{}}),
	stage.Tell("RunDone", &messages.RunDone{ARN: "arn", Host: "h"}),
	stage.Tell("RunDone, denied", &messages.RunDone{Err: &messages.LaunchError{Kind: messages.LaunchDenied}}),
	stage.Tell("RunDone, no answer", &messages.RunDone{Err: &messages.LaunchError{Kind: messages.LaunchTimeout}}),
	stage.Tell("StopDone", &messages.StopDone{}),
	stage.Tell("StopDone, missing", &messages.StopDone{Missing: true}),
	stage.Tell("StopDone, throttled", &messages.StopDone{Err: &messages.LaunchError{Kind: messages.LaunchThrottled}}),
	stage.Tell("TaskFound", &messages.TaskFound{ARN: "arn", Host: "h"}),
	stage.Tell("TaskDescribed, running", &messages.TaskDescribed{Phase: messages.PhaseRunning, Host: "h"}),
	stage.Tell("TaskDescribed, stopped", &messages.TaskDescribed{Phase: messages.PhaseStopped}),
	stage.Tell("TaskDescribed, failed", &messages.TaskDescribed{Err: &messages.LaunchError{Kind: messages.LaunchUnavailable}}),
	stage.Ring(actors.TimerDeadline), stage.Ring(timerPoll), stage.Ring(timerRetry), stage.Ring(timerLease),
}

func path(steps string) []string {
	if steps == "" {
		return nil
	}
	return strings.Split(steps, "; ")
}

var scenes = []stage.Scene[State]{
	{State: Launching, Spawn: started},
	{State: Awaited, Spawn: taken},
	{State: Redialling, Spawn: started, Path: path("RunDone; bridge, warm; LinkClosed")},
	{State: Ready, Spawn: started, Path: path("bridge, warm")},
	{State: Ready, Spawn: taken, Path: path("bridge with pass")},
	{State: LeavingReady, Spawn: taken, Path: path("bridge with pass; HandOver")},
	{State: LeavingReady, Spawn: taken, Path: path("bridge with pass; HandOver; Stay")},
	{State: Assigned, Spawn: started, Path: path("RunDone; bridge, warm; Assign")},
	{State: Accepted, Spawn: started, Path: path("RunDone; bridge, warm; Assign; frame accepted")},
	{State: Accepted, Spawn: started, Path: path("RunDone; bridge with leases; Assign, fenced; frame accepted")},
	{State: Fenced, Spawn: started, Path: path("RunDone; bridge with leases; Assign, fenced; frame accepted; frame fence")},
	{State: Active, Spawn: started, Path: path("RunDone; bridge, warm; Assign; frame ready")},
	{State: Detached, Spawn: started, Path: path("RunDone; bridge, warm; Assign; frame ready; LinkClosed")},
	{State: Adopted, Spawn: taken, Path: path("Adopt")},
	{State: Adopted, Spawn: taken, Path: path("bridge with pass; HandOver; Adopt")},
	{State: Resuming, Spawn: taken, Path: path("Adopt; bridge with session")},
	{State: LeavingActive, Spawn: started, Path: path("RunDone; bridge, warm; Assign; HandOver; frame ready")},
	{State: LeavingActive, Spawn: started, Path: path("RunDone; bridge, warm; Assign; frame ready; HandOver; Stay")},
	{State: Finished, Spawn: started, Path: path("RunDone; bridge, warm; Assign; frame ready; frame exit")},
	{State: FinishedDetached, Spawn: started, Path: path("RunDone; bridge, warm; Assign; frame ready; frame exit; LinkClosed")},
	{State: Stopping, Spawn: started, Path: path("Retire")},
	{State: Stopping, Spawn: started, Path: path("RunDone; Retire")},
	{State: Stopping, Spawn: taken, Path: path("Retire")},
	{State: Stopping, Spawn: orphan},
	{State: Stopping, Spawn: started, Path: path("RunDone; bridge with leases; Assign; frame ready; Retire")},
	{State: Stopping, Spawn: started, Path: path("RunDone; bridge with leases; Assign; frame ready; LinkClosed; Retire")},
	{State: Lingering, Spawn: started, Path: path("RunDone; bridge with leases; Assign; frame ready; Retire; StopDone")},
	{State: Lingering, Spawn: started, Path: path("RunDone; bridge with leases; Assign; frame ready; LinkClosed; Retire; StopDone")},
	{State: Lingering, Spawn: started, Path: path("RunDone; bridge, warm; Assign; frame ready; LinkClosed; Retire; StopDone")},
	{State: Gone, Spawn: orphan, Path: path("StopDone")},
	{State: Moved, Spawn: taken, Path: path("HandOver")},
}

var play = stage.Play[State]{Name: actors.TaskName(id), Scenes: scenes, Inputs: inputs, State: state}

// TestEveryStateIsReported: what is told outside has a word for each.
func TestEveryStateIsReported(t *testing.T) {
	for _, way := range Transitions.All() {
		if way.To.Reported() == "" {
			t.Errorf("%s has no row in Reported", way.To)
		}
	}
}

// TestStates has everything happen in every state.
func TestStates(t *testing.T) { play.Check(t, Transitions) }

// TestAWayThatIsNotInTheTableIsACrash: the actor does not go on in a state that nobody has thought of.
func TestAWayThatIsNotInTheTableIsACrash(t *testing.T) {
	s := stage.Begin(actors.TaskName(id), started)
	defer func() {
		if recover() == nil || state(s) != Launching {
			t.Errorf("from launching it went to %s", state(s))
		}
	}()
	s.Actor().(*task).becomeFinished()
}
