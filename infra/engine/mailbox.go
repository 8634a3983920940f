package engine

import (
	"errors"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors/system"
)

// budget is the number of messages that a mailbox handles before it goes to the end of the pool's queue.
const budget = 64

// errGoexit is the reason of a failure when an actor called runtime.Goexit. From Stopping on nothing can be done about
// that: the stop is cut off, and Engine.Stop will say that it is not over.
var errGoexit = errors.New("the actor called runtime.Goexit")

// mailbox is an actor's queue. System messages (the library's: stop, terminated, failure) go first and are not bounded;
// user messages are bounded by limit, a safety net that flow control above should never let a sender reach.
type mailbox struct {
	engine *Engine
	// run is process as a func value, made once because making one allocates.
	run func()

	// shell is set before Start and belongs to the owner of the run.
	shell *system.Shell

	mu     sync.Mutex
	self   *actor.PID
	system ring[any]
	user   ring[any]
	// busy: a run is queued or under way, or the mailbox has not started. Only its owner handles messages.
	busy bool
	// suspended holds user messages back, from the actor's failure until its stop.
	suspended bool
	// overflown: a message was refused since the queue was last empty; said once in the log.
	overflown bool
}

func newMailbox(engine *Engine) *mailbox {
	m := &mailbox{engine: engine, busy: true}
	m.run = m.process
	return m
}

// RegisterHandlers is called once by the library, before Start. It is not called before others can send: their messages
// wait for Start.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	m.shell = invoker.(actor.Context).Actor().(*system.Shell)
	self := m.shell.Bind(invoker)
	m.mu.Lock()
	m.self = self
	m.mu.Unlock()
}

// Start lets the mailbox run.
func (m *mailbox) Start() {
	m.mu.Lock()
	m.busy = m.ready()
	start := m.busy
	m.mu.Unlock()
	if start {
		m.engine.pool.Schedule(m.run)
	}
}

// PostUserMessage queues a message, or refuses it when it is nil or the mailbox is full. A poison pill is never refused:
// the actor would live for ever.
func (m *mailbox) PostUserMessage(message any) {
	if system.IsNil(message) {
		m.engine.refuseNil(m.pid())
		return
	}
	_, poison := message.(*actor.PoisonPill)
	m.mu.Lock()
	if m.user.size >= m.engine.mailboxLimit && !poison {
		first, self := !m.overflown, m.self
		m.overflown = true
		m.mu.Unlock()
		m.engine.refuseFull(self, message, first)
		return
	}
	m.user.push(message)
	m.wake()
}

// PostSystemMessage queues a message of the library's.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.suspended = true
	case *actor.ResumeMailbox:
		m.suspended = false
	default:
		m.system.push(message)
	}
	m.wake()
}

// wake unlocks the mailbox and queues a run if there is need of one.
func (m *mailbox) wake() {
	run := !m.busy && m.ready()
	if run {
		m.busy = true
	}
	m.mu.Unlock()
	if run {
		m.engine.pool.Schedule(m.run)
	}
}

// ready reports whether there is a message to handle. The lock is held.
func (m *mailbox) ready() bool {
	return m.system.size > 0 || m.user.size > 0 && !m.suspended
}

// process handles up to a budget of messages. Its goroutine owns the actor until it ends.
func (m *mailbox) process() {
	var message any
	finished := false
	defer func() {
		if finished {
			return
		}
		reason := recover()
		if reason == nil {
			reason = errGoexit
		}
		m.shell.Fail(reason, message)
		m.engine.pool.Schedule(m.run)
	}()
	for range budget {
		next, isSystem, ok := m.next()
		if !ok {
			finished = true
			return
		}
		message = next
		if m.shell.Handle(next, isSystem) {
			m.resume()
		}
	}
	finished = true
	m.engine.pool.Schedule(m.run)
}

// next takes the oldest message, system messages first. When there is none the run is over.
func (m *mailbox) next() (message any, isSystem, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.system.size > 0 {
		return m.system.pop(), true, true
	}
	if m.user.size > 0 && !m.suspended {
		message = m.user.pop()
		m.overflown = m.overflown && m.user.size > 0
		return message, false, true
	}
	m.busy = false
	return nil, false, false
}

// resume lets the user messages of a failed actor go on.
func (m *mailbox) resume() {
	m.mu.Lock()
	m.suspended = false
	m.mu.Unlock()
}

func (m *mailbox) pid() *actor.PID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.self
}

// UserMessageCount is the number of user messages that wait.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.user.size
}
