package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"hearth/messages"
)

// The codes of init_failed.
const (
	failWorkspace = "workspace"
	failToken     = "token"
	failAgent     = "agent"
	failAssigned  = "already_assigned"
)

// maxLogLine bounds what one line of the agent's standard error takes in the log.
const maxLogLine = 8 << 10

// session is what init_user made of the task, for the rest of its life.
type session struct {
	id      messages.SessionID
	user    messages.UserID
	binding string
	log     zerolog.Logger

	codec  lineCodec
	in     *inbox
	out    *outbox
	redact redactor

	ctx    context.Context // ends the preparations, not the agent
	cancel context.CancelFunc

	// The loop's.
	workspace *workspace // these three are set together
	agent     *agent
	ready     *messages.BridgeReady
	failed    *messages.InitFailed // instead of them
	ended     bool                 // the agent has, and all of its output is in the outbox
	exitSent  bool

	nextToken    *messages.Secret // to be written
	writingToken bool
}

// onInitUser gives the task its user. The same session again is answered again, another one is refused.
func (b *bridge) onInitUser(from *socket, f messages.InitUser) {
	if taken := b.takenBy(); taken != "" && (taken != f.SessionID || !b.cfg.Warm && f.UserID != b.cfg.UserID) {
		from.send(messages.InitFailed{Code: failAssigned, Message: fmt.Sprintf("task %s belongs to session %s", b.cfg.TaskID, taken)})
		b.log.Error().Str("session", string(f.SessionID)).Msg("refused a second session")
		return
	}
	from.send(messages.Accepted{SessionID: f.SessionID})
	if s := b.session; s != nil {
		b.announceInit(from)
		return
	}
	if b.stopping {
		return
	}
	s := &session{
		id: f.SessionID, user: f.UserID, binding: f.Binding,
		log:   b.log.With().Str("session", string(f.SessionID)).Str("user", string(f.UserID)).Logger(),
		codec: lineCodec{mode: b.cfg.AgentIO, max: b.cfg.MaxFrameBytes},
		in:    newInbox(f.InSeq),
		out:   newOutbox(f.OutSeq, b.cfg.OutputBufferBytes, b.cfg.AgentOverflow),
	}
	s.redact.add(f.Token)
	s.ctx, s.cancel = context.WithCancel(b.ctx)
	b.session = s
	from.resumeFrom = &f.OutSeq // who sends init_user need not ask for the outputs
	s.log.Info().Msg("accepted the user")
	b.wg.Go(func() { b.live(s, f) })
}

// takenBy is the session that this task is for, or empty while it is anyone's.
func (b *bridge) takenBy() messages.SessionID {
	switch {
	case b.session != nil:
		return b.session.id
	case !b.cfg.Warm:
		return b.cfg.SessionID
	}
	return ""
}

// live is the session's life outside of the loop: prepare, run the agent, clean up.
func (b *bridge) live(s *session, init messages.InitUser) {
	runtime.LockOSThread() // see startAgent
	defer runtime.UnlockOSThread()
	defer s.cancel()

	p, failed := b.prepare(s, init)
	if failed != nil {
		b.post(func() { b.onInitFailed(s, *failed) })
		return
	}
	if !b.post(func() { b.onReady(s, p) }) {
		_ = p.agent.signal(syscall.SIGKILL) // the bridge has ended meanwhile; a dead agent is as good
	}
	exit := b.relay(s, p.agent)
	if err := p.workspace.close(); err != nil {
		s.log.Error().Err(err).Msg("could not remove the token file")
	}
	s.log.Info().Int("code", exit.Code).Str("signal", exit.Signal).Str("stderr", exit.Stderr).Msg("the agent has ended")
	s.out.finish(exit)
	b.post(func() { b.onAgentEnded(s) })
}

// prepared is what ready stands for.
type prepared struct {
	workspace *workspace
	agent     *agent
	timings   messages.Timings
}

// prepare makes the workspace, writes the token and starts the agent. An agent is ready once its program runs: it reads its
// stdin when it gets to it, and one that fails later is told by exit.
func (b *bridge) prepare(s *session, init messages.InitUser) (prepared, *messages.InitFailed) {
	var p prepared
	lap := stopwatch()
	w, err := openWorkspace(b.root, init.WorkspaceDir, b.cfg.TokenFile)
	if err != nil {
		return p, &messages.InitFailed{Code: failWorkspace, Message: err.Error()}
	}
	p.workspace, p.timings.WorkspaceMs = w, lap()

	fail := func(code string, err error) (prepared, *messages.InitFailed) {
		return p, &messages.InitFailed{Code: code, Message: errors.Join(err, w.close()).Error()}
	}
	if err := w.writeToken(init.Token); err != nil {
		return fail(failToken, fmt.Errorf("%s in %s: %w", b.cfg.TokenFile, w.path, err))
	}
	p.timings.TokenMs = lap()

	argv, err := SplitCommand(b.cfg.AgentCommand)
	if err == nil {
		err = s.ctx.Err() // told to stop meanwhile: do not start what would be killed at once
	}
	if err == nil {
		p.agent, err = startAgent(agentSpec{argv: argv, dir: w.path, env: agentEnviron(b.cfg.Environ, w.path)}, b.reaper)
	}
	if err != nil {
		return fail(failAgent, fmt.Errorf("start the agent: %w", err))
	}
	p.timings.AgentMs = lap()
	return p, nil
}

// stopwatch gives the milliseconds since it was last asked.
func stopwatch() func() int64 {
	last := time.Now()
	return func() int64 {
		now := time.Now()
		defer func() { last = now }()
		return now.Sub(last).Milliseconds()
	}
}

// relay carries lines both ways until the agent has ended and its output was read to the end.
func (b *bridge) relay(s *session, a *agent) messages.Exit {
	b.wg.Go(func() {
		if err := s.in.pump(a.stdin); err != nil && !errors.Is(err, os.ErrClosed) {
			s.log.Warn().Err(err).Msg("the agent takes no more input")
		}
	})
	var (
		readers sync.WaitGroup
		stderr  tail
	)
	readers.Go(func() {
		s.eachLine("stdout", a.stdout, s.output)
	})
	readers.Go(func() {
		s.eachLine("stderr", a.stderr, func(line []byte, whole bool) bool {
			text := s.redact.clean(string(line))
			stderr.add(text)
			s.log.Info().Str("stream", "stderr").Msg(clip(text, maxLogLine))
			return b.cfg.AgentStderr != StderrMerge || s.output(line, whole)
		})
	})
	exit := a.wait()
	s.in.close()
	readers.Wait()
	closeFiles(a.stdout.file, a.stderr.file)
	if exit.Stderr == "" {
		exit.Stderr = stderr.String()
	}
	return exit
}

// output puts an output line into the outbox. It reports false once that is closed.
func (s *session) output(line []byte, whole bool) bool {
	for _, payload := range s.codec.payloads(line, whole) {
		if !s.out.put(payload) {
			return false
		}
	}
	return true
}

// eachLine reads a stream of the agent's to its end, or until take reports false.
func (s *session) eachLine(name string, from io.Reader, take func(line []byte, whole bool) bool) {
	lines := newLineReader(from, s.codec.max)
	for {
		line, whole, err := lines.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.log.Error().Err(err).Str("stream", name).Msg("could not read the agent's output")
			}
			return
		}
		if !take(line, whole) {
			return
		}
	}
}

func (b *bridge) onInitFailed(s *session, failed messages.InitFailed) {
	s.failed = &failed
	err := fmt.Errorf("the task could not be given its user: %s: %s", failed.Code, failed.Message)
	if b.stopping {
		b.finish(nil, "stopped before the agent was started")
		return
	}
	s.log.Error().Err(err).Msg("init failed")
	b.tellInit()
	b.ending.set(b.post, settleTimeout, func() { b.finish(err, "it is of no use") })
}

func (b *bridge) onReady(s *session, p prepared) {
	s.workspace, s.agent = p.workspace, p.agent
	s.ready = &messages.BridgeReady{SessionID: s.id, Timings: p.timings}
	s.log.Info().Int("pid", p.agent.cmd.Process.Pid).Interface("timings", p.timings).Msg("the agent runs")
	if b.stopping {
		b.signalAgent(syscall.SIGTERM)
	}
	b.tellInit()
	b.writeToken()
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
	}
}

// letOutputsFlow begins the outputs on a socket once both ready was sent and the gateway has said where to begin.
func (b *bridge) letOutputsFlow(on *socket) {
	if s := b.session; s.ready != nil && on.resumeFrom != nil {
		on.carry(s.out, *on.resumeFrom)
	}
}

// onInput takes an input for the agent.
func (b *bridge) onInput(from *socket, f messages.Data) {
	s := b.session
	line, err := s.codec.line(f.Payload)
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

// inputProgress is the channel that says that the agent was given input.
func (b *bridge) inputProgress() <-chan struct{} {
	if b.session == nil {
		return nil
	}
	return b.session.in.progress
}

func (b *bridge) onInputGiven() {
	current := b.link.current
	if current == nil {
		return // the next hello says it
	}
	current.sendAck(b.session.in.given())
	if b.session.in.recovered() {
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

func (b *bridge) onAgentEnded(s *session) {
	s.ended = true
	b.windDown()
}

func (b *bridge) onExitSent(*socket) {
	b.session.exitSent = true
	b.windDown()
}

// windDown sees to it that a task whose agent has ended ends soon as well, but not before its last words were heard.
func (b *bridge) windDown() {
	s := b.session
	switch {
	case !s.ended:
	case b.stopping && (s.exitSent || b.link.current == nil):
		b.finish(nil, "stopped")
	case s.exitSent && s.out.settled():
		b.finish(nil, "the agent has ended, and all is delivered")
	case b.stopping:
		b.ending.set(b.post, flushTimeout, func() { b.finish(nil, "stopped, without all of the agent's output delivered") })
	case s.exitSent:
		b.ending.set(b.post, settleTimeout, func() { b.finish(nil, "the agent has ended, and nobody acknowledges the rest") })
	default:
		b.ending.set(b.post, b.cfg.WarmOrphanTTL, func() { b.finish(nil, "the agent has ended, and nobody asks for the rest") })
	}
}
