package pool

import (
	"container/list"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// poolState is where the pool's records place a task: it is what the policy counts.
type poolState int

const (
	poolStarting poolState = iota
	poolReady
	poolAssigned
	poolStopping
	poolStates
)

// reported is the state as the status tells it.
func (s poolState) reported() messages.TaskState {
	return [poolStates]messages.TaskState{
		messages.TaskStateStarting, messages.TaskStateReady, messages.TaskStateAssigned, messages.TaskStateStopping,
	}[s]
}

// taskRecord is what the pool knows of a task.
type taskRecord struct {
	id wire.TaskID
	// request is what the task was started with.
	request messages.RunTask
	pid     *actor.PID
	state   poolState
	// place is the task's place in the queue of its state. Invariant: set exactly while the state is starting or ready.
	place *list.Element
	// expired says that a ready task is to be replaced, by judge; old, that it is past its time to live.
	expired, old bool
	// session is the task's owner. Invariant: set exactly while the state is assigned.
	session *sessionRecord
	// occupies is whose workspace its agent may still run in although it was given up, empty when it cannot.
	occupies wire.UserID
	// dedicated is the session that the task was started for, nil for a pool's task and once that session has gone.
	dedicated *sessionRecord
	// host is where the task is, nil while that is not known; hostPlace its place among that host's ready tasks.
	// Invariant: hostPlace is set exactly while the state is ready and the host is known.
	host      *hostRecord
	hostPlace *list.Element
	// hostless is since when the task waits for a host of the kind boot, zero when it does not. hostWait is how long it did.
	hostless time.Time
	hostWait time.Duration
	boot     bootKind
	// crashed says that the task's actor has panicked and another sees to its end.
	crashed bool
	// leaving says that the task was asked to leave for another gateway, left that it has, and that its actor is being stopped.
	leaving, left bool
	// adopted says that an earlier gateway started the task.
	adopted bool
	arn     string
	// isolation names the levels that keep agents apart there, as far as its bridge has said.
	isolation string
	// revision is what the task runs, empty while that is not known.
	revision messages.Revision
	// started is when the task was asked for; readySince when it last became ready, zero before.
	started, readySince time.Time
}

// sessionRecord is what the pool knows of a session.
type sessionRecord struct {
	id    wire.SessionID
	user  wire.UserID
	pid   *actor.PID
	begun time.Time

	// claim is the session's latest, and claimed when it came.
	claim   *messages.Claim
	claimed time.Time
	// place is the session's place among the waiters, nil when it does not wait. Tickets grow along the queue: the
	// difference of two is about how far apart they are.
	place  *list.Element
	ticket int64
	// absent says that it was never ready and its client is not there; aside that it has its turn and stands beside the queue
	// until it is, until it is due, or until its workspace is free. Invariant: aside only while absent, delayed or fenced, without
	// a place and without a task.
	absent, aside bool
	// delayed is its place among the claims that are put off for their users' failures, until due; nil when it is not.
	delayed *list.Element
	due     time.Time
	// turned is when it was last said when its claim may be served.
	turned time.Time
	// fenced is its place among those whose workspaces are occupied, nil when its own is not.
	fenced *list.Element
	// given is when it was last given a task.
	given time.Time
	// path and why are what its client will be told of how it got its task.
	path wire.Path
	why  wire.ColdReason
	// starting is the task that is being started for this session alone, when the pool is off.
	starting *taskRecord
	// task is the session's own. Invariant: task.session is this record.
	task *taskRecord
	// active says that the task's agent takes input.
	active bool
	// attempts counts the tasks that failed it since its claim.
	attempts int
	// parked says that it asks for a task only once its client is back.
	parked bool

	// ended says why the session is over, while its actor is being stopped, and stand where its counts were. next is a
	// client that came meanwhile and begins it again.
	ended messages.EndReason
	stand messages.Stand
	next  *messages.ClientArrived
}

// state names where the session stands, for the status.
func (r *sessionRecord) state() messages.SessionState {
	switch {
	case r.ended != "":
		return messages.SessionStateEnded
	case r.active:
		return messages.SessionStateActive
	case r.task != nil:
		return messages.SessionStateStarting
	case r.parked:
		return messages.SessionStateParked
	}
	return messages.SessionStateWaiting
}

// records are the pool's books: every task and session there is, and their places in the queues. All changes go
// through its methods, which keep the invariants.
type records struct {
	// Looked up by id, never ranged over where the order could reach a message.
	tasks    map[wire.TaskID]*taskRecord
	sessions map[wire.SessionID]*sessionRecord
	perUser  map[wire.UserID]int

	// counts is the number of tasks in each state; counted is the census that was last given out.
	counts  [poolStates]int
	counted messages.Census
	// ready and starting hold their tasks in the order in which they entered the state.
	ready, starting list.List
	// expired counts the ready tasks that are to be replaced.
	expired int
	hosts
	// occupied counts the tasks that occupy each user's workspace; fenced holds the sessions that wait for that to end.
	occupied map[wire.UserID]int
	fenced   list.List
	// waiters holds the sessions that wait for a task, first come first.
	waiters                 list.List
	backTicket, frontTicket int64
	// delayed holds the sessions whose claims are put off, in the order in which they are due.
	delayed list.List
}

func newRecords() records {
	return records{
		tasks:    map[wire.TaskID]*taskRecord{},
		sessions: map[wire.SessionID]*sessionRecord{},
		perUser:  map[wire.UserID]int{},
		occupied: map[wire.UserID]int{},
		hosts: hosts{
			byID: map[messages.HostID]*hostRecord{}, lost: newRecent[messages.HostID, time.Time](remembered),
		},
	}
}

// queue is the queue that a state's tasks stand in, nil for a state without one.
func (r *records) queue(state poolState) *list.List {
	switch state {
	case poolStarting:
		return &r.starting
	case poolReady:
		return &r.ready
	}
	return nil
}

// enter adds a new task.
func (r *records) enter(t *taskRecord) {
	r.tasks[t.id] = t
	r.counts[t.state]++
	if q := r.queue(t.state); q != nil {
		t.place = q.PushBack(t)
	}
}

// leave takes a task out of its state, and with that from the queue.
func (r *records) leave(t *taskRecord) {
	r.counts[t.state]--
	if q := r.queue(t.state); q != nil {
		q.Remove(t.place)
		t.place = nil
	}
	t.leaveHost()
	t.old = false
	r.expire(t, false)
}

// move takes a task from its state to the back of another.
func (r *records) move(t *taskRecord, to poolState) {
	r.leave(t)
	t.state = to
	r.counts[to]++
	if q := r.queue(to); q != nil {
		t.place = q.PushBack(t)
	}
	t.enterHost()
}

// forget removes a task that is gone.
func (r *records) forget(t *taskRecord) {
	t.placeOn(nil)
	r.vacate(t)
	r.leave(t)
	delete(r.tasks, t.id)
}

// expire notes whether a task is to be replaced, which only ready ones are.
func (r *records) expire(t *taskRecord, expired bool) {
	if t.expired == expired {
		return
	}
	t.expired = expired
	if expired {
		r.expired++
	} else {
		r.expired--
	}
}

// bind makes a task a session's own. This is the only place where an owner is written down.
func (r *records) bind(t *taskRecord, s *sessionRecord) {
	if t.session != nil || s.task != nil || t.state == poolAssigned || t.state == poolStopping {
		panic("actors: a task and a session are bound once") // Invariant: checked here, kept by the callers
	}
	r.move(t, poolAssigned)
	t.session, s.task = s, t
	s.active = false
}

// unbind ends the binding; the task is of no more use.
func (r *records) unbind(t *taskRecord) {
	t.session.task, t.session.active = nil, false
	t.session = nil
	r.move(t, poolStopping)
}

// await gives a session its turn for a task, at the back or, when a task has failed it, at the front again, and queues it.
func (r *records) await(s *sessionRecord, front bool) {
	if front {
		r.frontTicket--
		s.ticket = r.frontTicket
	} else {
		s.ticket = r.backTicket
		r.backTicket++
	}
	r.enqueue(s)
}

// occupy notes whose workspace a task's agent may still run in, vacate that it cannot any more.
func (r *records) occupy(t *taskRecord, user wire.UserID) {
	r.vacate(t)
	t.occupies = user
	r.occupied[user]++
}

func (r *records) vacate(t *taskRecord) {
	if t.occupies == "" {
		return
	}
	if r.occupied[t.occupies]--; r.occupied[t.occupies] == 0 {
		delete(r.occupied, t.occupies)
	}
	t.occupies = ""
}

// isOccupied reports whether no agent may start in a user's workspace.
func (r *records) isOccupied(user wire.UserID) bool { return r.occupied[user] > 0 }

// enqueue queues a session at its turn, beside the queue while it is absent, delayed or its workspace is occupied.
func (r *records) enqueue(s *sessionRecord) {
	if r.isOccupied(s.user) {
		s.fenced = r.fenced.PushBack(s)
	}
	if s.aside = s.absent || s.delayed != nil || s.fenced != nil; s.aside {
		return
	}
	if first := r.firstWaiter(); first == nil || s.ticket < first.ticket {
		s.place = r.waiters.PushFront(s)
		return
	}
	before := r.waiters.Back()
	for before.Value.(*sessionRecord).ticket > s.ticket {
		before = before.Prev()
	}
	s.place = r.waiters.InsertAfter(s, before)
}

// waits reports whether a session has a turn, be it beside the queue.
func (s *sessionRecord) waits() bool { return s.place != nil || s.aside }

// unqueue ends a session's turn.
func (r *records) unqueue(s *sessionRecord) {
	r.stepOut(s)
	r.undelay(s)
	s.aside = false
}

// stepOut takes a session out of the queue, with its turn.
func (r *records) stepOut(s *sessionRecord) {
	if s.place != nil {
		r.waiters.Remove(s.place)
		s.place = nil
	}
	if s.fenced != nil {
		r.fenced.Remove(s.fenced)
		s.fenced = nil
	}
}

// delay puts a session's claim off until it is due, undelay ends that. Where it then stands is for the caller to say.
func (r *records) delay(s *sessionRecord, due time.Time) {
	s.due = due
	before := r.delayed.Back()
	for before != nil && before.Value.(*sessionRecord).due.After(due) {
		before = before.Prev()
	}
	if before == nil {
		s.delayed = r.delayed.PushFront(s)
		return
	}
	s.delayed = r.delayed.InsertAfter(s, before)
}

func (r *records) undelay(s *sessionRecord) {
	if s.delayed != nil {
		r.delayed.Remove(s.delayed)
		s.delayed = nil
	}
}

// firstWaiter is who waits longest, nil when nobody does.
func (r *records) firstWaiter() *sessionRecord {
	if front := r.waiters.Front(); front != nil {
		return front.Value.(*sessionRecord)
	}
	return nil
}

// position is about how many sessions wait before s. It also counts sessions that have left the queue meanwhile, which saves
// walking the queue.
func (r *records) position(s *sessionRecord) int {
	first := r.firstWaiter()
	if first == nil {
		return 0
	}
	return int(max(0, min(s.ticket-first.ticket, int64(r.waiters.Len()-1))))
}

// addSession adds a session, removeSession takes it away.
func (r *records) addSession(s *sessionRecord) {
	r.sessions[s.id] = s
	r.perUser[s.user]++
}

func (r *records) removeSession(s *sessionRecord) {
	delete(r.sessions, s.id)
	if r.perUser[s.user]--; r.perUser[s.user] == 0 {
		delete(r.perUser, s.user)
	}
}

// census counts the pool for an event. It is good until it is asked for again.
func (r *records) census() *messages.Census {
	r.counted = messages.Census{
		Ready: r.counts[poolReady], Starting: r.counts[poolStarting],
		Assigned: r.counts[poolAssigned], Stopping: r.counts[poolStopping],
		Waiting: r.waiters.Len(),
	}
	return &r.counted
}
