package scenario

import (
	"fmt"
	"time"

	"hearth/messages/wire"
	"hearth/sim/model"
)

// arrive has a client come and ask for a new session. Its user is its name unless told otherwise.
//
//	arrive alice user=alice acks numbers stay=5m return=1s early=3 window=100x40 in=1s
func (e *env) arrive(a *arguments) error {
	name, visit, err := e.visit(a)
	if err != nil {
		return err
	}
	return e.later(a, func() { e.register(name, e.model.Arrive(visit)) })
}

// later does something in= some time from now, or now.
func (e *env) later(a *arguments, do func()) error {
	var in time.Duration
	if err := a.duration("in", &in); err != nil {
		return err
	}
	e.model.World.Later(in, do)
	e.settle()
	return nil
}

// join has a client come and ask for a session that there is, or was.
//
//	join eve session=s1 seen=4 in=2s
func (e *env) join(a *arguments) error {
	name, visit, err := e.visit(a)
	if err != nil {
		return err
	}
	seen := 0
	if err := a.number("seen", &seen); err != nil {
		return err
	}
	session := a.text("session", "")
	id := wire.SessionID(e.narrator.ID(session))
	if id == "" {
		id = wire.SessionID(session)
	}
	return e.later(a, func() { e.register(name, e.model.Join(visit, id, uint64(seen))) })
}

func (e *env) visit(a *arguments) (string, model.Visit, error) {
	name, err := a.word(0, ""), error(nil)
	if name == "" {
		return "", model.Visit{}, fmt.Errorf("who?")
	}
	visit := model.Visit{
		User: wire.UserID(a.text("user", name)), Acks: a.has("acks"), Numbers: a.has("numbers"), Vanish: a.has("vanishes"),
	}
	back := time.Duration(-1)
	if err := a.duration("return", &back); err != nil {
		return "", visit, err
	}
	if back >= 0 {
		visit.Return = fixed(back)
	}
	for key, set := range map[string]*time.Duration{"stay": &visit.Stay, "token-lasts": &visit.TokenLasts} {
		if err := a.duration(key, set); err != nil {
			return "", visit, err
		}
	}
	if size := a.text("window", ""); size != "" {
		if visit.Window, err = window(size); err != nil {
			return "", visit, err
		}
	}
	return name, visit, a.number("early", &visit.Early)
}

// window reads a size such as 100x40.
func window(size string) (w wire.Resize, err error) {
	if _, err := fmt.Sscanf(size, "%dx%d", &w.Cols, &w.Rows); err != nil {
		return w, fmt.Errorf("%q is no size of a window", size)
	}
	return w, nil
}

// say has a client send lines for its agent.
//
//	say alice 3
func (e *env) say(a *arguments) error {
	c, err := e.client(a.word(0, ""))
	if err != nil {
		return err
	}
	var n int
	if _, err := fmt.Sscan(a.word(1, "1"), &n); err != nil {
		return fmt.Errorf("how many?")
	}
	for range n {
		c.Say()
	}
	e.settle()
	return nil
}

// send has a client send some other frame.
//
//	send alice close
//	send alice token new-token
//	send alice resize 132x50
func (e *env) send(a *arguments) error {
	c, err := e.client(a.word(0, ""))
	if err != nil {
		return err
	}
	switch kind := a.word(1, ""); kind {
	case "close":
		c.Send(wire.Close{})
	case "ping":
		c.Send(wire.Ping{ID: "1"})
	case "token":
		c.Refresh(wire.Secret(a.word(2, "new-token")))
	case "resize":
		size, err := window(a.word(2, ""))
		if err != nil {
			return err
		}
		c.Send(size)
	default:
		return fmt.Errorf("%q is no frame that a story sends", kind)
	}
	e.settle()
	return nil
}

// leave has a client end its visit: with close, or by dropping its socket if it vanishes or has no agent yet.
//
//	leave alice
func (e *env) leave(a *arguments) error {
	c, err := e.client(a.word(0, ""))
	if err != nil {
		return err
	}
	c.Leave()
	e.settle()
	return nil
}

// drop cuts a client's socket. Each end notices in its own time.
//
//	drop alice gateway=0s client=0s in=1s
func (e *env) drop(a *arguments) error {
	c, err := e.client(a.word(0, ""))
	if err != nil {
		return err
	}
	if c.Link() == nil {
		return fmt.Errorf("it has no socket")
	}
	return e.cutLink(c.Link(), a, "client")
}

// cutLink cuts a socket; the peer's notice is under its own key.
func (e *env) cutLink(link *model.Link, a *arguments, peer string) error {
	var gateway, other time.Duration
	if err := a.duration("gateway", &gateway); err != nil {
		return err
	}
	if err := a.duration(peer, &other); err != nil {
		return err
	}
	return e.later(a, func() { link.CutNoticed(gateway, other) })
}

// again has a client dial once more for its session, although it may still have a socket.
//
//	again alice
func (e *env) again(a *arguments) error {
	c, err := e.client(a.word(0, ""))
	if err != nil {
		return err
	}
	c.Again()
	e.settle()
	return nil
}

// stall has a client stop reading, or go on.
//
//	stall alice
//	stall alice off
func (e *env) stall(a *arguments) error {
	c, err := e.client(a.word(0, ""))
	if err != nil {
		return err
	}
	if c.Link() == nil {
		return fmt.Errorf("it has no socket")
	}
	c.Link().Stall(!a.has("off"))
	e.settle()
	return nil
}
