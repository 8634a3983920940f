package client

import (
	"encoding/json"
	"fmt"
)

// inputOverhead is what an input costs beside its payload's bytes, in memory and as a frame, so that a flood of tiny ones
// is bounded as well.
const inputOverhead = 64

// inputs keeps what was sent until the agent has been given it. It is a plain value; Session.mu guards it.
//
// Invariant: kept[i] is input given+1+i. Before the first answered hello numbered is false and the numbers are not known
// yet; nothing is sent until then.
type inputs struct {
	numbered bool
	given    uint64
	kept     []json.RawMessage
	bytes    int
}

// last is the number of the newest input.
func (q *inputs) last() uint64 { return q.given + uint64(len(q.kept)) }

// fits reports whether an input of n bytes keeps within the window. An empty queue takes anything, or nothing would move.
func (q *inputs) fits(n int) bool {
	return len(q.kept) == 0 || q.bytes+n+inputOverhead <= inputWindow
}

func (q *inputs) add(payload json.RawMessage) {
	q.kept = append(q.kept, payload)
	q.bytes += len(payload) + inputOverhead
}

// after is input seq+1, or nil at the end.
func (q *inputs) after(seq uint64) json.RawMessage {
	if seq < q.given || seq >= q.last() {
		return nil
	}
	return q.kept[seq-q.given]
}

// begin starts the numbering after seq, or, once numbered, lets go of what the agent has been given and reports where a
// socket is to go on sending.
func (q *inputs) begin(seq uint64) error {
	if !q.numbered {
		q.numbered, q.given = true, seq
		return nil
	}
	if seq < q.given {
		return fmt.Errorf("session: inputs after %d are wanted, but all up to %d were acknowledged", seq, q.given)
	}
	return q.ack(seq)
}

// ack lets go of the inputs up to seq.
func (q *inputs) ack(seq uint64) error {
	if seq > q.last() {
		return fmt.Errorf("input %d is acknowledged, but the last one is %d", seq, q.last())
	}
	if seq <= q.given {
		return nil
	}
	n := seq - q.given
	for _, payload := range q.kept[:n] {
		q.bytes -= len(payload) + inputOverhead
	}
	clear(q.kept[:n])
	q.kept, q.given = q.kept[n:], seq
	return nil
}
