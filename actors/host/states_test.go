package host

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/sim/stage"
)

// found is a host that an earlier actor has left in a state, or that is new.
func found(was messages.HostState) stage.Spawn {
	return func(ports *actors.Ports, pool *actor.PID) actor.Actor { return New(ports, pool, "h", was) }
}

// state is where the host stands.
func state(s *stage.Stage) messages.HostState { return s.Actor().(*host).state }

var inputs = []stage.Input{
	stage.Tell("HostSeen", &messages.HostSeen{Host: "h"}), stage.Tell("HostSeen, draining", &messages.HostSeen{Host: "h", Draining: true}),
	stage.Tell("HostMissing", &messages.HostMissing{}), stage.Tell("HostPlaced", &messages.HostPlaced{}),
	stage.Tell("anything else", &messages.HostChanged{}),
}

var scenes = []stage.Scene[messages.HostState]{
	{State: messages.HostInService, Spawn: found("")},
	{State: messages.HostInService, Spawn: found(messages.HostInService), Path: []string{"HostMissing"}},
	{State: messages.HostInService, Spawn: found(""), Path: []string{"HostMissing", "HostSeen"}},
	{State: messages.HostDraining, Spawn: found(messages.HostDraining)},
	{State: messages.HostDraining, Spawn: found(""), Path: []string{"HostSeen, draining", "HostMissing"}},
	{State: messages.HostLost, Spawn: found(""), Path: []string{"HostMissing", "HostMissing"}},
}

var play = stage.Play[messages.HostState]{Name: actors.HostName("h"), Scenes: scenes, Inputs: inputs, State: state}

// TestStates has everything happen in every state.
func TestStates(t *testing.T) { play.Check(t, Transitions) }
