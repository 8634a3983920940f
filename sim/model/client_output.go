package model

import "hearth/messages/wire"

// data takes an output.
func (c *Client) data(f wire.Data) {
	c.Seen = max(c.Seen, f.Seq)
	switch {
	case !c.Acks:
	case c.unacked.Add(c.Seen, 0):
		c.acknowledge()
	case !c.ackWaits:
		c.ackWaits = true
		c.clients.world.Later(wire.OutputAckDelay, func() {
			c.ackWaits = false
			c.acknowledge()
		})
	}
}

// owes reports whether it is to acknowledge what it has seen.
func (c *Client) owes() bool { return c.Acks && c.accepted && c.Seen > c.unacked.Acked }

// acksInData reports whether a client or a container with that number is of a version that knows acknowledgements that come with data.
// Most are.
func acksInData(number int) bool { return number%4 != 0 }

// acknowledge says what was seen and not acknowledged, as a client does that acknowledges.
func (c *Client) acknowledge() {
	if c.owes() && c.link != nil {
		c.unacked.Sent(c.Seen)
		c.link.send(wire.Ack{Seq: c.Seen})
	}
}
