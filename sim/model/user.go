package model

import (
	"encoding/json"
	"strconv"
	"time"

	"hearth/messages/wire"
)

// user is what init_user made of a task: the session's end in the bridge, and its agent.
type user struct {
	bridge *bridge
	init   wire.InitUser
	// token is the user's latest.
	token wire.Secret
	// ready or failed says how the init went, nil while it goes on.
	ready  *wire.BridgeReady
	failed *wire.InitFailed
	// in is the last input that the agent was given; early holds the inputs that came before there was an agent.
	in    uint64
	early []wire.Data
	// unacked are the inputs that were not acknowledged; ackWaits says that an acknowledgement will be due.
	unacked  wire.Unacked
	ackWaits bool
	out      replay
	// paused outputs found no room in the replay buffer: the agent waits.
	paused int
	// cursor is how far the outputs were sent on the present socket. Nothing is sent until they flow.
	cursor  uint64
	flowing bool
	// exit is the agent's end; exitSent says that it was sent on the present socket.
	exit     *wire.Exit
	exitSent bool
	// begin starts the agent; nil until all is prepared, and once it was started. proceeds says that it may start.
	begin    func()
	proceeds bool
	holding  holding
	// fence is its own of the fences on its workspace.
	fence  *fence
	fences *fences
}

// newUser begins the preparations.
func newUser(b *bridge, init wire.InitUser) *user {
	u := &user{
		bridge: b, init: init, token: init.Token, in: init.InSeq, unacked: wire.Unacked{Acked: init.InSeq}, cursor: init.OutSeq, flowing: true, out: replay{first: init.OutSeq + 1},
	}
	o := &b.options.Bridge
	workspace, token, agent := draw(o.Workspace, b.random), draw(o.Token, b.random), draw(o.Agent, b.random)
	others := u.takeFence()
	if b.stuck {
		return u
	}
	b.world.Later(workspace+token+agent, func() {
		switch {
		case u.failed != nil:
		case b.gone || b.stopping:
			b.finish()
		case b.failing || b.isOutage(init.UserID):
			u.fail(o.failCode(), failMessage)
		default:
			u.begin = func() {
				u.ready = &wire.BridgeReady{SessionID: init.SessionID, Timings: wire.Timings{
					WorkspaceMs: wire.Millis(workspace), TokenMs: wire.Millis(token), AgentMs: wire.Millis(agent),
				}}
				u.tell(false)
				u.announce(u.bridge.link, u.bridge.next)
				u.run()
			}
			if init.Fence && b.link != nil && b.link == u.holding.initial {
				b.link.send(wire.Fence{Tasks: others})
			}
			if u.proceeds {
				u.proceed()
			}
		}
	})
	return u
}

// proceed lets the agent start, once all is prepared.
func (u *user) proceed() {
	u.proceeds = true
	if begin := u.begin; begin != nil && u.failed == nil && !u.bridge.gone && !u.bridge.stopping {
		u.begin = nil
		begin()
	}
}

// fail is the end of an init that came to nothing.
func (u *user) fail(code, message string) {
	if u.failed != nil {
		return
	}
	u.failed = &wire.InitFailed{Code: code, Message: message}
	u.releaseFence()
	u.announce(u.bridge.link, u.bridge.next)
	u.bridge.endingIn(settleTimeout)
}

// announce says how the init went, if that is known, after hello and when it becomes known.
func (u *user) announce(links ...*Link) {
	for _, link := range links {
		switch {
		case link == nil || u.bridge.captured != nil:
		case u.failed != nil:
			link.send(*u.failed)
		case u.ready != nil:
			link.send(*u.ready)
		}
	}
}

// run is the agent's life.
func (u *user) run() {
	o := &u.bridge.options.Agent
	u.pump()
	for _, data := range u.early {
		u.input(data)
	}
	u.early = nil
	if o.Life != nil {
		u.bridge.world.Later(draw(o.Life, u.bridge.random), func() {
			if u.holding.lapsed {
				u.holding.end = &wire.Exit{Code: 0}
				return
			}
			u.exited(wire.Exit{Code: 0})
		})
	}
	if o.Chatter != nil {
		u.chat()
	}
}

// chat says something now and then.
func (u *user) chat() {
	u.bridge.world.Later(draw(u.bridge.options.Agent.Chatter, u.bridge.random), func() {
		if !u.bridge.gone && u.exit == nil && !u.bridge.model.calm {
			u.say()
			u.chat()
		}
	})
}

// receive takes the frames that only make sense with a user.
func (u *user) receive(frame wire.Frame) {
	switch f := frame.(type) {
	case wire.Data:
		if f.Ack > 0 {
			u.forget(f.Ack)
		}
		u.input(f)
	case wire.Ack:
		u.forget(f.Seq)
	case wire.Token:
		u.token = f.Token
	case wire.Resume:
		u.cursor, u.flowing, u.exitSent = min(f.FromSeq, u.out.last()), true, false
		u.pump()
	}
}

// forget lets go of the outputs up to seq, which may make room for what waits.
func (u *user) forget(seq uint64) {
	u.out.forget(seq)
	for u.paused > 0 && u.exit == nil && u.out.size() < u.bridge.options.Bridge.Buffer {
		u.paused--
		u.put()
	}
	u.windDown()
}

// input gives the agent a line: each once, and in order.
func (u *user) input(data wire.Data) {
	if u.ready == nil {
		if data.Seq == u.in+1+uint64(len(u.early)) {
			u.early = append(u.early, data)
		}
		return
	}
	if u.exit != nil || u.bridge.evicted || data.Seq > u.in+1 {
		return
	}
	isNew := data.Seq == u.in+1 || u.bridge.options.Bridge.Gullible
	if data.Seq <= u.in {
		u.acknowledge() // it is asked for
	} else {
		u.in = data.Seq
		u.oweAck()
	}
	if hook := u.bridge.options.Hooks.Input; hook != nil && isNew {
		hook(u.bridge.container, data)
	}
	if isNew && !u.bridge.options.Agent.Silent {
		u.bridge.world.Later(draw(u.bridge.options.Agent.Think, u.bridge.random), func() {
			if !u.bridge.gone && u.exit == nil {
				u.say()
			}
		})
	}
}

// oweAck acknowledges the inputs soon; see wire.Unacked.
func (u *user) oweAck() {
	switch {
	case u.unacked.Add(u.in, 0):
		u.acknowledge()
	case !u.ackWaits:
		u.ackWaits = true
		u.bridge.world.Later(wire.AckDelay, func() {
			u.ackWaits = false
			if !u.bridge.gone && u.in > u.unacked.Acked {
				u.acknowledge()
			}
		})
	}
}

// acknowledge says what the agent was given, unless another socket is about to.
func (u *user) acknowledge() {
	if u.bridge.link != nil && u.bridge.next == nil {
		u.unacked.Sent(u.in)
		u.bridge.link.send(wire.Ack{Seq: u.in})
	}
}

// goOn goes on with the socket that there is, after another one did not take over.
func (u *user) goOn() {
	if u.ready != nil {
		u.acknowledge()
		u.pump()
	}
}

// say puts out a line: its number.
func (u *user) say() {
	if u.holding.lapsed {
		u.holding.due++
		return
	}
	if u.paused == 0 && u.out.size() < u.bridge.options.Bridge.Buffer {
		u.put()
		return
	}
	if u.bridge.options.Bridge.Forget {
		u.out.forget(u.out.first)
		u.put()
		return
	}
	u.paused++
}

func (u *user) put() {
	u.out.add()
	u.pump()
}

// pump sends what there is to send: outputs that are due, then the exit.
func (u *user) pump() {
	if u.ready == nil || !u.flowing {
		return
	}
	for u.bridge.link != nil && u.bridge.next == nil && u.bridge.link.room() {
		frame, cursor := u.out.after(u.cursor, u.owedAlong())
		u.cursor = cursor
		if data, ok := frame.(wire.Data); ok && data.Ack > 0 {
			u.unacked.Sent(data.Ack)
		}
		switch {
		case frame != nil:
			u.bridge.link.send(frame)
		case u.exit != nil && !u.exitSent && !u.bridge.evicted:
			u.exitSent = true
			u.bridge.link.send(*u.exit)
			u.windDown()
			return
		default:
			return
		}
	}
}

// owedAlong is the input that the next output is to acknowledge, 0 for none.
func (u *user) owedAlong() uint64 {
	if u.in == u.unacked.Acked || !acksInData(u.bridge.container.number) {
		return 0
	}
	return u.in
}

// stop tells the agent to end. It takes its time, up to the grace.
func (u *user) stop(grace time.Duration) {
	again := u.bridge.stopping
	u.bridge.stopping = true
	switch {
	case u.exit != nil:
		u.windDown()
	case u.ready == nil:
		u.bridge.finish()
	case u.holding.lapsed:
		u.exited(wire.Exit{Code: 137, Signal: "SIGKILL"})
	case !again:
		farewell := min(draw(u.bridge.options.Agent.Farewell, u.bridge.random), grace)
		u.bridge.world.Later(farewell, func() { u.exited(wire.Exit{Code: 143, Signal: "SIGTERM"}) })
	}
}

// AgentEnds ends the task's agent, as if by itself.
func (t *Container) AgentEnds(exit wire.Exit) {
	if t.bridge != nil && t.bridge.user != nil {
		t.bridge.user.exited(exit)
	}
}

// exited is the agent's end. Outputs that found no room are never said.
func (u *user) exited(exit wire.Exit) {
	if u.bridge.gone || u.exit != nil {
		return
	}
	running := u.runs()
	u.exit = &exit
	u.tell(running)
	u.releaseFence()
	if u.in > u.unacked.Acked {
		u.acknowledge() // before the exit, after which nobody may listen
	}
	if u.bridge.evicted {
		u.bridge.endingIn(flushTimeout)
	}
	u.pump()
	u.windDown()
}

// windDown ends a task whose agent has ended, but not before its last words were heard.
func (u *user) windDown() {
	heard := u.bridge.link != nil && u.exitSent
	switch {
	case u.bridge.gone || u.exit == nil:
	case u.bridge.evicted:
		if u.bridge.link != nil && u.out.size() == 0 {
			u.bridge.finish()
		}
	case u.bridge.stopping && (heard || u.bridge.link == nil), heard && u.out.size() == 0:
		u.bridge.finish()
	case u.bridge.stopping:
		u.bridge.endingIn(flushTimeout)
	case heard:
		u.bridge.endingIn(settleTimeout)
	default:
		u.bridge.endingIn(orphanTimeout)
	}
}

// replay is the outputs that were not acknowledged: first to last. An output is nothing but its number.
type replay struct {
	first uint64
	count int
}

func (r *replay) last() uint64 { return r.first + uint64(r.count) - 1 }

func (r *replay) size() int { return r.count }

func (r *replay) add() { r.count++ }

// forget lets go of the outputs up to seq.
func (r *replay) forget(seq uint64) {
	if seq < r.first {
		return
	}
	n := min(seq, r.last()) - r.first + 1
	r.count -= int(n)
	r.first += n
}

// after is what follows output seq, with an ack if it is data, and the seq to ask with next; see package bridge.
func (r *replay) after(seq, ack uint64) (wire.Frame, uint64) {
	if next := seq + 1; next < r.first {
		return wire.Gap{From: next, To: r.first - 1}, r.first - 1
	}
	if seq >= r.last() {
		return nil, seq
	}
	return wire.Data{Seq: seq + 1, Ack: ack, Payload: payload(seq + 1)}, seq + 1
}

// payload is the line with a number.
func payload(n uint64) json.RawMessage { return strconv.AppendUint(nil, n, 10) }
