// Package ends has the two ends of what is measured: users' clients, whose times are taken, and behind the relays one process
// that echoes. For Hearth that process is an ECS endpoint whose tasks are bridges without agents; for the other relays it is
// a WebSocket server. Both ends say the same on every relay, in frames of the wire contract (docs/protocol.md), and on Hearth
// they acknowledge as its own client and bridge do.
package ends
