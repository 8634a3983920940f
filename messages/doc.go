// Package messages holds what actors tell each other. They are plain types; the frames that peers send over a socket are in
// messages/wire.
package messages
