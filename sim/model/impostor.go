package model

import (
	"hearth/messages"
	"hearth/messages/wire"
)

// impostor is a bridge whose task is not in the cloud. It says hello and nothing else.
type impostor struct {
	told func(wire.Frame, wire.CloseCode)
}

// Impostor has a bridge dial that says what it is told to. Told gets every frame that it is sent, and at the end nil and
// the close code.
func (m *Model) Impostor(hello wire.BridgeHello, told func(wire.Frame, wire.CloseCode)) {
	m.network.dial(&impostor{told}, m.network.options.BridgeDelay, nil, func(id messages.LinkID) any {
		return &messages.BridgeArrived{Link: id, Hello: hello}
	})
}

func (i *impostor) receive(_ *Link, frame wire.Frame) { i.told(frame, 0) }

func (i *impostor) closed(_ *Link, code wire.CloseCode) { i.told(nil, code) }

func (*impostor) writable(*Link) {}
