package bridge

import "hearth/messages/wire"

// entryOverhead is what an entry costs beside its bytes, so that a flood of empty lines is bounded as well.
const entryOverhead = 64

// replay keeps an agent's outputs until they are acknowledged. It is a plain value without locks or clocks.
//
// Invariant: kept[i] is output first+i, so the outputs kept are exactly first to last().
type replay struct {
	first uint64
	kept  []wire.Data // numbered when they are sent
	bytes int
}

// newReplay continues a count: the next output is last+1.
func newReplay(last uint64) replay { return replay{first: last + 1} }

// last is the number of the newest output ever added.
func (r *replay) last() uint64 { return r.first + uint64(len(r.kept)) - 1 }

// add numbers an output and keeps it; its payload must not be changed afterwards.
func (r *replay) add(output wire.Data) {
	r.kept = append(r.kept, output)
	r.bytes += len(output.Payload) + entryOverhead
}

// fits reports whether a payload of n bytes keeps within limit. An empty buffer takes anything, or nothing would move.
func (r *replay) fits(n, limit int) bool {
	return len(r.kept) == 0 || r.bytes+n+entryOverhead <= limit
}

// forget lets go of the outputs up to seq. What was never produced cannot be forgotten.
func (r *replay) forget(seq uint64) {
	if seq < r.first {
		return
	}
	n := min(seq, r.last()) - r.first + 1
	for i := range n {
		r.bytes -= len(r.kept[i].Payload) + entryOverhead
	}
	clear(r.kept[:n])
	r.kept = r.kept[n:]
	r.first += n
}

// after is what follows output seq: the next output; a gap, where outputs are gone; or nil at the end. It also gives the
// seq to ask with next.
func (r *replay) after(seq uint64) (wire.Frame, uint64) {
	if next := seq + 1; next < r.first {
		return wire.Gap{From: next, To: r.first - 1}, r.first - 1
	}
	if seq >= r.last() {
		return nil, seq
	}
	output := r.kept[seq+1-r.first]
	output.Seq = seq + 1
	return output, seq + 1
}
