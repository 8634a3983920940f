package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// The states of a session, as they are reported.
const (
	// waiting: it has claimed a task and has none.
	sessionWaiting = "waiting"
	// starting: a task is its own and is being given its user.
	sessionStarting = "starting"
	// active: its agent takes input. Either socket may be gone for a while.
	sessionActive = "active"
	// parked: it was taken over from an earlier gateway, and its task was lost before its client was back, who has the token
	// that another agent needs.
	sessionParked = "parked"
	// exited: its agent has ended; the client has yet to read the last of it.
	sessionExited = "exited"
	// ended: the supervisor has been told and stops the actor.
	sessionEnded = "ended"
)

// timerHint rings when a waiting client is to be told again how long it will take; the deadline is the state's.
const timerHint messages.Timer = "hint"

// session is the actor of one user's session. It owns the client's socket, and numbers, queues and hands on what goes
// through. It keeps no output: a bridge holds that until the client has acknowledged it.
//
//	waiting ⇄ starting → active → exited → ended
//	   ↑────────────────────┤ (task lost)       ↑ from every state
//	   └────── parked ←─────┘
type session struct {
	*Ports
	settings *Settings
	id       wire.SessionID
	user     wire.UserID

	root *actor.RootContext
	self *actor.PID
	pool *actor.PID

	// state is the current behaviour's name, handle the behaviour. Invariant: only the become methods change them.
	state  string
	handle func(*session, any)

	client client
	// unmet says that the session was taken over and no client has come since.
	unmet  bool
	input  inputQueue
	output outputCursor

	// token is the user's latest; sent is the one that the task was given.
	token, sent wire.Secret
	// task is the session's own, taskPID its actor; up says that its bridge is connected.
	task    wire.TaskID
	taskPID *actor.PID
	up      bool
	bound   messages.Bound
	// exit is the agent's end, from then on; exitTold is the socket whose client was told.
	exit     *wire.Exit
	exitTold messages.LinkID

	// begun is when the session began, asked when it last began to wait for a task, ready when it last got an agent, and
	// lastData when data last went through, or the agent last asked for more time.
	begun, asked, ready, lastData time.Time
	// restarts counts the tasks that were lost; quickLosses those in a row that were lost soon.
	restarts, quickLosses int

	deadline, hint alarm
}

// client is the client's end: its socket and what it said in its hello.
type client struct {
	// link is the socket, 0 while the session is detached.
	link messages.LinkID
	// acks says that the client acknowledges outputs itself.
	acks bool
}

// newSession makes a session's actor. It counts on from where an earlier one of the same id has ended. Its first message is
// the ClientArrived that began it, or an AdoptSession.
func newSession(
	ports *Ports, settings *Settings, pool *actor.PID, id wire.SessionID, user wire.UserID, from messages.Stand,
) *session {
	return &session{
		Ports: ports, settings: settings, pool: pool, id: id, user: user,
		input:    inputQueue{last: from.In, given: from.In},
		output:   outputCursor{seen: from.Out, sent: from.Acked, acked: from.Acked},
		deadline: alarm{name: timerDeadline}, hint: alarm{name: timerHint},
	}
}

// Receive takes the messages that mean the same in every state, and leaves the rest to the state.
func (s *session) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.root = ctx.ActorSystem().Root
		s.self = ctx.Self()
		s.begun = s.Clock.Now()
		s.handle = (*session).unborn
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
		if s.deadline.isRung(m) || s.hint.isRung(m) {
			s.handle(s, m)
		}
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
	s.deadline.cancel()
	s.hint.cancel()
	if s.client.link != 0 {
		s.send(wire.Error{Code: wire.CodeInternal, Message: "the session failed", Retryable: true})
		s.dismiss(s.client.link, wire.CloseInternal)
		s.client.link = 0
	}
	if s.state != sessionEnded {
		s.observe(messages.Event{Kind: messages.EventSessionState, Was: s.state, Phase: sessionEnded})
	}
}

// keep has a state go on with the deadline of the one before it.
const keep time.Duration = -1

// become enters a state and gives it its deadline, 0 for none.
func (s *session) become(state string, handle func(*session, any), deadline time.Duration) {
	s.observe(messages.Event{Kind: messages.EventSessionState, Was: s.state, Phase: state})
	s.state = state
	s.handle = handle
	s.hint.cancel()
	switch {
	case deadline > 0:
		s.deadline.set(s.Clock, s.self, deadline)
	case deadline != keep:
		s.deadline.cancel()
	}
}

// attach takes a client's socket. An older one is replaced: its client is told, and nothing else happens to the session.
func (s *session) attach(m *messages.ClientArrived) {
	if s.client.link != 0 {
		s.bye(wire.ByeReplaced, wire.CloseNormal)
	}
	s.client, s.unmet = client{link: m.Link, acks: m.Hello.Acks}, false
	s.Links.Bind(m.Link, s.self)
	if m.Token != "" {
		s.token = m.Token
	}
	s.input.release() // its bytes belonged to the old socket
	s.output.attach(m.Hello)
	s.observe(messages.Event{Kind: messages.EventAttached})
	s.send(wire.Session{
		SessionID: s.id, UserID: s.user, Resumed: s.state != "", LastSeq: s.input.given,
	})
	if m.Hello.Acks {
		s.acknowledged(m.Hello.LastSeq)
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
		s.token = frame.Token
		s.refreshToken()
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

// accept numbers and queues an input, and hands it on if the agent takes input. Its bytes are credited once the agent has
// been given it: that is how a client is slowed down to its agent's pace.
func (s *session) accept(m *messages.LinkFrame, data wire.Data) {
	s.lastData = s.Clock.Now()
	switch seq, verdict := s.input.add(data, m.Link, m.Bytes); verdict {
	case inputAccepted:
		s.toBridge(wire.Data{Seq: seq, Payload: data.Payload})
		return
	case inputHole:
		s.send(wire.Error{
			Code:    wire.CodeBadFrame,
			Message: fmt.Sprintf("data: seq %d, but the next is %d", data.Seq, s.input.last+1),
		})
	case inputDuplicate:
		s.send(wire.Ack{Seq: s.input.given})
	case inputFull:
		s.send(wire.Error{
			Code: wire.CodeRateLimited, Message: "too much input waits for the agent", Retryable: true,
		})
		s.Links.Close(s.client.link, wire.CloseTryAgain)
	}
	s.Links.Credit(m.Link, m.Bytes)
}

// refreshToken hands on a token that the task has not been given.
func (s *session) refreshToken() {
	if s.state == sessionActive && s.token != s.sent {
		s.sent = s.token
		s.toBridge(wire.Token{Token: s.token})
	}
}

// acknowledged hands on that the client has processed outputs, so that the bridge may forget them.
func (s *session) acknowledged(seq uint64) {
	if s.output.acknowledge(seq) {
		s.toBridge(wire.Ack{Seq: seq})
	}
}

// toBridge sends the bridge a frame while it is connected. What is not sent then is sent when it is back.
func (s *session) toBridge(frame wire.Frame) {
	if s.up {
		s.tell(s.taskPID, &messages.ToBridge{Frame: frame})
	}
}

// send sends the client a frame, if it is there.
func (s *session) send(frame wire.Frame) {
	if s.client.link != 0 {
		s.Links.Send(s.client.link, frame)
	}
}

// bye is the last that a client hears. Bytes of the bridge that it has not read are nobody's any more.
func (s *session) bye(reason wire.ByeReason, code wire.CloseCode) {
	if s.client.link != 0 {
		s.send(wire.Bye{Reason: reason})
		s.dismiss(s.client.link, code)
		s.client.link = 0
	}
	s.discredit()
}

// discredit gives back to the bridge's reader all that the client will not read any more.
func (s *session) discredit() {
	if link, bytes := s.output.discard(); bytes > 0 {
		s.Links.Credit(link, bytes)
	}
}

// clientLeft keeps the session for when its client comes back.
func (s *session) clientLeft(cause string) {
	s.discredit()
	s.hint.cancel()
	s.observe(messages.Event{Kind: messages.EventClientLeft, Reason: cause})
}

func (s *session) tell(to *actor.PID, message any) { s.root.Send(to, message) }

func (s *session) observe(event messages.Event) {
	event.At = s.Clock.Now()
	event.Session = s.id
	event.User = s.user
	event.Task = s.task
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
	event := messages.Event{At: s.Clock.Now(), Session: s.id, Task: s.task, Phase: s.state}
	unexpected(s.Observer, event, message)
}
