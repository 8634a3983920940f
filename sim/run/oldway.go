package run

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// What the replaced system does before each RunTask, as its own account has it: an access point of the user's own, 2 s the
// first time and 50 ms from a cache after that; 150 ms to describe the base task definition and 500 ms to register a
// revision of it.
const (
	newAccessPoint    = 2 * time.Second
	cachedAccessPoint = 50 * time.Millisecond
	describeTask      = 150 * time.Millisecond
	registerTask      = 500 * time.Millisecond
)

// oldWay is a launcher that takes these steps before it starts a task.
type oldWay struct {
	actors.Launcher
	simulation *simulation
	// cached are the users that have an access point.
	cached map[wire.UserID]bool
}

func newOldWay(inner actors.Launcher, s *simulation) *oldWay {
	return &oldWay{Launcher: inner, simulation: s, cached: map[wire.UserID]bool{}}
}

// Run starts one task for its user; see actors.Launcher.
func (o *oldWay) Run(to *actor.PID, request messages.RunTask) {
	steps := newAccessPoint
	if o.cached[request.User] {
		steps = cachedAccessPoint
	}
	o.cached[request.User] = true
	o.simulation.model.World.Later(steps+describeTask+registerTask, func() { o.Launcher.Run(to, request) })
}

// Expectation is what the replaced system's authors expect of a scenario's time from hello to ready.
type Expectation struct {
	Scenario string `json:"scenario"`
	// First and Again are for a user's first visit and for later ones.
	First string `json:"first"`
	Again string `json:"again"`
}

// Expectations are the source's table.
var Expectations = []Expectation{
	{"baseline", "12 s", "3 to 5 s"},
	{"phase1", "3 s", "3 s"},
	{"phase2", "260 ms", "260 ms"},
}

// Scenario turns a configuration into a named one: the replaced system (baseline), the shared access point and fixed task
// definition without a pool (phase1), and with it (phase2). It reports false for any other name.
func Scenario(name string, base Config) (Config, bool) {
	base.Name = name
	switch name {
	case "baseline":
		base.Settings.WarmPool, base.OldWay = false, true
	case "phase1":
		base.Settings.WarmPool = false
	case "phase2":
		base.Settings.WarmPool = true
	default:
		return base, false
	}
	return base, true
}
