// Package wire holds the frames of the wire contract (docs/protocol.md): plain types with their ids, close codes, validation
// and codec. It is all that a bridge, a client or a shell needs to know of a gateway, and imports nothing of ours.
package wire
