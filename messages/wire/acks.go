package wire

import "time"

// Ack acknowledges every Data up to Seq.
type Ack struct {
	Seq uint64 `json:"seq"`
}

// FrameType is the wire's name.
func (Ack) FrameType() string { return "ack" }

// Acknowledgements are cumulative and late. Whoever processes lines acknowledges them with the next line of its own, if its peer reads
// Data.Ack; or else after AckLines of them, after AckBytes of payload, or a while after the first that is not acknowledged, whichever is
// first: a frame and a wake-up at either end for each line would cost more than the line.
//
// The while is AckDelay for inputs: what was given to an agent that dies is given to the next one unless it was acknowledged.
// It is OutputAckDelay for outputs, whose acknowledgement only lets the bridge forget them: where a client stands its hello says.
const (
	AckLines       = 32
	AckBytes       = 16 << 10
	AckDelay       = 20 * time.Millisecond
	OutputAckDelay = 150 * time.Millisecond
)

// Unacked is what was processed and not acknowledged.
type Unacked struct {
	// Acked is the last line that was acknowledged.
	Acked uint64
	bytes int
}

// Add takes in lines up to seq, of so many bytes together. It reports whether they are to be acknowledged now, without waiting for
// AckDelay.
func (u *Unacked) Add(seq uint64, bytes int) bool {
	u.bytes += bytes
	return seq >= u.Acked+AckLines || u.bytes >= AckBytes
}

// Sent notes that the lines up to seq were acknowledged.
func (u *Unacked) Sent(seq uint64) { *u = Unacked{Acked: seq} }
