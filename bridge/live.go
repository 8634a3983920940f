package bridge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// maxLogLine bounds what one line of the agent's standard error takes in the log.
const maxLogLine = 8 << 10

// standBy starts the helper that will become the agent, and lives the session's life once there is one. To begin is what takes
// a helper longest, and a task that waits for its user has the time.
func (b *bridge) standBy() {
	runtime.LockOSThread() // see startAgent
	defer runtime.UnlockOSThread()
	helper, err := startAgent(b.reaper, b.cfg.AgentIO, 0)
	if err != nil {
		helper = nil
		b.log.Warn().Err(err).Msg("could not start the helper; it is tried again when there is a user")
	}
	select {
	case init := <-b.inits:
		b.live(init.session, init.InitUser, helper)
	case <-b.left:
		if helper != nil {
			helper.abandon()
		}
	}
}

// live is the session's life outside of the loop: prepare, run the agent, clean up. The thread is the helper's; see startAgent.
func (b *bridge) live(s *session, init wire.InitUser, helper *agent) {
	defer s.cancel()

	p, failed := b.prepare(s, init, helper)
	if failed != nil {
		b.post(func() { b.onInitFailed(s, *failed) })
		return
	}
	if !b.post(func() { b.onReady(s, p) }) {
		_ = p.agent.signal(syscall.SIGKILL) // the bridge has ended meanwhile; a dead agent is as good
	}
	exit := b.relay(s, p)
	if err := p.clear(); err != nil {
		s.log.Error().Err(err).Msg("could not remove the token, the keepalive file or the temporary directory")
	}
	line := s.log.Info().Int("code", exit.Code).Str("signal", exit.Signal)
	if b.cfg.AgentStderr != StderrOutput {
		line.Str("stderr", exit.Stderr)
	}
	line.Msg("the agent has ended")
	b.post(func() { b.onAgentEnded(s, exit) })
	if err := p.fence.Release(); err != nil && !errors.Is(err, isolation.ErrOvertaken) {
		s.log.Error().Err(err).Msg("could not write down that the agent has ended")
	}
}

// prepared is what ready stands for.
type prepared struct {
	workspace *workspace
	temp      string // the agent's temporary directory
	agent     *agent
	stage     *isolation.Stage // nil unless the agent was preloaded
	fence     *isolation.Fence
	timings   wire.Timings
}

// clear removes what no later session is to find. The agent has ended.
func (p *prepared) clear() error {
	var err error
	if p.workspace != nil {
		err = p.workspace.close()
	}
	if p.temp != "" {
		err = errors.Join(err, os.RemoveAll(p.temp))
	}
	if p.stage != nil {
		p.stage.Close()
	}
	return err
}

// abandon undoes what was prepared of a session that failed.
func (p *prepared) abandon() error {
	if p.agent != nil {
		p.agent.abandon()
	}
	err := p.clear()
	if p.fence != nil {
		if released := p.fence.Release(); !errors.Is(released, isolation.ErrOvertaken) {
			err = errors.Join(err, released)
		}
	}
	return err
}

// prepare makes the workspace, writes the token and has the helper become the agent, or gives both to the agent that was
// preloaded. An agent is ready once its program runs: it reads its stdin when it gets to it, and one that fails later is told
// by exit.
func (b *bridge) prepare(s *session, init wire.InitUser, helper *agent) (prepared, *wire.InitFailed) {
	var p prepared
	lap := stopwatch()
	fail := func(code string, err error) (prepared, *wire.InitFailed) {
		return p, &wire.InitFailed{Code: code, Message: errors.Join(err, p.abandon()).Error()}
	}
	var err error
	switch pre := b.preloaded; {
	case pre != nil:
		p.agent, p.stage, p.temp = pre.agent, pre.stage, pre.temp
	case helper != nil:
		p.agent = helper
	default:
		if p.agent, err = startAgent(b.reaper, b.cfg.AgentIO, 0); err != nil {
			return fail(failAgent, fmt.Errorf("start the helper: %w", err))
		}
	}
	p.agent.show(s.log, init.Window)
	fenced := b.takeFence(init)
	uid, err := b.plan.Identify(s.ctx, init.UserID)
	if err != nil {
		return fail(failWorkspace, err)
	}
	w, err := openWorkspace(s.ctx, b.root, init.WorkspaceDir, b.cfg.TokenFile, uid)
	if err != nil {
		return fail(failWorkspace, err)
	}
	if w.left > 0 {
		s.log.Warn().Int("entries", w.left).Int("uid", uid).Msg("files with several links, and devices, were not given to the user")
	}
	w.log = s.log
	p.workspace, p.timings.WorkspaceMs = w, lap()

	if err := w.writeToken(init.Token); err != nil {
		return fail(failToken, fmt.Errorf("%s in %s: %w", b.cfg.TokenFile, w.path, err))
	}
	p.timings.TokenMs = lap()

	if p.fence, err = fenced(); err == nil && init.Fence {
		err = b.tellFence(p.fence)
	}
	if err != nil {
		return fail(failWorkspace, fmt.Errorf("the session's fencing record: %w", err))
	}
	select {
	case <-s.proceed:
	case <-s.ctx.Done():
	}
	err = s.ctx.Err() // told to stop meanwhile: do not start what would be killed at once
	if err == nil && p.stage != nil {
		err = b.preloaded.take(w)
	} else if err == nil {
		err = b.makeAgent(&p, init.UserID, init.Traceparent)
	}
	if err != nil {
		return fail(failAgent, fmt.Errorf("start the agent: %w", err))
	}
	p.timings.AgentMs = lap()
	return p, nil
}

// takeFence takes the session's next epoch while other things are made, for a file system across a network takes its time for
// each. The function that it returns waits for that.
func (b *bridge) takeFence(init wire.InitUser) func() (*isolation.Fence, error) {
	type taking struct {
		fence *isolation.Fence
		err   error
	}
	taken := make(chan taking, 1)
	b.wg.Go(func() {
		fence, err := b.plan.TakeFence(init.UserID, init.SessionID, b.cfg.TaskID)
		taken <- taking{fence, err}
	})
	return func() (*isolation.Fence, error) {
		t := <-taken
		return t.fence, t.err
	}
}

// tellFence tells the gateway whose agents may still run in the workspace: it asks for that when it does not know.
func (b *bridge) tellFence(fence *isolation.Fence) error {
	others, err := fence.Others()
	if err == nil {
		b.post(func() {
			if current := b.link.current; current != nil && current == b.session.initOn { // else it was somebody else who asked
				current.send(wire.Fence{Tasks: others})
			}
		})
	}
	return err
}

// makeAgent has the helper become the agent in its workspace.
func (b *bridge) makeAgent(p *prepared, user wire.UserID, trace wire.Traceparent) error {
	argv, err := SplitCommand(b.cfg.AgentCommand)
	if err != nil {
		return err
	}
	w := p.workspace
	if err := w.makeKeepalive(keepaliveName(w.tokenFile)); err != nil {
		return err
	}
	if p.temp, err = b.plan.MakeTemp(w.uid); err != nil {
		return err
	}
	env := agentEnviron(b.cfg.passedOn(), place{
		user: wire.WorkspaceName(user), workspace: b.plan.Inside(w.path), temp: b.plan.InsideTemp(p.temp),
		keepalive: b.plan.Inside(filepath.Join(w.path, w.keepalive.name)), terminal: p.agent.terminal != nil, trace: trace,
	})
	if err := p.agent.giveTerminal(w.uid); err != nil {
		return err
	}
	return b.plan.Start(p.agent.helper, isolation.Job{Argv: argv, Env: env, Workspace: w.path, Temp: p.temp, UID: w.uid})
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
func (b *bridge) relay(s *session, p prepared) wire.Exit {
	a := p.agent
	b.wg.Go(func() {
		var end []byte
		if a.terminal != nil {
			end = []byte{endOfTransmission}
		}
		err := s.in.pump(a.stdin, end)
		if err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
			s.log.Warn().Err(err).Msg("the agent takes no more input")
		}
		if a.terminal == nil {
			a.endInput() // at the end of the input, too
		}
	})
	var (
		readers sync.WaitGroup
		stderr  tail
		told    = newStderrLog(s.log)
	)
	readers.Go(func() { b.watchKeepalive(s, p.workspace, a.dead) })
	if a.terminal != nil {
		readers.Go(func() {
			if err := eachChunk(a.stdout, chunkBytes(s.codec.max), s.out.put); err != nil {
				s.log.Error().Err(err).Msg("could not read the agent's terminal")
			}
		})
	} else {
		readers.Go(func() {
			eachLine(s.log, "stdout", a.stdout, s.codec, func(piece linePiece) bool { return s.output(piece, "") })
		})
		readers.Go(func() {
			eachLine(s.log, "stderr", a.stderr, s.codec, func(piece linePiece) bool {
				text := s.redact.clean(string(piece.text))
				stderr.add(text)
				if b.cfg.AgentStderr != StderrOutput {
					told.line(text)
				}
				return b.cfg.AgentStderr == StderrLog || s.output(piece, wire.StreamStderr)
			})
		})
	}
	exit := a.wait()
	s.in.close()
	readers.Wait()
	told.close()
	a.closeOutputs()
	if exit.Stderr == "" {
		exit.Stderr = stderr.String()
	}
	return exit
}

// output puts a piece of an output line into the outbox. It reports false once that is closed.
func (s *session) output(piece linePiece, stream wire.Stream) bool {
	codec := s.codec
	codec.max = int(s.maxPayload.Load())
	payloads := codec.payloads(piece.text, piece.whole)
	for i, payload := range payloads {
		if !s.out.put(wire.Data{Payload: payload, Stream: stream, More: piece.more || i < len(payloads)-1}) {
			return false
		}
	}
	return true
}

// eachLine reads a stream to its end, or until take reports false, in lines or pieces of lines.
func eachLine(log zerolog.Logger, name string, from *outputPipe, codec lineCodec, take func(linePiece) bool) {
	lines := newLineReader(from, codec.max)
	if codec.mode == LinesText {
		lines.hurry = from.hurry
	}
	for {
		piece, err := lines.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				log.Error().Err(err).Str("stream", name).Msg("could not read the agent's output")
			}
			return
		}
		if !take(piece) {
			return
		}
	}
}
