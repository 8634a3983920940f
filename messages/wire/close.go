package wire

// CloseCode is a WebSocket close code.
type CloseCode uint16

// The close codes of the wire contract.
const (
	CloseNormal          CloseCode = 1000
	CloseDraining        CloseCode = 1001
	CloseNotAllowed      CloseCode = 1008
	CloseTooLarge        CloseCode = 1009
	CloseInternal        CloseCode = 1011
	CloseTryAgain        CloseCode = 1013
	CloseUnauthenticated CloseCode = 4401
	CloseNoSession       CloseCode = 4404
)
