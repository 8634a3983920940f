package messages

import (
	"time"

	"hearth/messages/wire"
)

// LinkID names one peer's socket, a client's or a bridge's. It is never used twice, so that news of an old socket cannot
// pass for news of a new one.
type LinkID uint64

// ClientArrived tells the pool of an authenticated client and its first frame. Nothing more is read from the link
// until an actor is bound to it.
type ClientArrived struct {
	Link  LinkID
	User  wire.UserID
	Token wire.Secret
	// Expires is until when the token is good, zero for ever.
	Expires time.Time
	Hello   wire.Hello
}

// BridgeArrived tells the pool, and through it the task, of a bridge whose task token was valid for Hello.TaskID.
type BridgeArrived struct {
	Link  LinkID
	Hello wire.BridgeHello
}

// LinkFrame brings a peer's frame to the link's owner. Bytes is its size on the wire; the reader of that socket stops
// when too many bytes have not been credited back.
type LinkFrame struct {
	Link  LinkID
	Frame wire.Frame
	Bytes int
	// Expires is until when the token of a Token frame is good, zero for ever.
	Expires time.Time
}

// LinkWritten tells a client's owner that data frames have left for it after they had been queued: Seq is the last one's, Bytes the
// size of all since the last such message. A bridge's owner is not told: what counts there is the bridge's ack.
type LinkWritten struct {
	Link  LinkID
	Seq   uint64
	Bytes int
}

// LinkClosed tells a link's owner that the socket is gone, once, whoever closed it.
type LinkClosed struct {
	Link  LinkID
	Cause string
}
