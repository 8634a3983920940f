package bridge

import (
	"io"
	"sync"
	"time"

	"hearth/messages/wire"
)

// inputLimit bounds the lines that wait for an agent that does not read its stdin.
const inputLimit = 1 << 20

// verdict is what an inbox makes of an input.
type verdict int

const (
	// taken: queued for the agent.
	taken verdict = iota
	// duplicate: taken earlier.
	duplicate
	// hole: an input before it is missing.
	hole
	// refused: the queue is full, or the agent takes no more.
	refused
)

func (v verdict) String() string { return [...]string{"taken", "duplicate", "hole", "refused"}[v] }

// inbox is the user's input on its way to the agent: the loop offers, one pump writes. Each input is given to the agent
// exactly once and in order, however often it is sent.
//
// A full inbox refuses instead of blocking: behind a blocked socket reader the gateway's stop would wait, and so would its
// acks, without which an agent that waits for room for its output never reads its input again. What was refused is not
// acked, and it turns everything after it into holes; once the agent has caught up, the bridge dials again, and the new
// hello's inSeq has it resent: the path that a dropped socket takes anyway.
//
// Invariant: written <= taken; the lines queued are exactly the inputs written+1 to taken, but for the one being written.
type inbox struct {
	work     bell // for the pump
	progress bell // for the loop: written has grown

	mu      sync.Mutex
	queue   [][]byte
	bytes   int
	taken   uint64
	written uint64
	// writing is the last input whose write has begun, awaited the last whose write's return was waited for.
	writing, awaited uint64
	// news is the size of the lines that were written since progress was last asked for.
	news    int
	starved bool // an input was refused because the queue was full
	closed  bool
	end     uint64 // the input ends after the one before this; 0 while it goes on
	ended   uint64 // the last end that was given to a terminal
}

// newInbox goes on counting after last.
func newInbox(last uint64) *inbox {
	return &inbox{work: newBell(), progress: newBell(), taken: last, written: last}
}

// offer queues an input's line unless it was taken before or is not the next one.
func (in *inbox) offer(seq uint64, line []byte) verdict {
	in.mu.Lock()
	defer in.mu.Unlock()
	cost := len(line) + entryOverhead
	switch {
	case seq <= in.taken:
		return duplicate
	case seq > in.taken+1:
		return hole
	case in.closed:
		return refused
	case len(in.queue) > 0 && in.bytes+cost > inputLimit:
		in.starved = true
		return refused
	}
	in.queue = append(in.queue, line)
	in.bytes += cost
	in.taken = seq
	in.work.ring()
	return taken
}

// finish notes that the input ends after that one, which may be yet to come.
func (in *inbox) finish(after uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.end = max(in.end, after+1)
	in.work.ring()
}

// pump writes the queued lines to the agent's stdin until that fails, as it does once the agent closes it, the inbox is closed, or
// the input ends. It returns the write's error. An end is written as what ends a terminal's input, which then may go on; without
// that it is the pump's.
func (in *inbox) pump(stdin io.Writer, end []byte) error {
	defer in.close()
	for range in.work {
		for line := in.first(); line != nil; line = in.first() {
			if _, err := stdin.Write(line); err != nil {
				return err
			}
			in.advance()
		}
		if in.isClosed() {
			return nil
		}
		if !in.atEnd() {
			continue
		}
		if end == nil {
			return nil
		}
		if _, err := stdin.Write(end); err != nil {
			return err
		}
	}
	return nil
}

// atEnd reports, once for each end, that every input before it was written.
func (in *inbox) atEnd() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.end <= in.ended || in.written+1 < in.end {
		return false
	}
	in.ended = in.end
	return true
}

// first is the line to be written next, or nil. It stays queued until it is written.
func (in *inbox) first() []byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed || len(in.queue) == 0 {
		return nil
	}
	in.writing = in.written + 1
	return in.queue[0]
}

// settle waits until a write that is under way has returned: an agent's answer may be here before that. It waits once for each write
// and not for long, since that of an agent that does not read returns late or never.
func (in *inbox) settle() {
	for by := time.Now().Add(wire.AckDelay); in.isUnsettled(); time.Sleep(wire.AckDelay / 100) {
		if time.Now().After(by) {
			in.awaitNoMore()
			return
		}
	}
}

// isUnsettled reports whether a write is under way that was not waited for.
func (in *inbox) isUnsettled() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.writing > max(in.written, in.awaited)
}

func (in *inbox) awaitNoMore() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.awaited = in.writing
}

func (in *inbox) advance() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.bytes -= len(in.queue[0]) + entryOverhead
	in.news += len(in.queue[0])
	in.queue[0] = nil
	in.queue = in.queue[1:]
	in.written++
	in.progress.ring()
}

// close refuses further input and ends the pump, unless that is inside a write: closing stdin ends that.
func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.work.ring()
}

func (in *inbox) isClosed() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.closed
}

// given is the last input that the agent has been given.
func (in *inbox) given() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.written
}

// givenLately is given, with the size of what was given since it was last asked.
func (in *inbox) givenLately() (seq uint64, bytes int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	bytes, in.news = in.news, 0
	return in.written, bytes
}

// recovered reports, once, that the agent has caught up after inputs had to be refused.
func (in *inbox) recovered() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.starved || in.closed || len(in.queue) > 0 {
		return false
	}
	in.starved = false
	return true
}
