package bridge

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// The codes of init_failed.
const (
	failWorkspace = wire.InitCodeWorkspace
	failToken     = wire.InitCodeToken
	failAgent     = wire.InitCodeAgent
	failAssigned  = wire.InitCodeAssigned
)

// session is what init_user made of the task, for the rest of its life.
type session struct {
	id      wire.SessionID
	user    wire.UserID
	binding string
	log     zerolog.Logger

	codec  lineCodec
	in     *inbox
	out    *outbox
	redact redactor
	// maxPayload is the bridge's own; it changes with the gateway.
	maxPayload *atomic.Int64

	proceed chan struct{}   // closed once the agent may start
	ctx     context.Context // ends the preparations, not the agent
	cancel  context.CancelFunc

	// The loop's.
	workspace *workspace // these four are set together
	agent     *agent
	fence     *isolation.Fence
	ready     *wire.BridgeReady
	failed    *wire.InitFailed // instead of them
	initOn    *socket          // where init_user came
	proceeds  bool             // proceed is closed
	ended     bool             // the agent has, and all of its output is in the outbox
	// asksForTime: the agent has touched its keepalive file, and no gateway was told.
	asksForTime bool

	nextToken    *wire.Secret // to be written
	writingToken bool
}

// assignment is what a task is given its user with.
type assignment struct {
	session *session
	wire.InitUser
}

// onInitUser gives the task its user. The same session again is answered again, another one is refused.
func (b *bridge) onInitUser(from *socket, f wire.InitUser) {
	if taken := b.takenBy(); taken != "" && (taken != f.SessionID || !b.cfg.Warm && f.UserID != b.cfg.UserID) {
		from.send(wire.InitFailed{Code: failAssigned, Message: fmt.Sprintf("task %s belongs to session %s", b.cfg.TaskID, taken)})
		b.log.Error().Str("session", string(f.SessionID)).Msg("refused a second session")
		return
	}
	from.greeted = time.Now() // before it is sent: see lease
	from.send(wire.Accepted{SessionID: f.SessionID})
	if b.session != nil {
		b.announceInit(from)
		return
	}
	b.forgetPass()
	s := &session{
		id: f.SessionID, user: f.UserID, binding: f.Binding,
		log:        b.log.With().Str("session", string(f.SessionID)).Str("user", string(f.UserID)).Logger(),
		codec:      lineCodec{mode: b.cfg.AgentIO, max: b.cfg.MaxFrameBytes},
		in:         newInbox(f.InSeq),
		out:        newOutbox(f.OutSeq, b.cfg.OutputBufferBytes, b.cfg.AgentOverflow),
		maxPayload: &b.maxPayload, proceed: make(chan struct{}),
	}
	s.redact.add(f.Token)
	s.ctx, s.cancel = context.WithCancel(b.ctx)
	b.session = s
	s.initOn = from
	if b.holdLease(from.greeted); !b.lease.told {
		b.proceed()
		b.confirm(from)
	}
	from.resumeFrom = &f.OutSeq // who sends init_user need not ask for the outputs
	s.log.Info().Msg("accepted the user")
	if b.preloaded != nil {
		b.wg.Go(func() { b.live(s, f, nil) })
	} else {
		b.inits <- assignment{s, f} // there is room: it is the only one
	}
	if b.link.next != nil {
		b.moveOver() // its hello said that the task is free
	}
}

// takenBy is the session that this task is for, or empty while it is anyone's.
func (b *bridge) takenBy() wire.SessionID {
	switch {
	case b.session != nil:
		return b.session.id
	case !b.cfg.Warm:
		return b.cfg.SessionID
	}
	return ""
}

func (b *bridge) onInitFailed(s *session, failed wire.InitFailed) {
	s.failed = &failed
	err := fmt.Errorf("the task could not be given its user: %s: %s", failed.Code, failed.Message)
	if b.stopping {
		b.finish(nil, "stopped before the agent was started")
		return
	}
	s.log.Error().Err(err).Msg("init failed")
	b.tellInit()
	b.ending.set(b.post, b.settle, func() { b.finish(err, "it is of no use") })
}

func (b *bridge) onReady(s *session, p prepared) {
	s.workspace, s.agent, s.fence = p.workspace, p.agent, p.fence
	s.ready = &wire.BridgeReady{SessionID: s.id, Timings: p.timings}
	s.log.Info().Int("pid", p.agent.cmd.Process.Pid).Int64("workspaceMs", p.timings.WorkspaceMs).
		Int64("tokenMs", p.timings.TokenMs).Int64("agentMs", p.timings.AgentMs).Msg("the agent runs")
	switch {
	case b.lease.lapsed: // as it was being started
		b.suspendAgent()
	case b.stopping:
		b.terminateAgent()
	}
	b.tellInit()
	b.writeToken()
	b.wg.Go(func() {
		if err := s.fence.RemoveStale(); err != nil {
			s.log.Warn().Err(err).Msg("could not remove the fencing records of sessions that ended long ago")
		}
	})
}

// tellInit tells how the init went on every socket, as soon as that is known.
func (b *bridge) tellInit() {
	for _, to := range []*socket{b.link.current, b.link.next} {
		if to != nil {
			b.announceInit(to)
			b.letOutputsFlow(to)
		}
	}
}

// announceInit sends ready or init_failed, if it is known which.
func (b *bridge) announceInit(to *socket) {
	switch s := b.session; {
	case s.failed != nil:
		to.send(*s.failed)
	case s.ready != nil:
		to.send(*s.ready)
		b.tellKeepalive(to)
	}
}

// letOutputsFlow begins the outputs on a socket once both ready was sent and the gateway has said where to begin.
func (b *bridge) letOutputsFlow(on *socket) {
	if s := b.session; s.ready != nil && on.resumeFrom != nil {
		on.carry(s.out, *on.resumeFrom, s.in)
	}
}

// onInput takes an input for the agent.
func (b *bridge) onInput(from *socket, f wire.Data) {
	s := b.session
	line, err := s.codec.input(f)
	if err != nil || f.Seq == 0 {
		s.log.Warn().Err(err).Uint64("seq", f.Seq).Msg("ignored an input that cannot be an agent's")
		return
	}
	switch verdict := s.in.offer(f.Seq, line); verdict {
	case duplicate:
		from.sendAck(s.in.given())
	case hole, refused:
		s.log.Debug().Uint64("seq", f.Seq).Stringer("verdict", verdict).Msg("an input was not taken: it will be sent again")
	}
}

// onOutputsRead forgets the outputs up to seq.
func (b *bridge) onOutputsRead(seq uint64) {
	s := b.session
	s.out.ack(seq)
	if s.ended && s.out.settled() {
		b.windDown()
	}
}

// inputProgress is the channel that says that the agent was given input.
func (b *bridge) inputProgress() <-chan struct{} {
	if b.session == nil {
		return nil
	}
	return b.session.in.progress
}

func (b *bridge) onInputGiven() {
	recovered := b.session.in.recovered()
	current := b.link.current
	if current == nil {
		return // the next hello says it
	}
	current.oweAck(b.session.in.givenLately())
	if recovered {
		b.log.Info().Msg("the agent has caught up: dialling again to have the refused input resent")
		b.moveOver()
	}
}

// writeToken writes the newest token, one at a time.
func (b *bridge) writeToken() {
	s := b.session
	if s.nextToken == nil || s.writingToken || s.workspace == nil || s.ended {
		return
	}
	token := *s.nextToken
	s.nextToken, s.writingToken = nil, true
	s.redact.add(token)
	b.wg.Go(func() {
		err := s.workspace.writeToken(token)
		b.post(func() {
			s.writingToken = false
			if err != nil {
				s.log.Error().Err(err).Msg("could not write the new token")
			} else {
				s.log.Info().Msg("wrote the new token")
			}
			b.writeToken()
		})
	})
}
