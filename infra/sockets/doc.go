// Package sockets is the actors' port Links: the WebSockets of clients and bridges, from the HTTP handshake to the close.
//
// A link is one socket. One goroutine reads it; it decodes a frame, gives it to the link's owner, and goes on while no
// more than a window of bytes is uncredited, so that a slow owner stops the peer through TCP. Meanwhile it does not see
// its peer leave: that pings cannot be written tells. The actors that a line or its ack wakes run on the reader's
// goroutine where the engine has it so. What is rare does not run there, for its stack would stay large for as long as
// the link is idle. A frame to be sent is written by whoever sends it, as far as the kernel takes it without blocking and
// nothing waits before it. The rest is queued in the link's outbox, which is bounded, and a goroutine that writes it lives
// only while there is something to write; nothing else runs for an idle link. One timer per link serves all its
// waits: for the hello, for an owner, the next ping, the close.
//
// gws frames and unmasks what is read. What is written goes past it, because gws makes a system call per message, has no
// write deadlines, and blocks whoever writes; see connection.
//
// A link's life: its peer is authenticated before the upgrade; its first frame is hello, of which the pool is told;
// an actor is bound to it, or it ends; it is closed by its owner, its peer, this package's limits, or the network.
// Whoever ended it, and with whatever still under way, its last event is LinkClosed, after its reader and its writer.
package sockets
