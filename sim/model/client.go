package model

import (
	"math/rand/v2"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/world"
)

// Visit is what a client comes for. The zero Visit stays for ever and says nothing.
type Visit struct {
	User wire.UserID
	// Stay is how long it stays after it was told ready the first time; then it sends close. 0 is for ever.
	Stay time.Duration
	// Vanish has it drop its socket instead of sending close.
	Vanish bool
	// Patience is how long it waits for ready before it leaves; 0 is for ever.
	Patience time.Duration
	// Acks: it acknowledges outputs. Numbers: it numbers its inputs, and resends those that were not acknowledged.
	Acks, Numbers bool
	// Typing is the pause between its inputs, from its first ready on; nil is none.
	Typing Distribution
	// TokenLasts is how long each of its tokens is good; 0 is for ever.
	TokenLasts time.Duration
	// Early is how many inputs it sends before it is told ready.
	Early int
	// Window is the size of its window, zero where it shows no terminal.
	Window wire.Resize
	// Return is how long it takes to come back after a drop; nil is never.
	Return Distribution
}

// Ending is how a visit ends.
type Ending string

// The ends of a visit, as the client sees them.
const (
	// EndedClosed: it said goodbye and was told bye.
	EndedClosed Ending = "closed"
	// EndedBye: the gateway said bye for a reason of its own.
	EndedBye Ending = "bye"
	// EndedError: it was turned away with an error.
	EndedError Ending = "error"
	// EndedGone: it left by itself, or lost its socket and does not come back.
	EndedGone Ending = "gone"
)

// clients are all that there are.
type clients struct {
	model   *Model
	world   *world.World
	random  *rand.Rand
	arrived int
	present int
}

func newClients(m *Model) *clients {
	return &clients{model: m, world: m.World, random: m.World.Stream("client")}
}

// Present is the number of clients that have come and whose visit is not over.
func (m *Model) Present() int { return m.clients.present }

// Client is one visit of one user.
type Client struct {
	Visit
	// Number counts clients from 1 in the order in which they came.
	Number int
	// Token is what it shows when it dials, and what its task should have.
	Token wire.Secret
	// Session is what it was told in the last session frame.
	Session wire.SessionID
	// Arrived, ReadyAt and Ended are times; zero as long as it did not happen. ReadyAt is the first ready.
	Arrived, ReadyAt, Ended time.Time
	// Ready is the first ready frame, Readies how many there were.
	Ready   wire.Ready
	Readies int
	// Heard is the last frame but for data and acks, and HeardAt when.
	Heard   wire.Frame
	HeardAt time.Time
	// Asked is since when it waits for an agent: since its hello, or since it was told that its agent is gone. Zero while it
	// does not wait.
	Asked time.Time
	// Ending is how it ended; Bye and Error are the last that it was told of either on its latest socket.
	Ending Ending
	Bye    wire.ByeReason
	Error  wire.ErrorCode
	// Closed is the gateway's close code, 0 when the socket dropped or the client left.
	Closed wire.CloseCode

	// Sent is the last input that it sent, Acked the last that the gateway acknowledged, when it numbers.
	Sent, Acked uint64
	// Seen is the last output that it saw, Missed how many a gap said are gone, Restarts how many agents it lost.
	Seen, Missed uint64
	Restarts     int

	clients  *clients
	link     *Link
	leaving  bool
	accepted bool
	// unacked are the outputs that were not acknowledged; ackWaits says that an acknowledgement will be due.
	unacked  wire.Unacked
	ackWaits bool
	// greeted says that it was told ready on its socket. Before that no status tells it that it has an agent: a front end may wait
	// for ready.
	greeted bool
	// resumable says that the gateway knows its session.
	resumable bool
}

// Arrive has a client come now.
func (m *Model) Arrive(visit Visit) *Client {
	c := m.newClient(visit)
	c.dial(c.hello())
	if visit.Patience > 0 {
		m.World.Later(visit.Patience, func() {
			if c.ReadyAt.IsZero() {
				c.Leave()
			}
		})
	}
	return c
}

// Join has a client come now and ask for a session that there is, or was, from the output after seen on.
func (m *Model) Join(visit Visit, session wire.SessionID, seen uint64) *Client {
	c := m.newClient(visit)
	c.Session, c.Seen = session, seen
	c.Again()
	return c
}

func (m *Model) newClient(visit Visit) *Client {
	m.clients.arrived++
	m.clients.present++
	return &Client{
		Visit: visit, Number: m.clients.arrived, Arrived: m.World.Now(), Token: "user-token", clients: m.clients,
	}
}

func (c *Client) hello() wire.Hello {
	return wire.Hello{Acks: c.Acks, AcksInData: acksInData(c.Number)}
}

// dial connects and says hello.
func (c *Client) dial(hello wire.Hello) {
	n := c.clients.model.network
	hello.Window = c.Window
	c.accepted, c.Asked = false, n.world.Now()
	c.Bye, c.Error, c.Closed = "", "", 0
	c.link = n.dial(c, n.options.ClientDelay, n.options.ClientDrop, func(id messages.LinkID) any {
		return &messages.ClientArrived{Link: id, User: c.User, Token: c.Token, Expires: c.goodUntil(), Hello: hello}
	})
}

// goodUntil is the end of a token that it shows now.
func (c *Client) goodUntil() time.Time {
	if c.TokenLasts == 0 {
		return time.Time{}
	}
	return c.clients.world.Now().Add(c.TokenLasts)
}

// Link is its socket, nil when it has none.
func (c *Client) Link() *Link { return c.link }

// Over reports whether its visit is over.
func (c *Client) Over() bool { return c.Ending != "" }

// Say sends an input.
func (c *Client) Say() {
	data := wire.Data{Payload: payload(c.Sent + 1)}
	c.Sent++
	if c.Numbers {
		data.Seq = c.Sent
	}
	// What has no session yet is resent once the session frame says from where.
	if c.link != nil && (c.accepted || !c.Numbers) {
		if c.owes() && acksInData(c.Number) {
			data.Ack = c.Seen
			c.unacked.Sent(c.Seen)
		}
		c.link.send(data)
	}
}

// Leave ends the visit from the client's side, in good order or, when it is to Vanish, by dropping the socket.
func (c *Client) Leave() {
	if c.Over() || c.leaving {
		return
	}
	if c.Vanish || c.link == nil || c.ReadyAt.IsZero() {
		c.end(EndedGone)
		return
	}
	c.leaving = true
	c.link.send(wire.Close{})
}

// Refresh gives it a new token, which it hands on if it has a socket.
func (c *Client) Refresh(token wire.Secret) {
	c.Token = token
	c.Send(wire.Token{Token: token})
}

// Send sends any frame at all.
func (c *Client) Send(frame wire.Frame) {
	if c.link != nil {
		c.link.send(frame)
	}
}

// Drop cuts its socket; whether it comes back is up to its visit.
func (c *Client) Drop() {
	if c.link != nil {
		c.link.Cut()
	}
}

// Again has it dial once more although it may have a socket: the gateway replaces that one.
func (c *Client) Again() {
	if c.Over() {
		return
	}
	if c.link != nil {
		c.link.close("dialled again")
	}
	hello := c.hello()
	if c.Session != "" {
		hello.SessionID, hello.LastSeq = c.Session, c.Seen
	}
	c.dial(hello)
}

// Twin has a second client of the same user join its session with a socket of its own, and go on where this one stands.
func (c *Client) Twin() *Client {
	twin := c.clients.model.Join(c.Visit, c.Session, c.Seen)
	twin.Sent, twin.Acked = c.Sent, c.Acked
	return twin
}

func (c *Client) end(how Ending) {
	if c.Over() {
		return
	}
	c.Ending, c.Ended = how, c.clients.world.Now()
	c.clients.present--
	if c.link != nil {
		c.link.close("the client has left")
		c.link = nil
	}
	if hook := c.clients.model.options.Hooks.Done; hook != nil {
		hook(c)
	}
}

// writable: a client says little enough for there to be room.
func (c *Client) writable(*Link) {}

// closed is the end of its socket.
func (c *Client) closed(l *Link, code wire.CloseCode) {
	if l != c.link {
		return
	}
	c.link, c.Asked, c.Closed = nil, time.Time{}, code
	switch {
	case c.Over():
	case c.leaving:
		c.end(EndedClosed)
	case code == wire.CloseDraining && !c.clients.model.front.leaving:
		c.clients.world.Later(0, c.Again) // another gateway has taken over
	case code == 0, code == wire.CloseTryAgain && c.resumable, code == wire.CloseInternal:
		c.comeBack()
	case c.Bye != "":
		c.end(EndedBye)
	default:
		c.end(EndedError)
	}
}

// comeBack dials again after a while.
func (c *Client) comeBack() {
	if c.Return == nil {
		c.end(EndedGone)
		return
	}
	c.clients.world.Later(draw(c.Return, c.clients.random), func() {
		if c.link == nil {
			c.Again()
		}
	})
}

// receive takes a frame of the gateway's.
func (c *Client) receive(l *Link, frame wire.Frame) {
	if l != c.link {
		return
	}
	if hook := c.clients.model.options.Hooks.Client; hook != nil {
		hook(c, frame)
	}
	switch f := frame.(type) {
	case wire.Data:
		c.Acked = max(c.Acked, f.Ack)
		c.data(f)
		return
	case wire.Ack:
		c.Acked = max(c.Acked, f.Seq)
		return
	case wire.Session:
		c.session(f)
	case wire.Status:
		c.status(f)
	case wire.Ready:
		c.Asked = time.Time{}
		c.ready(f)
	case wire.Gap:
		c.gap(f)
	case wire.Exit:
		c.acknowledge() // the gateway's bye waits for it
	case wire.Error:
		c.Error, c.Asked = f.Code, time.Time{}
		if f.Code == wire.CodeSessionNotFound && !f.Retryable {
			c.resumable = false
		}
	case wire.Bye:
		c.Bye, c.Asked = f.Reason, time.Time{}
	}
	c.Heard, c.HeardAt = frame, c.clients.world.Now()
}

// session takes the answer to a hello. A client that numbers resends what the agent has not been given.
func (c *Client) session(f wire.Session) {
	c.Session, c.accepted, c.resumable, c.greeted = f.SessionID, true, true, false
	c.Acked = max(c.Acked, f.LastSeq)
	if c.Numbers {
		for seq := f.LastSeq + 1; seq <= c.Sent; seq++ {
			c.link.send(wire.Data{Seq: seq, Payload: payload(seq)})
		}
	}
	if !f.Resumed && c.ReadyAt.IsZero() {
		for range c.Early {
			c.Say()
		}
	}
}

// status takes how its session is.
func (c *Client) status(f wire.Status) {
	switch f.State {
	case wire.StateReady:
		if c.greeted {
			c.Asked = time.Time{}
		}
	case wire.StateReconnecting, wire.StateRestarting:
		if c.Asked.IsZero() {
			c.Asked = c.clients.world.Now()
		}
	}
}

// ready begins what it came for, the first time.
func (c *Client) ready(f wire.Ready) {
	c.Readies, c.greeted = c.Readies+1, true
	if !c.ReadyAt.IsZero() {
		if f.Path != wire.PathResumed {
			c.Restarts++
		}
		return
	}
	c.ReadyAt, c.Ready = c.clients.world.Now(), f
	if c.Stay > 0 {
		c.clients.world.Later(c.Stay, c.Leave)
	}
	if c.Typing != nil {
		c.typeOn()
	}
}

// typeOn sends inputs for as long as the visit lasts.
func (c *Client) typeOn() {
	c.clients.world.Later(draw(c.Typing, c.clients.random), func() {
		if !c.Over() && !c.leaving && !c.clients.model.calm {
			c.Say()
			c.typeOn()
		}
	})
}

func (c *Client) gap(f wire.Gap) {
	if f.To > c.Seen {
		c.Missed += f.To - f.From + 1
		c.Seen = f.To
	}
}
