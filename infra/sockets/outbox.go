package sockets

import "bytes"

// batchBytes is how much of small frames goes into one write.
const batchBytes = 16 << 10

// batch is whole frames that are written at once.
type batch struct {
	buf []byte
	// frames is their number. seq is the last data frame's, 0 without one; bytes is the length of the data frames' texts.
	frames, bytes int
	seq           uint64
}

// outbox is what waits to be written to one link, first in, first out, but for pings and pongs, which go first. Guarded by
// its link's mu.
type outbox struct {
	control []byte
	batches []batch
	// size is the length of everything in it and of the batch that is being written.
	size int
	// last is written when all else was, and ends the writing.
	last []byte
}

// add queues a copy of an encoded frame. A text frame has the length of its text; seq is 0 for all but data.
func (o *outbox) add(encoded []byte, text int, seq uint64) {
	o.size += len(encoded)
	if n := len(o.batches); n == 0 || len(o.batches[n-1].buf)+len(encoded) > batchBytes {
		o.batches = append(o.batches, batch{buf: bytes.Clone(encoded)})
	} else {
		o.batches[n-1].buf = append(o.batches[n-1].buf, encoded...)
	}
	b := &o.batches[len(o.batches)-1]
	b.frames++
	if seq != 0 {
		b.seq = seq
		b.bytes += text
	}
}

// addControl queues a ping or a pong.
func (o *outbox) addControl(encoded []byte) {
	o.size += len(encoded)
	o.control = append(o.control, encoded...)
}

// empty reports whether nothing waits.
func (o *outbox) empty() bool { return len(o.control) == 0 && len(o.batches) == 0 && o.last == nil }

// next takes what is to be written next. Its length is given to written afterwards.
func (o *outbox) next() (b batch, ok bool) {
	switch {
	case len(o.control) > 0:
		b.buf, o.control = o.control, nil
	case len(o.batches) > 0:
		b = o.batches[0]
		o.batches[0] = batch{}
		if o.batches = o.batches[1:]; len(o.batches) == 0 {
			o.batches = nil
		}
	case o.last != nil:
		b.buf, o.last = o.last, nil
		o.size += len(b.buf)
	default:
		return batch{}, false
	}
	return b, true
}

// written takes a batch out of the size.
func (o *outbox) written(b batch) { o.size -= len(b.buf) }

// drop empties it. What is being written stays in the size.
func (o *outbox) drop() {
	o.size -= len(o.control)
	for _, b := range o.batches {
		o.size -= len(b.buf)
	}
	o.control, o.batches, o.last = nil, nil, nil
}
