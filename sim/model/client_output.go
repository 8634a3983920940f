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
		c.clients.world.Later(wire.AckDelay, func() {
			c.ackWaits = false
			c.acknowledge()
		})
	}
}

// acknowledge says what was seen and not acknowledged, as a client does that acknowledges.
func (c *Client) acknowledge() {
	if c.Acks && c.link != nil && c.Seen > c.unacked.Acked {
		c.unacked.Sent(c.Seen)
		c.link.send(wire.Ack{Seq: c.Seen})
	}
}
