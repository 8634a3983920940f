package chaos

import (
	"math/rand/v2"
	"slices"
	"time"

	"hearth/actors"
	"hearth/sim/model"
)

// leaseStream sets the dice for leases apart, as policyStream those for the policy.
const leaseStream = 0x6c65617365

// drawLease has leases that are shorter and longer than what else there is to wait for.
func drawLease(s *actors.Settings, seed uint64) {
	d := rand.New(rand.NewPCG(seed, leaseStream))
	s.TaskLease = some(d, 30*second, 30*second, 5*second)
	s.TaskOrphanTTL = some(d, 15*minute, 2*minute)
}

// cutOff keeps a task from everybody: for a while, or until it ends by itself.
func (s *storm) cutOff() {
	t := s.task()
	if t == nil || t.IsCutOff() || t.Serves() == "" && !often(s.dice, 4) {
		return
	}
	d := some(s.dice, time.Duration(1+s.dice.IntN(90))*second, 0)
	s.tell("nobody reaches task %s any more, for %v", s.narrator.Task(t.Request.Task), d)
	s.cuts++
	t.CutOff(d)
}

// fenceBook follows which agents run, and which of the gateway's processes have ended.
type fenceBook struct {
	running []*model.Container
	ended   map[int]time.Time
}

// agent sees a task's agent begin to run, or go on, or run no more. In one workspace there may be several: those of the sessions that
// its user has at the same time. But of each session only one, and none beside it whose task had been given up before its own was given the user, or whose
// session had no gateway then any more: the new agent would write where nobody knows of the other.
//
// A bridge that its agent has captured holds to nothing, and a task that was abandoned is an operator's.
func (o *oracle) agent(t *model.Container, runs bool) {
	b := &o.fences
	if !runs {
		b.running = slices.DeleteFunc(b.running, func(other *model.Container) bool { return other == t })
		return
	}
	for _, other := range b.running {
		if other.User() != t.User() || other.IsCaptured() || t.IsCaptured() || o.task(other.Request.Task).abandoned {
			continue
		}
		switch {
		case other.Serves() == t.Serves():
			o.breach("the agents of tasks %s and %s run at the same time for session %s", o.name(other), o.name(t), t.Serves())
		case o.gaveUpBefore(other, t):
			o.breach("the agent of task %s runs beside that of task %s, which was given up, in the workspace of %s", o.name(t), o.name(other), t.User())
		case o.endedBefore(other, t):
			o.breach("the agent of task %s runs beside that of task %s, whose gateway has ended, in the workspace of %s", o.name(t), o.name(other), t.User())
		}
	}
	b.running = append(b.running, t)
}

// gaveUpBefore reports whether a gateway had given up a task when it gave the user to another. What an earlier one gives up whose
// task a later one has taken over, the later one cannot know: a session may end in the moment in which its bridge moves.
func (o *oracle) gaveUpBefore(other, t *model.Container) bool {
	given := o.task(other.Request.Task)
	return given.dying && given.dyingAt >= given.gateway && !given.dyingSince.After(o.task(t.Request.Task).claimed)
}

// endedBefore reports whether the gateway of a task's session had ended when another task was given the user.
func (o *oracle) endedBefore(other, t *model.Container) bool {
	ended, has := o.fences.ended[o.session(other.Serves()).gateway]
	return has && !ended.After(o.task(t.Request.Task).claimed)
}

// name is a task's in the story.
func (o *oracle) name(t *model.Container) string { return o.storm.narrator.Task(t.Request.Task) }
