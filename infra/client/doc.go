// Package client is the client's half of the wire contract (docs/protocol.md, "Client to gateway"). It serves the
// terminal client, end-to-end tests and load storms.
//
// [Dial] gives a [Session] that outlives its sockets: it numbers inputs and keeps them until the agent has been given
// them, acknowledges outputs once its consumer has taken them, and after a dropped socket dials again and resumes, so
// that nothing is lost, doubled or reordered in either direction.
//
// Two goroutines make a session. The runner (run.go) dials, one socket at a time, decides what the end of a socket means,
// and in between is the socket's writer (writer.go). The reader (reader.go) hands events to the consumer, and so stops
// reading while the consumer is slow. Nothing queues between them: the state under Session.mu says what is still to be
// sent, and the writer takes it from there at the socket's pace.
package client
