package ends

import (
	"bytes"
	"strconv"
	"time"

	"github.com/lxzan/gws"

	"hearth/messages/wire"
)

// A line that is measured is a JSON string that begins with the time at which it was sent, in nanoseconds, and is padded to
// its size. The two ends are on one machine, so they have one clock.
const stampDigits = 19

// The parts of a data frame as wire.AppendFrame writes them. The ends find them by their place: what they would spend on
// JSON, the relays could not have.
const (
	dataHead    = `{"type":"data","seq":`
	ackHead     = `,"ack":`
	payloadHead = `,"payload":`
)

// cutData gives the number and the payload of a data frame; ok is false for every other frame.
func cutData(raw []byte) (seq uint64, payload []byte, ok bool) {
	rest, ok := bytes.CutPrefix(raw, []byte(dataHead))
	if !ok {
		return 0, nil, false
	}
	numbers, payload, ok := bytes.Cut(rest, []byte(payloadHead))
	if !ok || !bytes.HasSuffix(payload, []byte(`"}`)) {
		return 0, nil, false
	}
	number, _, _ := bytes.Cut(numbers, []byte(ackHead)) // nothing is kept here until it is acknowledged
	for _, digit := range number {
		seq = seq*10 + uint64(digit-'0')
	}
	return seq, payload[:len(payload)-1], true
}

// appendData appends a data frame, with an ack unless that is 0.
func appendData(dst []byte, seq, ack uint64, payload []byte) []byte {
	dst = append(dst, dataHead...)
	dst = strconv.AppendUint(dst, seq, 10)
	if ack != 0 {
		dst = append(dst, ackHead...)
		dst = strconv.AppendUint(dst, ack, 10)
	}
	dst = append(dst, payloadHead...)
	dst = append(dst, payload...)
	return append(dst, '}')
}

// line is a payload of that many bytes, of which the stamp is yet to be written.
func line(size int) []byte {
	size = max(size, stampDigits)
	text := append([]byte{'"'}, bytes.Repeat([]byte{'x'}, size)...)
	return append(text, '"')
}

// stamp writes the time into a line.
func stamp(line []byte, now time.Time) { strconv.AppendInt(line[1:1], now.UnixNano(), 10) }

// stamped is when a line was sent; ok is false for a line without a stamp.
func stamped(line []byte) (at int64, ok bool) {
	if len(line) < stampDigits+2 {
		return 0, false
	}
	for _, digit := range line[1 : 1+stampDigits] {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		at = at*10 + int64(digit-'0')
	}
	return at, true
}

// say writes a frame.
func say(conn *gws.Conn, frame wire.Frame) error {
	return conn.WriteMessage(gws.OpcodeText, wire.AppendFrame(nil, frame))
}
