package chaos

import (
	"strconv"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// lineBook follows the lines between clients and agents.
type lineBook struct {
	// next is what each client may be told next, by its socket.
	next map[*model.Client]*outputBook
	// inputs is the last line that each task's agent was given, by the number in its payload.
	inputs map[wire.TaskID]uint64
}

// outputBook is one client's place in the agent's output on one socket.
type outputBook struct {
	link messages.LinkID
	last uint64
	// any: the first output of this socket may be any, because the client does not acknowledge, or because several clients
	// that know nothing of one another have acknowledged for it.
	any bool
}

func newLineBook() lineBook {
	return lineBook{next: map[*model.Client]*outputBook{}, inputs: map[wire.TaskID]uint64{}}
}

// clientFrame checks that outputs come in order, each once, and none is missing without a gap that says so.
func (b *lineBook) clientFrame(o *oracle, c *model.Client, frame wire.Frame) {
	place := b.next[c]
	if place == nil || place.link != c.Link().ID {
		place = &outputBook{link: c.Link().ID, last: c.Seen, any: !c.Acks || o.shared[c.Session]}
		b.next[c] = place
	}
	switch f := frame.(type) {
	case wire.Data:
		if f.Seq != place.last+1 && !place.any {
			o.breach("client %d was sent output %d after %d", c.Number, f.Seq, place.last)
		}
		if string(f.Payload) != strconv.FormatUint(f.Seq, 10) {
			o.breach("client %d was sent output %s as number %d", c.Number, f.Payload, f.Seq)
		}
		place.last, place.any = f.Seq, false
	case wire.Gap:
		if f.From != place.last+1 && !place.any {
			o.breach("client %d was told of a gap from %d to %d after %d", c.Number, f.From, f.To, place.last)
		}
		place.last, place.any = f.To, false
	}
}

// input checks that an agent is given lines in order, each once, under the numbers that the client gave them.
func (o *oracle) input(t *model.Container, data wire.Data) {
	number, err := strconv.ParseUint(string(data.Payload), 10, 64)
	if err != nil {
		o.breach("an agent was given %q", data.Payload)
		return
	}
	last, known := o.lines.inputs[t.Request.Task]
	if known && number <= last && !o.shared[t.Serves()] {
		o.breach("the agent of task %s was given line %d after line %d", t.Request.Task, number, last)
	}
	o.lines.inputs[t.Request.Task] = number
}
