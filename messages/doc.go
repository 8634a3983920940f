// Package messages holds every message of Hearth: the frames of the wire contract (docs/protocol.md) and the messages
// that actors send one another. They are plain types with their validation and codecs; the package imports nothing of
// ours.
package messages
