package world

import (
	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors/system"
)

// mailbox is an actor's queue. It handles one message per pick, so that the order in which messages of different actors
// are handled is entirely the chooser's. System messages (the library's: stop, terminated, failure) go first.
type mailbox struct {
	node  *Node
	self  *actor.PID
	shell system.Shell

	system fifo
	user   fifo
	// queued: the mailbox is in the run queue, or is running, or has not started.
	queued bool
	// suspended holds user messages back, from the actor's failure until its stop.
	suspended bool
}

func newMailbox(n *Node, owner actor.Actor) *mailbox {
	return &mailbox{node: n, queued: true, shell: n.system.Shell(owner)}
}

// RegisterHandlers is called once by the library, before Start.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	m.self = m.shell.Bind(invoker)
}

// Start lets the mailbox run.
func (m *mailbox) Start() {
	m.node.alive++
	m.queued = false
	m.enqueue()
}

// PostUserMessage queues a message, or refuses it when it is nil.
func (m *mailbox) PostUserMessage(message any) {
	if system.IsNil(message) {
		m.node.world.counts.Nils++
		return
	}
	m.user.push(m.node.world, message)
	m.node.world.counts.DeepestMailbox = max(m.node.world.counts.DeepestMailbox, m.user.size)
	m.enqueue()
}

// PostSystemMessage queues a message of the library's.
func (m *mailbox) PostSystemMessage(message any) {
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.suspended = true
	case *actor.ResumeMailbox:
		m.suspended = false
	default:
		m.system.push(m.node.world, message)
	}
	m.enqueue()
}

// enqueue makes the mailbox runnable if it has a message to handle.
func (m *mailbox) enqueue() {
	if !m.queued && !m.node.dead && (m.system.size > 0 || m.user.size > 0 && !m.suspended) {
		m.queued = true
		m.node.world.runnable.push(m)
	}
}

// run is one pick.
func (m *mailbox) run() {
	w := m.node.world
	isSystem := m.system.size > 0
	var message any
	if isSystem {
		message = m.system.pop(w)
	} else {
		message = m.user.pop(w)
	}
	w.last = Pick{Node: m.node, To: m.self, Message: message}
	finished := false
	defer func() {
		if !finished {
			if reason := recover(); reason != nil { // else it is runtime.Goexit, by which a test ends: it goes on
				m.shell.Fail(reason, message)
			}
		}
		m.queued = false
		m.enqueue()
	}()
	if m.shell.Handle(message, isSystem) {
		m.suspended = false
	}
	finished = true
}

// UserMessageCount is the number of user messages that wait.
func (m *mailbox) UserMessageCount() int { return m.user.size }
