package chaos

import (
	"time"

	"hearth/actors"
	"hearth/messages/wire"
)

// gatewayBook is what the oracle knows of one of the gateway's processes: its pool, its hosts, and its settings, which
// an operator may have changed.
type gatewayBook struct {
	number   int
	settings actors.Settings
	pool     poolBook
	hosts    hostBook
	agents   agentBook
	places   map[wire.TaskID]place
	// floor is the minimum that an operator wants at least, since floored; a schedule may make more of it.
	floor   int
	floored time.Duration
	// handsOver says that another process takes over from it.
	handsOver bool
}

// turnTo opens the book of a process, which is begun when it is the first time.
func (o *oracle) turnTo(number int) {
	book := o.books[number]
	if book == nil {
		book = &gatewayBook{
			number: number, settings: o.storm.weather.options.Settings, hosts: newHostBook(), places: map[wire.TaskID]place{},
		}
		book.agents.users = map[wire.UserID]*userBook{}
		book.floor, book.floored = book.settings.Min, o.storm.elapsed()
		book.pool.turns, book.pool.away = map[wire.SessionID]int{}, map[wire.SessionID]bool{}
		book.pool.taken = o.storm.elapsed() + book.settings.AdoptionGrace
		if o.gatewayBook != nil {
			book.pool.failures = o.pool.failures
		}
		o.books[number] = book
	}
	o.gatewayBook = book
}

// speaker is the process whose fact is being told; the first one speaks while the model is being made.
func (o *oracle) speaker() int {
	if o.storm.model == nil {
		return 1
	}
	return o.storm.model.Speaker()
}

// ended takes in that a process has ended. What it had claimed stays claimed: the next one has to know. But a bridge that
// never heard of a claim is free for another, and what was to be stopped the next one may find in use.
func (o *oracle) ended(number int) {
	o.fences.ended[number] = o.storm.model.World.Now()
	for id, s := range o.sessions {
		if s.heldBy == number {
			delete(o.alone, id)
		}
	}
	for _, t := range o.tasks {
		if t.gateway != number {
			continue
		}
		t.dying = false
		if t.inits == 0 && t.claimer == number {
			t.session = ""
		}
	}
}
