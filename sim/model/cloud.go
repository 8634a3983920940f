package model

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/world"
)

// The operations of the cloud, as errors and scripts name them.
const (
	OpRun      = "RunTask"
	OpStop     = "StopTask"
	OpDescribe = "DescribeTasks"
	OpList     = "ListTasks"
)

// remembered is how long a stopped task can at least be described and its start be repeated. ECS's own is about an hour.
const remembered = 15 * time.Minute

// Cloud is ECS and the hosts.
type Cloud struct {
	model   *Model
	world   *world.World
	options *CloudOptions
	random  *rand.Rand
	fleet   *fleet
	tasks   map[wire.TaskID]*Container
	// running are those of them that have not stopped, the oldest first; stopped the others, in the order in which they stopped.
	running, stopped []*Container
	// made counts all that ever were.
	made int
	// account is what is left of the account's rate; throttled counts the attempts that it refused.
	account   bucket
	throttled int
	// script is what is to happen to the next calls, by operation.
	script map[string][]Outcome
	// revision is what new tasks run, empty in a world in which nobody asks.
	revision messages.Revision
}

// Outcome is what becomes of a call that a script has a say in.
type Outcome struct {
	// Fault fails the call; empty lets it succeed.
	Fault messages.LaunchErrorKind
	// Carried has a failed call carried out nevertheless.
	Carried bool
	// After is how long the call takes; 0 is what it would take anyway.
	After time.Duration
}

func newCloud(m *Model) *Cloud {
	c := &Cloud{
		model: m, world: m.World, options: &m.options.Cloud, random: m.World.Stream("cloud"),
		tasks: map[wire.TaskID]*Container{}, script: map[string][]Outcome{},
		account: bucket{Rate: m.options.Cloud.Rates.Account},
	}
	c.fleet = newFleet(c)
	return c
}

// Script decides what becomes of the next calls of an operation, in order.
func (c *Cloud) Script(op string, outcomes ...Outcome) {
	c.script[op] = append(c.script[op], outcomes...)
}

// Live is the number of tasks that have not stopped, Made of all that ever were.
func (c *Cloud) Live() int { return len(c.running) }

// Made is the number of tasks that ever were.
func (c *Cloud) Made() int { return c.made }

// Throttled is the number of attempts that ECS has refused for the account's rate.
func (c *Cloud) Throttled() int { return c.throttled }

// Task is a task by its id, nil when there is none or it was forgotten.
func (c *Cloud) Task(id wire.TaskID) *Container { return c.tasks[id] }

// Running are the tasks that have not stopped, the oldest first.
func (c *Cloud) Running() []*Container { return slices.Clone(c.running) }

// drop takes a task from those that run.
func (c *Cloud) drop(t *Container) {
	i, _ := slices.BinarySearchFunc(c.running, t.number, func(other *Container, number int) int { return other.number - number })
	c.running = slices.Delete(c.running, i, i+1)
}

// ecs is the cloud as one process of the gateway calls it; it implements actors.Launcher and actors.Fleet.
type ecs struct {
	cloud   *Cloud
	gateway *gateway
}

// Run starts one task; see actors.Launcher.
func (c ecs) Run(to *actor.PID, request messages.RunTask) {
	if hook := c.cloud.model.options.Hooks.Launch; hook != nil {
		hook(request)
	}
	done := &messages.RunDone{Task: request.Task}
	c.call(OpRun, c.cloud.options.Run, func() *messages.LaunchError {
		t, err := c.cloud.start(request, c.gateway)
		if err == nil {
			done.ARN, done.Host, done.Revision = t.ARN, t.host, t.revision
		}
		return err
	}, func(err *messages.LaunchError) {
		if err != nil {
			*done = messages.RunDone{Task: request.Task, Err: err}
		}
		c.gateway.send(to, done)
	})
}

// Stop stops one task; see actors.Launcher.
func (c ecs) Stop(to *actor.PID, task wire.TaskID, arn, reason string) {
	done := &messages.StopDone{Task: task}
	c.call(OpStop, c.cloud.options.Stop, func() *messages.LaunchError {
		if t := c.cloud.byARN(arn); t != nil && c.cloud.isVisible(t) {
			t.stop(reason)
		} else {
			done.Missing = true
		}
		return nil
	}, func(err *messages.LaunchError) {
		done.Err = err
		c.gateway.send(to, done)
	})
}

// List tells all tasks that have not stopped; see actors.Launcher.
func (c ecs) List(to *actor.PID) {
	c.call(OpList, nil, func() *messages.LaunchError { return nil }, func(err *messages.LaunchError) {
		listed := &messages.TasksListed{Err: err}
		if err == nil {
			listed.Tasks = make([]messages.ListedTask, 0, len(c.cloud.running))
			for _, t := range c.cloud.running {
				if c.cloud.model.isOthers(t, c.gateway) || !c.cloud.isVisible(t) || t.told {
					continue
				}
				listed.Tasks = append(listed.Tasks, messages.ListedTask{
					Task: t.Request.Task, ARN: t.ARN, Phase: t.phase, Host: t.host,
					Session: t.Request.Session, User: t.Request.User, Revision: t.revision,
					Unhealthy: t.isUnhealthy(),
				})
			}
		}
		c.gateway.send(to, listed)
	})
}

// Describe asks where a task stands; see actors.Launcher.
func (c ecs) Describe(to *actor.PID, task wire.TaskID, arn string) {
	described := &messages.TaskDescribed{Task: task, Phase: messages.PhaseMissing}
	c.call(OpDescribe, c.cloud.options.Describe, func() *messages.LaunchError {
		if t := c.cloud.byARN(arn); t != nil && c.cloud.isVisible(t) {
			described.Phase, described.Host, described.Reason = t.phase, t.host, t.reason
			described.HostGone = t.on != nil && t.on.state == hostGone
		}
		return nil
	}, func(err *messages.LaunchError) {
		if err != nil {
			*described = messages.TaskDescribed{Task: task, Err: err}
		}
		c.gateway.send(to, described)
	})
}

// call plays one call: carry runs in the middle of it if it is carried out, answer at its end, if the process that made
// it is still there.
func (c ecs) call(
	op string, takes Distribution, carry func() *messages.LaunchError, answer func(*messages.LaunchError),
) {
	outcome := c.cloud.outcome(op)
	whole := draw(takes, c.cloud.random)
	half := whole / 2
	if outcome.After > 0 {
		whole = outcome.After
		half = min(half, whole)
	}
	pending := &call{op: op, caller: c.gateway, carry: carry, answer: answer, rest: whole - half}
	turn := time.Duration(0)
	if pending.isModifying() {
		var ok bool
		if turn, ok = c.gateway.lane.turn(c.cloud.world.Elapsed()); !ok {
			outcome = Outcome{Fault: messages.LaunchThrottled}
			whole = 0
		}
	}
	if outcome.Fault != "" {
		pending.fault = &messages.LaunchError{Kind: outcome.Fault, Op: op, Message: faultMessages[outcome.Fault]}
		if !outcome.Carried {
			pending.carry = nil
			c.cloud.world.Schedule(turn+whole, pending)
			return
		}
	}
	c.cloud.world.Schedule(turn+half, pending)
}

// call is a call to ECS that is under way.
type call struct {
	op     string
	caller *gateway
	// throttled counts the SDK's attempts that ECS has refused for the account's rate.
	throttled int
	// carry carries it out, nil when that was done or is not to be. The answer comes a rest later.
	carry  func() *messages.LaunchError
	rest   time.Duration
	answer func(*messages.LaunchError)
	// fault is what its caller is told whatever came of it.
	fault *messages.LaunchError
	err   *messages.LaunchError
}

// Happen carries it out, or is its end.
func (k *call) Happen() {
	cloud := k.caller.model.Cloud
	if k.carry != nil && k.isModifying() && !cloud.account.take(cloud.world.Elapsed()) {
		cloud.throttled++
		if k.throttled++; k.throttled < sdkAttempts {
			cloud.world.Schedule(sdkPause(k.throttled, cloud.random), k)
			return
		}
		k.carry, k.fault = nil, &messages.LaunchError{
			Kind: messages.LaunchThrottled, Op: k.op, Message: faultMessages[messages.LaunchThrottled],
		}
	}
	if k.carry != nil {
		k.err = k.carry()
		k.carry = nil
		k.caller.model.World.Schedule(k.rest, k)
		return
	}
	if k.fault != nil {
		k.err = k.fault
	}
	if !k.caller.dead {
		k.answer(k.err)
	}
}

// isModifying reports whether the call is one of those that share the rate of starts and stops.
func (k *call) isModifying() bool { return k.op == OpRun || k.op == OpStop }

var faultMessages = map[messages.LaunchErrorKind]string{
	messages.LaunchThrottled:   "ThrottlingException: rate exceeded",
	messages.LaunchUnavailable: "ServerException: service unavailable",
	messages.LaunchTimeout:     "no answer",
	messages.LaunchNoCapacity:  "RESOURCE:MEMORY: no container instance has room",
	messages.LaunchDenied:      "AccessDeniedException: not authorized",
	messages.LaunchInvalid:     "ClientException: invalid parameter",
}

// outcome is what becomes of a call: as scripted, or as drawn.
func (c *Cloud) outcome(op string) Outcome {
	if scripted := c.script[op]; len(scripted) > 0 {
		c.script[op] = scripted[1:]
		return scripted[0]
	}
	f := &c.options.Faults
	if slices.Contains(f.DeniedOps, op) {
		return Outcome{Fault: messages.LaunchDenied}
	}
	if f.Throttled+f.Unavailable+f.Lost == 0 {
		return Outcome{}
	}
	switch p := c.random.Float64(); {
	case p < f.Throttled:
		return Outcome{Fault: messages.LaunchThrottled}
	case p < f.Throttled+f.Unavailable:
		return Outcome{Fault: messages.LaunchUnavailable}
	case p < f.Throttled+f.Unavailable+f.Lost:
		return Outcome{Fault: messages.LaunchTimeout, Carried: c.random.IntN(2) == 0, After: f.CallTimeout}
	}
	return Outcome{}
}

// arnPrefix is what an ARN has before the task's id.
const arnPrefix = "arn:task/"

// isVisible reports whether all of ECS knows by now that a task was started.
func (c *Cloud) isVisible(t *Container) bool { return c.world.Elapsed() >= t.visible }

func (c *Cloud) byARN(arn string) *Container {
	return c.tasks[wire.TaskID(strings.TrimPrefix(arn, arnPrefix))]
}

// start carries out a start: the same request again finds the same task.
func (c *Cloud) start(request messages.RunTask, starter *gateway) (*Container, *messages.LaunchError) {
	if t := c.tasks[request.Task]; t != nil {
		return t, nil
	}
	t := &Container{
		Request: request, ARN: arnPrefix + string(request.Task), number: c.made + 1, cloud: c,
		starter: starter, phase: messages.PhasePending, Started: c.world.Now(), revision: c.revision,
	}
	if !c.fleet.accept(t) {
		return nil, &messages.LaunchError{
			Kind: messages.LaunchNoCapacity, Op: OpRun, Message: faultMessages[messages.LaunchNoCapacity],
		}
	}
	c.made++
	c.running = append(c.running, t)
	t.visible = c.world.Elapsed() + draw(c.options.Visible, c.random)
	c.tasks[request.Task] = t
	if hook := c.model.options.Hooks.Launched; hook != nil {
		hook(t)
	}
	return t, nil
}

// forget lets go of the tasks that stopped long ago.
func (c *Cloud) forget() {
	for len(c.stopped) > 0 && c.world.Now().Sub(c.stopped[0].Ended) > remembered {
		t := c.stopped[0]
		c.stopped = c.stopped[1:]
		delete(c.tasks, t.Request.Task)
	}
}
