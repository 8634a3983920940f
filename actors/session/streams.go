package session

import (
	"slices"

	"hearth/messages"
	"hearth/messages/wire"
)

// inputBound is how many bytes of input may wait for an agent before another is refused. A single client socket stays
// below it, because its reader stops once a window of bytes has not been credited; clients that come again and again
// could add up.
const inputBound = 1 << 20

// handedOver is how many inputs a bridge may acknowledge that this gateway has not seen: another may have given them to it in the
// moment in which it handed the session over. A bridge that acknowledges more lies.
const handedOver = 1 << 16

// inputQueue numbers a session's inputs and holds those that the agent has not been given yet.
type inputQueue struct {
	// last is the last input that was accepted, given the last one that the agent has been given.
	// Invariant: entries are given+1 to last, in order.
	last, given uint64
	entries     []inputEntry
	bytes       int
	// largest is the largest payload that the bridge takes, 0 while that is not known.
	largest int
}

// inputEntry is an input that the agent has not been given yet.
type inputEntry struct {
	data wire.Data
	// link is the socket that bytes are to be credited to, 0 once that socket has closed.
	link  messages.LinkID
	bytes int
}

// inputVerdict says what became of an input.
type inputVerdict int

const (
	inputAccepted inputVerdict = iota
	// inputDuplicate: a resend of something that was accepted before.
	inputDuplicate
	// inputHole: the client left a number out.
	inputHole
	// inputFull: too much waits for the agent already.
	inputFull
	// inputTooLarge: the bridge would not take it.
	inputTooLarge
)

// add takes an input. One without a number is given the next.
func (q *inputQueue) add(data wire.Data, link messages.LinkID, bytes int) (uint64, inputVerdict) {
	switch {
	case data.Seq == 0:
		data.Seq = q.last + 1
	case data.Seq <= q.last:
		return 0, inputDuplicate
	case data.Seq > q.last+1:
		return 0, inputHole
	}
	switch {
	case q.tooLarge(data):
		return 0, inputTooLarge
	case q.bytes >= inputBound:
		return 0, inputFull
	}
	q.bytes += bytes
	q.last = data.Seq
	data.Ack = 0 // old by the time it is sent again
	q.entries = append(q.entries, inputEntry{data: data, link: link, bytes: bytes})
	return data.Seq, inputAccepted
}

func (q *inputQueue) tooLarge(data wire.Data) bool {
	return q.largest > 0 && len(data.Payload) > q.largest
}

// limit notes the largest payload that the bridge takes. An input that waits and is larger is given up, and with it all that
// came after it: they are not accepted any more, and their client has to say them anew. It reports whether there was one.
func (q *inputQueue) limit(largest int, credit func(messages.LinkID, int)) bool {
	q.largest = largest
	keep := slices.IndexFunc(q.entries, func(e inputEntry) bool { return q.tooLarge(e.data) })
	if keep < 0 {
		return false
	}
	for _, entry := range q.entries[keep:] {
		q.drop(entry, credit)
	}
	clear(q.entries[keep:])
	q.entries = q.entries[:keep]
	q.last = q.given + uint64(keep)
	return true
}

// acknowledge forgets the inputs up to seq, which the agent has been given, after credit was told of their bytes. It
// reports whether that was news.
func (q *inputQueue) acknowledge(seq uint64, credit func(messages.LinkID, int)) bool {
	if seq <= q.given || seq > q.last+handedOver {
		return false
	}
	n := int(min(seq, q.last) - q.given)
	for _, entry := range q.entries[:n] {
		q.drop(entry, credit)
	}
	q.forget(n)
	q.given = seq
	q.last = max(q.last, seq) // the bridge may have been given some by another gateway, which handed it over
	return true
}

// keptEntries is how many entries' room an empty queue keeps.
const keptEntries = 4

// forget lets go of the first n entries. A short queue keeps its room, for the next input will likely need it.
func (q *inputQueue) forget(n int) {
	switch left := len(q.entries) - n; {
	case left == 0 && cap(q.entries) > keptEntries:
		q.entries = nil
	case left <= n:
		q.entries = slices.Delete(q.entries, 0, n)
	default: // to move them all would cost more than room
		clear(q.entries[:n])
		q.entries = q.entries[n:]
	}
}

// drop takes an entry's bytes out of the queue and gives them back to the socket that they came on.
func (q *inputQueue) drop(entry inputEntry, credit func(messages.LinkID, int)) {
	q.bytes -= entry.bytes
	if entry.link != 0 {
		credit(entry.link, entry.bytes)
	}
}

// release forgets which socket the inputs came from, because it is gone.
func (q *inputQueue) release() {
	for i := range q.entries {
		q.entries[i].link = 0
	}
}

// outputCursor is where a session's client stands in the agent's output.
type outputCursor struct {
	// seen is the highest output that was ever seen of the agent, sent the last that was sent to the client or skipped by
	// a gap, acked the last that may be forgotten. Invariant: acked <= sent <= seen.
	seen, sent, acked uint64
	// resuming says that a replay from sent+1 on was asked for and has not begun. It is a flag because it is about the outputs under
	// way on one socket, in whichever state.
	resuming bool
	// unread is how many bytes of the bridge's socket are on their way to the client; they are credited to link.
	unread int
	link   messages.LinkID
}

// attach moves the cursor to where a new socket's client stands. A client that acknowledges nothing and does not say
// where it stands has read what was written to its last socket.
func (c *outputCursor) attach(hello wire.Hello) {
	from := min(hello.LastSeq, c.seen)
	if !hello.Acks && hello.LastSeq == 0 {
		from = c.acked
	}
	c.sent = from
	c.acked = min(c.acked, c.sent)
	c.resuming = false
}

// outputVerdict says what is to become of an output.
type outputVerdict int

const (
	outputSend outputVerdict = iota
	// outputDuplicate: the client has been sent it.
	outputDuplicate
	// outputHole: something before it is missing; a replay is under way.
	outputHole
	// outputReplay: something before it is missing; a replay is to be asked for.
	outputReplay
)

// next takes the number of an output that came from the bridge.
func (c *outputCursor) next(seq uint64) outputVerdict {
	c.seen = max(c.seen, seq)
	switch {
	case seq <= c.sent:
		return outputDuplicate
	case seq == c.sent+1:
		c.sent = seq
		c.resuming = false
		return outputSend
	case c.resuming:
		return outputHole
	}
	c.resuming = true
	return outputReplay
}

// skip takes a gap. It reports whether it concerns the client's next output, and what of it the client has not been sent:
// outputs may have been under way when the bridge forgot them.
func (c *outputCursor) skip(gap wire.Gap) (wire.Gap, bool) {
	if gap.To <= c.sent || gap.From > c.sent+1 {
		return wire.Gap{}, false
	}
	gap.From = c.sent + 1
	c.seen = max(c.seen, gap.To)
	c.sent = gap.To
	c.resuming = false
	return gap, true
}

// charge notes that bytes of the bridge's socket are on their way to the client.
func (c *outputCursor) charge(link messages.LinkID, bytes int) {
	if c.link != link {
		c.link, c.unread = link, 0
	}
	c.unread += bytes
}

// written takes back the bytes that the client's socket has taken. When everything sent was written, all are.
func (c *outputCursor) written(seq uint64, bytes int) int {
	if seq == c.sent {
		bytes = c.unread
	}
	bytes = min(bytes, c.unread)
	c.unread -= bytes
	return bytes
}

// discard takes back all bytes that are on their way to a client that has left.
func (c *outputCursor) discard() (messages.LinkID, int) {
	bytes := c.unread
	c.unread = 0
	return c.link, bytes
}

// acknowledge notes that the client has processed the outputs up to seq. It reports whether that is news and can be.
func (c *outputCursor) acknowledge(seq uint64) bool {
	if seq <= c.acked || seq > c.sent {
		return false
	}
	c.acked = seq
	return true
}
