package session

import (
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/stage"
)

func begun(ports *actors.Ports, pool *actor.PID) actor.Actor {
	settings := actors.DefaultSettings()
	return New(ports, &settings, pool, "s", "u", messages.Stand{})
}

// restless is a session that is given no other task when it loses one soon.
func restless(ports *actors.Ports, pool *actor.PID) actor.Actor {
	settings := actors.DefaultSettings()
	settings.ClaimAttempts = 1
	return New(ports, &settings, pool, "s", "u", messages.Stand{})
}

// state is where the session stands.
func state(s *stage.Stage) State { return s.Actor().(*session).state }

// frame comes on the client's socket, when it has one.
func frame(name string, frame wire.Frame) stage.Input {
	return stage.Input{Name: name, Give: func(s *stage.Stage) bool {
		link := s.Actor().(*session).client.link
		s.Tell(&messages.LinkFrame{Link: link, Frame: frame, Bytes: 1})
		return link != 0
	}}
}

// bridge is a frame that the session's task hands on.
func bridge(name string, frame wire.Frame) stage.Input {
	return stage.Tell(name, &messages.FromBridge{Task: "t", Link: 9, Frame: frame, Bytes: 1})
}

var inputs = []stage.Input{
	{Name: "client", Give: func(s *stage.Stage) bool {
		link := s.Actor().(*session).client.link + 1
		s.Tell(&messages.ClientArrived{Link: link, User: "u", Token: "token", Hello: wire.Hello{Acks: true}})
		return true
	}},
	stage.Tell("AdoptSession", &messages.AdoptSession{Task: "t"}),
	frame("frame data", wire.Data{Payload: []byte("1")}), frame("frame ack", wire.Ack{Seq: 1}),
	frame("frame token", wire.Token{Token: "new"}), frame("frame ping", wire.Ping{}), frame("frame close", wire.Close{}),
	frame("frame hello", wire.Hello{}),
	{Name: "LinkWritten", Give: func(s *stage.Stage) bool {
		s.Tell(&messages.LinkWritten{Link: s.Actor().(*session).client.link, Seq: 1, Bytes: 1})
		return true
	}},
	{Name: "LinkClosed", Give: func(s *stage.Stage) bool {
		link := s.Actor().(*session).client.link
		s.Tell(&messages.LinkClosed{Link: link, Cause: "lost"})
		return link != 0
	}},
	stage.Tell("Bound", &messages.Bound{Task: "t", Path: wire.PathWarm}), stage.Tell("Hint", &messages.Hint{Reason: wire.ReasonQueued}),
	stage.Tell("WaitAgain", &messages.WaitAgain{}), stage.Tell("StartFailed", &messages.StartFailed{Code: wire.CodeStartFailed}),
	stage.Tell("TaskActive", &messages.TaskActive{Task: "t", Session: "s"}),
	stage.Tell("TaskDetached", &messages.TaskDetached{Task: "t"}), stage.Tell("TaskReattached", &messages.TaskReattached{Task: "t"}),
	stage.Tell("TaskLost", &messages.TaskLost{Task: "t", Reason: "test"}), stage.Tell("TaskMoved", &messages.TaskMoved{Task: "t"}),
	stage.Tell("TaskLost, another", &messages.TaskLost{Task: "another", Reason: "test"}),
	bridge("bridge data", wire.Data{Seq: 1, Payload: []byte("1")}), bridge("bridge ack", wire.Ack{Seq: 1}),
	bridge("bridge gap", wire.Gap{From: 1, To: 2}), bridge("bridge keepalive", wire.Keepalive{}),
	bridge("bridge exit", wire.Exit{Code: 1}), bridge("bridge ready", wire.BridgeReady{}),
	stage.Tell("HostLeaving", &messages.HostLeaving{}), stage.Tell("DrainSession", &messages.DrainSession{}),
	stage.Tell("EndSession", &messages.EndSession{}),
	stage.Ring(actors.TimerDeadline), stage.Ring(timerHint),
}

func path(steps string) []string { return strings.Split(steps, "; ") }

var scenes = []stage.Scene[State]{
	{State: Waiting, Spawn: begun, Path: path("client")},
	{State: Starting, Spawn: begun, Path: path("client; Bound")},
	{State: Active, Spawn: begun, Path: path("client; Bound; TaskActive")},
	{State: Active, Spawn: restless, Path: path("client; Bound; TaskActive; LinkClosed")},
	{State: Reconnecting, Spawn: begun, Path: path("client; Bound; TaskActive; TaskDetached")},
	{State: Reconnecting, Spawn: restless, Path: path("client; Bound; TaskActive; TaskDetached")},
	{State: Adopted, Spawn: begun, Path: path("AdoptSession")},
	{State: Unattended, Spawn: begun, Path: path("AdoptSession; TaskReattached")},
	{State: Parked, Spawn: begun, Path: path("AdoptSession; TaskLost")},
	{State: Exited, Spawn: begun, Path: path("client; Bound; TaskActive; bridge data; bridge exit")},
	{State: Exited, Spawn: begun, Path: path("client; Bound; TaskActive; LinkClosed; bridge exit")},
	{State: ExitedDetached, Spawn: begun, Path: path("client; Bound; TaskActive; bridge data; bridge exit; TaskDetached")},
	{State: Ended, Spawn: begun, Path: path("client; frame close")},
}

var play = stage.Play[State]{Name: actors.SessionName("s"), Scenes: scenes, Inputs: inputs, State: state}

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

// TestALifetimeEndsASessionInEveryState: no state is forgotten by what may come in all.
func TestALifetimeEndsASessionInEveryState(t *testing.T) {
	mortal := func(ports *actors.Ports, pool *actor.PID) actor.Actor {
		settings := actors.DefaultSettings()
		settings.MaxSessionLifetime = time.Hour
		return New(ports, &settings, pool, "s", "u", messages.Stand{})
	}
	for _, scene := range scenes {
		scene.Spawn = mortal
		if scene.State == Ended {
			continue
		}
		s := play.Enter(t, scene, map[[2]State]bool{})
		if s.Ring(timerLifetime); state(s) != Ended {
			t.Errorf("%s: after its lifetime it is %s", scene.State, state(s))
		}
	}
}
