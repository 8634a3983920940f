package model

import (
	"cmp"
	"io"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/world"
)

// Options are everything that a simulation depends on. A nil Distribution is no time at all, a zero probability never.
type Options struct {
	// Seed decides every draw.
	Seed uint64
	// Start is the calendar's time at which the world begins; zero is the world's own.
	Start time.Time
	// Schedule picks the next of n runnable actors; see world.Options.Choose. Nil picks by the seed.
	Schedule func(n int) int
	// Settings are the actors' own.
	Settings actors.Settings
	// Gateways is how many there are at once; 0 is one. Several share the clients out among themselves, the hosts and ECS's rates,
	// and nothing else: each has a mark of its own for its tasks. Only one gateway alone is restarted or replaced.
	Gateways int

	Cloud   CloudOptions
	Bridge  BridgeOptions
	Agent   AgentOptions
	Network NetworkOptions
	Hooks   Hooks

	// Trace gets every fact as a line of JSON, for people and for jq; Log.Flush ends it. May be nil.
	Trace io.Writer
	// Around is put around every actor, for faults that are put in on purpose. May be nil.
	Around func(actor.Actor) actor.Actor
	// Wrap changes the ports before the actors get them: for faults that are put in on purpose. May be nil.
	Wrap func(*actors.Ports)
	// Rethrow and AfterPick are the world's; see world.Options. May be nil.
	Rethrow   func(reason any) bool
	AfterPick func(world.Pick)
}

// CloudOptions are ECS and its hosts.
type CloudOptions struct {
	// Run, Stop and Describe are how long the calls take. A start is carried out in the middle of its call.
	Run, Stop, Describe Distribution
	// Boot is from when a start is carried out until the task runs, Dial from there until its bridge dials.
	Boot, Dial Distribution
	// Pull comes on top for the first task of each host.
	Pull  Distribution
	Fleet FleetOptions
	// Rates bound the calls that start and stop tasks; the zero Rates are no bound.
	Rates Rates
	// Visible is how long a task is unknown to all calls but its own start after that was carried out.
	Visible Distribution
	// Life is how long a task runs until it dies by itself; nil is for ever.
	Life Distribution

	Faults CloudFaults
}

// CloudFaults are the probabilities that a call fails in some way, each call on its own.
type CloudFaults struct {
	// Throttled and Unavailable calls are not carried out, and say so.
	Throttled, Unavailable float64
	// Lost calls are answered with a timeout after CallTimeout; half of them were carried out.
	Lost        float64
	CallTimeout time.Duration
	// Denied calls are those of an operation in DeniedOps.
	DeniedOps []string
	// DeadOnArrival tasks stop instead of running.
	DeadOnArrival float64
}

// BridgeOptions are the bridges in the tasks.
type BridgeOptions struct {
	// Workspace, Token and Agent are the phases of an init.
	Workspace, Token, Agent Distribution
	// WrongAddress is the probability that a bridge was given an address at which no gateway is.
	WrongAddress float64
	// Unfit bridges say that they cannot start an agent for anybody, and end.
	Unfit float64
	// Deaf bridges never answer init_user, Stuck ones accept and get no further, Failing ones say init_failed.
	Deaf, Stuck, Failing float64
	// Outage has agents fail beside those of Failing bridges.
	Outage Outage
	// FailCode is the code of those failures; empty is "workspace".
	FailCode string
	// Orphan is how long a bridge lives without a gateway while nobody is its user; 0 is two minutes.
	Orphan time.Duration
	// Gullible bridges give their agent every line that they are sent, also a second time: a fault that hunts must find.
	Gullible bool
	// Hoarding bridges keep their pass when they are given a user: another such fault.
	Hoarding bool
	// Leaseless bridges let their agents run on when their leases are over, and Unfenced ones look at no fencing record: two more.
	Leaseless, Unfenced bool
	// Buffer is how many outputs are kept until they are acknowledged; 0 is 1,000. At the bound the agent pauses, or, with
	// Forget, the oldest outputs are forgotten.
	Buffer int
	Forget bool
}

// Outage is a time, since the world's beginning, in which no bridge can start an agent: for User, or for anybody when that is empty.
// With Shows, bridges that begin in it notice and are unfit.
type Outage struct {
	User        wire.UserID
	From, Until time.Duration
	Shows       bool
}

// AgentOptions are the programs that the users talk to.
type AgentOptions struct {
	// Think is from an input to the output that answers it. Nil with Silent false answers at once.
	Think Distribution
	// Silent agents answer nothing.
	Silent bool
	// Chatter is the pause between outputs that nobody asked for; nil is none.
	Chatter Distribution
	// Life is how long an agent runs until it exits; nil is until it is stopped.
	Life Distribution
	// Farewell is how long it takes to end when told to.
	Farewell Distribution
}

// NetworkOptions are the sockets.
type NetworkOptions struct {
	// ClientDelay and BridgeDelay are how long a frame takes on its way, each frame on its own but never out of order.
	ClientDelay, BridgeDelay Distribution
	// Write is from when a frame is sent until it has left, which its sender is told.
	Write Distribution
	// ClientDrop and BridgeDrop are how long a socket lives until it drops by itself; nil is for ever.
	ClientDrop, BridgeDrop Distribution
	// Notice is how long it takes each end, on its own, to notice a drop.
	Notice Distribution
	// Twice is the probability that a numbered line or an acknowledgement is sent twice, as by a sender that is not sure
	// that the first has arrived. The gateway sends its clients no line twice.
	Twice float64
	// Window is how many bytes the gateway reads from a socket before the first are credited back; 0 is 64 KiB.
	Window int
	// Outbox is how many bytes may wait for a peer that does not read; 0 is 1 MiB.
	Outbox int
}

// Hooks are told what happens at the ports, as it happens. Each may be nil, must not run the world, and sees messages that
// it must not change.
type Hooks struct {
	// Event is told every fact that an actor reports.
	Event func(messages.Event)
	// Launch is told of every start that the actors ask for, Launched of every task that comes of one.
	Launch   func(messages.RunTask)
	Launched func(*Container)
	// Stopped is told of every task that ends.
	Stopped func(*Container)
	// Init is told of every init_user that reaches a bridge.
	Init func(wire.TaskID, wire.InitUser)
	// Agent is told whenever a task's agent begins to run, or goes on, and when it runs no more.
	Agent func(t *Container, runs bool)
	// Input is told of every line that an agent is given.
	Input func(*Container, wire.Data)
	// Client is told of every frame that reaches a client, before the client takes it.
	Client func(*Client, wire.Frame)
	// Done is told of every client that comes no more.
	Done func(*Client)
	// Broken is told of a rule that the actors broke at a port.
	Broken func(rule string)
}

// DefaultOptions are the figures that were measured, without faults: a start takes what RunTask, boot and dial take
// together.
func DefaultOptions() Options {
	return Options{
		Settings: actors.DefaultSettings(),
		Cloud: CloudOptions{
			Run: MeasuredRunCall, Stop: Fixed(100 * ms), Describe: Fixed(100 * ms),
			Boot: MeasuredRun, Dial: MeasuredDial,
		},
		Bridge:  BridgeOptions{Workspace: MeasuredWorkspace, Token: MeasuredToken, Agent: MeasuredAgent},
		Agent:   AgentOptions{Farewell: Fixed(50 * ms)},
		Network: NetworkOptions{BridgeDelay: Fixed(ms)},
	}
}

// StartTakes makes a start take exactly d, from the decision to start a task until it is ready: neither the calls to ECS
// nor the network take time then, and hosts and launches are without bounds.
func (o *Options) StartTakes(d Distribution) {
	o.Cloud = CloudOptions{Boot: d}
	o.Network = NetworkOptions{}
	o.Settings.LaunchConcurrency = 1 << 30
}

// defaults fills in what is 0 for its default.
func (o *Options) defaults() {
	o.Bridge.Buffer = cmp.Or(o.Bridge.Buffer, defaultBuffer)
	o.Network.Window = cmp.Or(o.Network.Window, defaultWindow)
	o.Network.Outbox = cmp.Or(o.Network.Outbox, defaultOutbox)
}

// failMessage is why bridges of the model fail.
const failMessage = "no space left on device"

func (o *BridgeOptions) failCode() string { return cmp.Or(o.FailCode, wire.InitCodeWorkspace) }

// orphan is how long a bridge lives without a gateway.
func (o *BridgeOptions) orphan() time.Duration {
	if o.Orphan == 0 {
		return orphanTimeout
	}
	return o.Orphan
}
