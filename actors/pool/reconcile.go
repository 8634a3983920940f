package pool

import (
	"time"

	"hearth/actors"
	"hearth/actors/task"
	"hearth/messages"
	"hearth/messages/wire"
)

// timerList rings when ECS is to be asked for the list of tasks.
const timerList messages.Timer = "list"

// listing is when ECS is asked for its list of tasks, and what the lists so far say against tasks that are not in the books.
type listing struct {
	due actors.Alarm
	// at is when due rings, zero while it is not set. failures counts the lists in a row that did not come.
	at       time.Time
	failures int
	doubts   recent[wire.TaskID, doubt]
	// others is when a task was last seen that seems to be another gateway's, zero before.
	others time.Time
}

// hasOthers reports whether another gateway was at work so short a time ago.
func (l *listing) hasOthers(now time.Time, ago time.Duration) bool {
	return !l.others.IsZero() && now.Sub(l.others) <= ago
}

// doubt is a sign that no gateway has a task: what it is, since when it is there, and when it was last seen.
//
// Several gateways share a cluster and know nothing of one another, so that a task which one does not know may be another's.
// It is nobody's when it stays for TaskStartTimeout in a state in which every gateway has given it up by then.
type doubt struct {
	sign        string
	since, last time.Time
}

// The signs.
const (
	signEnded     = "it was stopped, and runs on"
	signPending   = "it does not start"
	signUnhealthy = "its health check fails"
	signNoPass    = "its bridge was given no pass"
)

func newListing() listing {
	return listing{due: actors.Alarm{Name: timerList}, doubts: newRecent[wire.TaskID, doubt](remembered)}
}

// listWithin has the tasks listed in so long at the latest.
func (p *pool) listWithin(d time.Duration) {
	if p.draining {
		return // what it has it knows, and more it does not take
	}
	if at := p.Clock.Now().Add(d); p.listing.at.IsZero() || at.Before(p.listing.at) {
		p.listing.at = at
		p.listing.due.Set(p.Clock, p.ctx.Self(), d)
	}
}

// list asks for the list.
func (p *pool) list() {
	p.listing.due.Cancel()
	p.listing.at = time.Time{}
	p.Launcher.List(p.ctx.Self())
}

// listFailed asks again: soon as long as the pool waits for the first list, and then later and later.
func (p *pool) listFailed(err *messages.LaunchError) {
	p.observe(messages.Event{Kind: messages.EventLaunchError, Reason: err.Error(), Fault: err.Kind, Phase: actors.PoolName})
	if !p.adoption.mayStart {
		p.listWithin(p.settings.PollInterval)
		return
	}
	p.listing.failures++
	p.listWithin(actors.Pause(p.settings.PollInterval, p.settings.BackoffMax, p.listing.failures, p.Rand.Float64()))
}

// healthTells reports whether health checks tell anything: of the tasks that are connected here some are listed, and none as
// unhealthy. A check that is wrong must not have gateways stop one another's tasks.
func (p *pool) healthTells(tasks []messages.ListedTask) bool {
	connected := 0
	for _, listed := range tasks {
		if t := p.tasks[listed.Task]; t != nil && (t.state == poolReady || t.state == poolAssigned) {
			if listed.Unhealthy {
				return false
			}
			connected++
		}
	}
	return connected > 0
}

// reconcile looks at a listed task that is not in the books, and stops it once it is known to be nobody's.
func (p *pool) reconcile(listed messages.ListedTask, healthTells bool) {
	sign := ""
	switch {
	case p.endedTasks.has(listed.Task):
		sign = signEnded
	case listed.Phase == messages.PhasePending:
		sign = signPending
	case listed.Unhealthy && healthTells:
		sign = signUnhealthy
	}
	if sign != "" {
		p.doubt(listed.Task, sign)
	}
	d := p.listing.doubts.get(listed.Task)
	switch {
	case d.sign == signNoPass, d.sign != "" && d.sign == sign:
		if d.last.Sub(d.since) >= p.settings.TaskStartTimeout {
			p.stopStray(listed, d.sign)
		}
	case sign == "":
		p.listing.others = p.Clock.Now()
		fallthrough
	default:
		p.listing.doubts.remove(listed.Task)
	}
}

// doubt notes a sign, and reports whether the task is known by now to be nobody's.
func (p *pool) doubt(id wire.TaskID, sign string) bool {
	now, d := p.Clock.Now(), p.listing.doubts.get(id)
	if d.sign != sign {
		d = doubt{sign: sign, since: now}
	}
	d.last = now
	p.listing.doubts.add(id, d)
	return d.last.Sub(d.since) >= p.settings.TaskStartTimeout
}

// stopStray stops a task that is nobody's.
func (p *pool) stopStray(listed messages.ListedTask, sign string) {
	p.listing.doubts.remove(listed.Task)
	reason := "no gateway knows it: " + sign
	t := &taskRecord{
		id: listed.Task, request: messages.RunTask{Task: listed.Task, Session: listed.Session, User: listed.User},
		state: poolStopping, adopted: true, arn: listed.ARN, started: p.Clock.Now(),
	}
	// Invariant: the name is free, for a task leaves the books only with its actor's Terminated or last word.
	t.pid = p.spawn(actors.TaskName(t.id), task.NewOrphan(p.Ports, &p.settings, p.ctx.Self(), t.request, t.arn, reason, false))
	p.enter(t)
	p.observe(messages.Event{
		Kind: messages.EventEvicted, Task: t.id, ARN: t.arn, Host: listed.Host, Cause: messages.EvictedStray, Reason: reason,
	})
}
