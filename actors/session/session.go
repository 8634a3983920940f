package session

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// The timers of a session beside its state's deadline.
const (
	// timerHint rings when a waiting client is to be told again how long it will take.
	timerHint messages.Timer = "hint"
	// timerAbsence rings when the client of a session that was never ready has been away for too long.
	timerAbsence messages.Timer = "absence"
	// timerAcks rings when acknowledgements that wait are to go on.
	timerAcks messages.Timer = "acks"
	// timerToken rings when the user's token has expired, and when the grace after that is over; timerLifetime when the session
	// is as old as one may be.
	timerToken    messages.Timer = "token"
	timerLifetime messages.Timer = "lifetime"
)

// session is the actor of one user's session. It owns the client's socket, and numbers, queues and hands on what goes
// through. It keeps no output: a bridge holds that until the client has acknowledged it. Its states are in states.go.
type session struct {
	*actors.Ports
	settings *actors.Settings
	id       wire.SessionID
	user     wire.UserID

	root *actor.RootContext
	self *actor.PID
	pool *actor.PID

	// state is the current state, handle its handler. Invariant: only become changes them.
	state  State
	handle func(*session, any)

	client client
	// wasReady says that a client was told ready, here or at an earlier gateway: from then on the session lives without one for
	// as long as it may be idle. It is a flag because it holds for the session's whole life.
	wasReady bool
	input    inputQueue
	output   outputCursor
	// inputEnd is the last input before the end that the client has told, window the size of its window; nil and zero while it has
	// told none.
	inputEnd *uint64
	window   wire.Resize
	// trace is what the client's first hello said that the session belongs to.
	trace wire.Traceparent
	// heard says that the agent that there is has said something, answered that it was not to standard error alone. They are flags
	// because they are the agent's, in any state. untilReady is the last input that was given to those before it.
	heard, answered bool
	untilReady      uint64
	// untold is what a new agent's client is to be told once it is back, nil when it knows its agent.
	untold *wire.Ready
	// io is how the agent takes input, as its bridge has said.
	io wire.AgentIO

	// token is the user's latest token, and tokenUntil when it expires, zero for never; sent is the token that the task was given
	// last.
	token, sent wire.Secret
	tokenUntil  time.Time
	// task is the session's own, taskPID its actor.
	task    wire.TaskID
	taskPID *actor.PID
	bound   messages.Bound
	// failure is why the session got no task, in the end.
	failure messages.Failure
	// exit is the agent's end, from then on; exitTold is the socket whose client was told of it: a client that comes back on another
	// one is told again.
	exit     *wire.Exit
	exitTold messages.LinkID

	// fenced is until when its agent waits, at most, for an earlier one's lease to end; zero when it does not.
	fenced time.Time
	// begun is when the session began, asked when it last began to wait for a task, ready when it last got an agent, and
	// lastData when data last went through, or the agent last asked for more time.
	begun, asked, ready, lastData time.Time
	// restarts counts the tasks that were lost; quickLosses those in a row that were lost soon.
	restarts, quickLosses int

	// inputAcks go to the client, outputAcks to the bridge. acksWait says that some wait for the alarm.
	inputAcks, outputAcks passedOn
	acksWait              bool

	deadline, hint, absence, expiry, lifetime, acks actors.Alarm
}

// client is the client's end: its socket and what it said in its hello.
type client struct {
	// link is the socket, 0 while the client is away.
	link messages.LinkID
	// acks says that the client acknowledges outputs itself.
	acks bool
	// acksInData says that it reads acknowledgements that come with data.
	acksInData bool
	// ready says that the client was told ready on this socket. It is a flag because it is the socket's, which no state is.
	// Invariant: each socket is told so before it is told that the agent is ready again, in whatever order client and bridge
	// come back.
	ready bool
}

// New makes a session's actor. It counts on from where an earlier one of the same id has ended. Its first message is
// the ClientArrived that began it, or an AdoptSession.
func New(
	ports *actors.Ports, settings *actors.Settings, pool *actor.PID, id wire.SessionID, user wire.UserID, from messages.Stand,
) actor.Actor {
	return &session{
		Ports: ports, settings: settings, pool: pool, id: id, user: user,
		heard:    true, // of an agent that was here before it is not known
		input:    inputQueue{last: from.In, given: from.In},
		output:   outputCursor{seen: from.Out, sent: from.Acked, acked: from.Acked},
		deadline: actors.Alarm{Name: actors.TimerDeadline}, hint: actors.Alarm{Name: timerHint},
		expiry: actors.Alarm{Name: timerToken}, lifetime: actors.Alarm{Name: timerLifetime},
		absence: actors.Alarm{Name: timerAbsence}, acks: actors.Alarm{Name: timerAcks},
		inputAcks: passedOn{seq: from.In}, outputAcks: passedOn{seq: from.Acked},
	}
}

// Receive takes the messages that mean the same in every state, and leaves the rest to the state.
func (s *session) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.root = ctx.ActorSystem().Root
		s.self = ctx.Self()
		s.begun = s.Clock.Now()
		s.handle = (*session).beginning
		if s.settings.MaxSessionLifetime > 0 {
			s.lifetime.Set(s.Clock, s.self, s.settings.MaxSessionLifetime)
		}
	case *actor.Stopping:
		s.leave()
	case *actor.Stopped:
	case *messages.LinkFrame:
		if m.Link == s.client.link {
			s.handle(s, m)
		}
	case *messages.LinkWritten:
		if m.Link == s.client.link {
			s.handle(s, m)
		}
	case *messages.LinkClosed:
		if m.Link == s.client.link {
			s.client.link = 0
			s.handle(s, m)
		}
	case *messages.Alarm:
		switch {
		case s.absence.IsRung(m):
			s.end(messages.EndAbandoned)
		case s.deadline.IsRung(m), s.hint.IsRung(m):
			s.handle(s, m)
		case s.expiry.IsRung(m):
			s.tokenExpired()
		case s.lifetime.IsRung(m):
			s.outlived()
		case s.acks.IsRung(m):
			s.passOnAcks()
		}
	case *messages.EndSession:
		s.endNow(messages.EndOperator, wire.Error{Code: wire.CodeForbidden, Message: "an operator has ended this session"})
	default:
		if from, ok := taskOf(m); ok && from != s.task {
			return // news of a task that is no longer this session's
		}
		s.handle(s, m)
	}
}

// taskOf is the task that a message is about, if it is about one.
func taskOf(message any) (wire.TaskID, bool) {
	switch m := message.(type) {
	case *messages.FromBridge:
		return m.Task, true
	case *messages.TaskActive:
		return m.Task, true
	case *messages.TaskDetached:
		return m.Task, true
	case *messages.TaskReattached:
		return m.Task, true
	case *messages.TaskLost:
		return m.Task, true
	case *messages.TaskMoved:
		return m.Task, true
	}
	return "", false
}

// leave lets go of everything that would outlive the actor. A client that is still there then is one whose session
// crashed: it is told.
func (s *session) leave() {
	s.deadline.Cancel()
	s.hint.Cancel()
	s.expiry.Cancel()
	s.lifetime.Cancel()
	s.absence.Cancel()
	s.acks.Cancel()
	if s.client.link != 0 {
		s.send(wire.Error{Code: wire.CodeInternal, Message: "the session failed", Retryable: true})
		s.Dismiss(s.client.link, wire.CloseInternal)
		s.client.link = 0
	}
	if s.state != Ended {
		s.observe(messages.Event{Kind: messages.EventSessionState, Was: string(s.state.Reported()), Phase: string(messages.SessionStateEnded)})
	}
}

// attach takes a client's socket. An older one is replaced: its client is told, and nothing else happens to the session.
func (s *session) attach(m *messages.ClientArrived) {
	switch {
	case s.client.link != 0:
		s.bye(wire.ByeReplaced, wire.CloseNormal)
	case s.state != unborn && !s.wasReady:
		s.absence.Cancel()
		s.tell(s.pool, &messages.Presence{Session: s.id, Here: true})
	}
	s.client = client{link: m.Link, acks: m.Hello.Acks, acksInData: m.Hello.AcksInData}
	s.Links.Bind(m.Link, s.self)
	if m.Token != "" {
		s.takeToken(m.Token, m.Expires)
	}
	s.input.release() // its bytes belonged to the old socket
	s.output.attach(m.Hello)
	s.observe(messages.Event{Kind: messages.EventAttached})
	s.send(wire.Session{
		SessionID: s.id, UserID: s.user, Resumed: s.state != unborn, LastSeq: s.input.given, AcksInData: true,
	})
	if m.Hello.Acks {
		s.acknowledged(m.Hello.LastSeq)
	}
	if s.trace == "" {
		s.trace = m.Hello.Traceparent
	}
	if m.Hello.Window != (wire.Resize{}) {
		s.resize(m.Hello.Window)
	}
}

// clientFrame takes what a client may say in any state.
func (s *session) clientFrame(m *messages.LinkFrame) {
	switch frame := m.Frame.(type) {
	case wire.Data:
		s.accept(m, frame)
		return
	case wire.Ack:
		s.acknowledged(frame.Seq)
	case wire.Token:
		s.takeToken(frame.Token, m.Expires)
		s.refreshToken()
	case wire.EOF:
		after := s.input.last
		s.inputEnd = &after
		s.toBridge(wire.EOF{After: after})
	case wire.Resize:
		s.resize(frame)
	case wire.Signal:
		s.toBridge(frame) // one that finds no agent is nobody's
	case wire.Close:
		s.end(messages.EndClosed)
	case wire.Ping:
		s.send(wire.Pong(frame))
	case wire.Pong:
	default:
		s.unexpected(m)
		return
	}
	s.Links.Credit(m.Link, m.Bytes)
}

// resize takes in the size of the client's window, and hands it on to an agent that is there.
func (s *session) resize(window wire.Resize) {
	s.window = window
	s.toBridge(window)
}

// sendReady tells the client that its agent takes input. While the client is away this waits for it: a new agent must not pass for
// the one that the client knew.
func (s *session) sendReady(ready wire.Ready) {
	ready.IO = s.io
	if s.client.link == 0 {
		untold := ready // a copy, so that only what is kept costs a place on the heap
		s.untold = &untold
		return
	}
	s.client.ready, s.wasReady, s.untold = true, true, nil
	s.send(ready)
}

// sendReadyAgain tells a client on a new socket, or one whose bridge is back, that its agent takes input.
func (s *session) sendReadyAgain() {
	if s.untold != nil {
		s.sendReady(*s.untold)
		return
	}
	s.sendReady(wire.Ready{Path: wire.PathResumed})
}

// send sends the client a frame, if it is there.
func (s *session) send(frame wire.Frame) {
	if s.client.link != 0 {
		s.Links.Send(s.client.link, frame)
	}
}

// clientLeft keeps the session for when its client comes back: for a short while, and without a place among those who wait, if it
// was never ready.
func (s *session) clientLeft(cause string) {
	s.creditUnread()
	s.hint.Cancel()
	s.observe(messages.Event{Kind: messages.EventClientLeft, Reason: cause, Phase: string(s.state.Reported())})
	if !s.wasReady {
		s.absence.Set(s.Clock, s.self, s.settings.AbandonGrace)
		s.tell(s.pool, &messages.Presence{Session: s.id})
	}
}

func (s *session) tell(to *actor.PID, message any) { s.root.Send(to, message) }

func (s *session) observe(event messages.Event) {
	event.At = s.Clock.Now()
	event.Session = s.id
	event.User = s.user
	event.Task = s.task
	event.Trace = s.trace
	s.Observer.Observe(event)
}

// unexpected reports a message that the state has no use for, and gives its bytes back to the socket's reader.
func (s *session) unexpected(message any) {
	switch m := message.(type) {
	case *messages.LinkFrame:
		s.Links.Credit(m.Link, m.Bytes)
		message = m.Frame
	case *messages.FromBridge:
		s.Links.Credit(m.Link, m.Bytes)
		message = m.Frame
	}
	event := messages.Event{At: s.Clock.Now(), Session: s.id, Task: s.task, Phase: string(s.state.Reported())}
	actors.Unexpected(s.Observer, event, message)
}

// waitState is what a client without a ready agent is told: restarting, when it had one.
func (s *session) waitState(first wire.SessionState) wire.SessionState {
	if s.restarts > 0 {
		return wire.StateRestarting
	}
	return first
}

// sendStarting tells the client that its task gets its agent ready, and comes again while that lasts.
func (s *session) sendStarting() {
	status := wire.Status{State: s.waitState(wire.StateStarting), Reason: wire.ReasonAvailable}
	if left := s.fenced.Sub(s.Clock.Now()); left > 0 {
		status.Reason, status.EtaMs = wire.ReasonFenced, wire.Millis(left)
	}
	s.send(status)
	s.hint.Set(s.Clock, s.self, s.settings.HintInterval)
}

// agentIsThere tells a client that has come, to a session whose bridge is connected, to go on.
func (s *session) agentIsThere() {
	s.refreshToken()
	s.sendReadyAgain()
	s.replay()
}
