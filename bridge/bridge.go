package bridge

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// leaveTimeout bounds the wait for the bridge's own goroutines. Only a system call that hangs, as on a lost network file
// system, makes it pass.
const leaveTimeout = 5 * time.Second

// bridge is the state of a task. What is below "The loop's" is touched by the loop's goroutine alone.
type bridge struct {
	cfg    Config
	log    zerolog.Logger
	root   *os.Root
	plan   *isolation.Plan
	reaper *reaper
	alive  keepalive
	settle time.Duration // settleTimeout, but for tests
	flush  time.Duration // flushTimeout, but for tests
	answer time.Duration // handshakeTimeout, but for tests
	// lookAfter is keepaliveInterval, but for tests.
	lookAfter time.Duration

	ctx    context.Context // the bridge's life: every goroutine ends with it
	cancel context.CancelFunc
	events chan func()
	inits  chan assignment // takes the one that there is
	left   chan struct{}   // closed once the loop runs no more events
	wg     sync.WaitGroup
	// maxPayload is the largest payload that an output may have: MAX_FRAME_BYTES, or the gateway's where that is smaller.
	maxPayload atomic.Int64

	// The loop's.
	link    link
	lease   lease
	session *session // nil until init_user
	// pass is what a gateway has given the task to prove with that it has no user. Invariant: nil once it has one.
	pass []byte
	// preloaded is the agent of the session to come, started before the first dial; nil unless AGENT_PRELOAD asks for one.
	preloaded *preloaded
	stopping  bool
	stopBy    time.Time // when the grace ends
	ending    alarm     // the next step towards the end
	hangUp    alarm     // the agent is told again that its user has hung up
	// dismissed: a gateway has told the task to stop. evicted: its container was told to end, and no gateway has.
	dismissed, evicted bool
	finished           bool
	failure            error
}

// Run is a bridge's whole life: cmd/bridge calls it once; tests run many side by side. It returns nil after an orderly end
// (the agent's, a stop, an orphaned warm task, or ctx's end, which has its session go on in another task) and an error where
// the task was of no use.
func Run(ctx context.Context, cfg Config, log zerolog.Logger) error {
	b, err := newBridge(ctx, cfg, log)
	if err == nil {
		err = b.run(ctx)
	}
	if why := (*unfit)(nil); errors.As(err, &why) {
		if ctx.Err() != nil {
			return nil // it was told to end before it knew whether it is fit
		}
		why.report(ctx, cfg, log)
	}
	return err
}

func newBridge(ctx context.Context, cfg Config, log zerolog.Logger) (*bridge, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	root, err := openRoot(cfg.WorkspaceRoot)
	if err != nil {
		return nil, &unfit{failWorkspace, err}
	}
	plan, err := prove(ctx, cfg, root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	b := &bridge{
		cfg: cfg, root: root, plan: plan, reaper: newReaper(),
		log:    log.With().Str("task", string(cfg.TaskID)).Logger(),
		alive:  keepalive{ping: 20 * time.Second, silence: 45 * time.Second},
		settle: settleTimeout, flush: flushTimeout, answer: handshakeTimeout, lookAfter: keepaliveInterval,
		events: make(chan func()), inits: make(chan assignment, 1), left: make(chan struct{}),
	}
	b.link.base = cfg.GatewayURL
	b.maxPayload.Store(int64(cfg.MaxFrameBytes))
	b.agreeOnLease(wire.Limits{}) // until a gateway says more
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b, nil
}

// resolveIsolation finds out what keeps users' agents apart here. cfg is valid.
func resolveIsolation(ctx context.Context, cfg Config, root *os.Root) (*isolation.Plan, error) {
	request, err := isolation.ParseRequest(cfg.Isolation)
	if err != nil {
		return nil, err
	}
	uids, err := isolation.ParseRange(cfg.UIDRange)
	if err != nil {
		return nil, err
	}
	resolved := isolation.Config{
		Request: request, UIDs: uids, Workspaces: root, Preload: cfg.Warm && cfg.AgentPreload == PreloadProcess,
		ConnectPorts: cfg.AgentConnectPorts, Limits: cfg.AgentLimits,
	}
	if !resolved.Preload { // else the agent itself is started, before the first dial
		if resolved.Argv, err = SplitCommand(cfg.AgentCommand); err != nil {
			return nil, err
		}
		resolved.Env = agentEnviron(cfg.passedOn(), place{})
	}
	if cfg.AgentRoot != "" {
		resolved.AgentRoot = filepath.Clean(cfg.AgentRoot)
	}
	for _, path := range cfg.AgentReadPaths {
		resolved.Read = append(resolved.Read, filepath.Clean(path))
	}
	return isolation.Resolve(ctx, resolved)
}

func (b *bridge) run(ctx context.Context) error {
	b.log.Info().Str("version", b.cfg.Version).Bool("warm", b.cfg.Warm).Str("gateway", b.cfg.GatewayURL).Msg("the bridge starts")
	b.log.Info().Stringer("levels", b.plan.Levels).Str("guards", b.plan.Guards()).Strs("missing", b.plan.Missing).
		Msg("agents are isolated")
	if withheld := b.cfg.withheld(); len(withheld) > 0 {
		b.log.Info().Strs("variables", withheld).Msg("agents do not get what AGENT_ENV does not name")
	}
	if unreadable := b.unreadable(); len(unreadable) > 0 {
		b.log.Warn().Strs("paths", unreadable).Msg("AGENT_COMMAND names what its agent cannot read: AGENT_READ_PATHS has to have it, or a folder that it is in, beside its default")
	}
	b.wg.Go(func() { b.reaper.run(b.ctx) })
	b.wg.Go(b.answerHealth)
	b.begin()
	told := ctx.Done()
	for !b.finished {
		select {
		case event := <-b.events:
			event()
		case <-b.inputProgress():
			b.onInputGiven()
		case <-told:
			told = nil
			b.evict()
		}
	}
	b.leave()
	return b.failure
}

// post hands f to the loop and waits until it is taken. It reports false if the loop runs no more.
func (b *bridge) post(f func()) bool {
	select {
	case b.events <- f:
		return true
	case <-b.left:
		return false
	}
}

// finish ends the loop. err is what the task failed with, if it did.
func (b *bridge) finish(err error, why string) {
	if b.finished {
		return
	}
	b.finished, b.failure = true, err
	b.log.Info().Err(err).Msg("the bridge ends: " + why)
}

// leave ends everything that is still going on, in the order that lets the last frames out.
func (b *bridge) leave() {
	close(b.left)
	b.ending.stop()
	b.hangUp.stop()
	b.link.stop()
	b.lease.stop()
	if b.link.current != nil {
		b.link.current.close()
		<-b.link.current.done // at the latest after closeTimeout
	}
	if s := b.session; s != nil {
		s.cancel()
		s.in.close()
		s.out.close()
		b.killAgent()
	} else if b.preloaded != nil {
		b.wg.Go(func() { b.abandonPreloaded(b.preloaded) })
	}
	b.cancel()
	ended := make(chan struct{})
	go func() {
		b.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(leaveTimeout):
		b.log.Error().Msg("something still hangs: the file system?")
	}
	if err := errors.Join(b.plan.Close(), b.root.Close()); err != nil {
		b.log.Warn().Err(err).Msg("could not close the workspace root")
	}
}

// onFrame handles a frame of the gateway's.
func (b *bridge) onFrame(from *socket, frame wire.Frame) {
	if !b.link.hears(from) {
		return // a socket that was replaced: the gateway says it again on the new one
	}
	if f, ok := frame.(wire.Limits); ok { // it tells no more than that there is a gateway
		b.onLimits(from, f)
		return
	}
	from.answered = true
	if from == b.link.next {
		b.promote()
	}
	switch f := frame.(type) {
	case wire.InitUser:
		b.onInitUser(from, f)
	case wire.Stop:
		b.dismiss(f)
	case wire.Redial:
		b.onRedial(f)
	case wire.Pass:
		b.onPass(f)
	case wire.Unknown:
		b.log.Debug().Str("type", f.Type).Msg("ignored a frame of an unknown type")
	default:
		if _, answer := frame.(wire.Ack); answer && b.session == nil {
			return // it answers the hello
		}
		if b.session == nil {
			b.log.Warn().Str("type", frame.FrameType()).Msg("ignored a frame that needs a session")
			return
		}
		b.onSessionFrame(from, frame)
	}
}

// onSessionFrame handles the frames that only make sense after init_user. Each says that the gateway has the session for this task.
func (b *bridge) onSessionFrame(from *socket, frame wire.Frame) {
	s := b.session
	if _, isProceed := frame.(wire.Proceed); isProceed {
		b.proceed()
	}
	if from != s.initOn || s.proceeds {
		b.confirm(from)
	}
	switch f := frame.(type) {
	case wire.Data:
		if f.Ack > 0 {
			b.onOutputsRead(f.Ack)
		}
		b.onInput(from, f)
	case wire.Ack:
		b.onOutputsRead(f.Seq)
	case wire.Resume:
		from.resumeFrom = &f.FromSeq
		b.letOutputsFlow(from)
	case wire.Token:
		s.nextToken = &f.Token
		b.writeToken()
	case wire.EOF:
		s.in.finish(f.After)
	case wire.Resize:
		b.onResize(f)
	case wire.Signal:
		b.onSignal(f)
	}
}

// onResize tells the agent's terminal the size of the window.
func (b *bridge) onResize(f wire.Resize) {
	if s := b.session; s.agent != nil && !s.ended {
		s.agent.show(s.log, f)
	}
}

// onSignal sends the agent's processes what their user sends them.
func (b *bridge) onSignal(f wire.Signal) {
	a := b.session.agent
	if a == nil || b.session.ended {
		return
	}
	if err := a.interrupt(signalOf(f)); err != nil && !errors.Is(err, syscall.ESRCH) {
		b.session.log.Warn().Err(err).Str("signal", f.Name).Msg("could not signal the agent")
	}
}

// hello is the first frame on every socket.
func (b *bridge) hello() wire.BridgeHello {
	h := wire.BridgeHello{
		TaskID: b.cfg.TaskID, Version: b.cfg.Version, State: wire.BridgeWarm,
		SessionID: b.cfg.SessionID, UserID: b.cfg.UserID, Pass: wire.Secret(b.pass), Isolation: b.plan.Levels.String(), MaxFrameBytes: b.cfg.MaxFrameBytes, IO: b.cfg.AgentIO,
		Leases: true, AcksInData: true,
	}
	if s := b.session; s != nil {
		h.State, h.SessionID, h.UserID, h.Binding = wire.BridgeAssigned, s.id, s.user, s.binding
		h.InSeq, h.OutSeq = s.in.given(), s.out.last()
		if since := b.lease.suspendedAt; !since.IsZero() {
			h.SuspendedMs = wire.Millis(time.Since(since))
		}
	}
	return h
}

// onLimits holds to what the gateway takes from here on.
func (b *bridge) onLimits(from *socket, f wire.Limits) {
	from.agree(f)
	b.maxPayload.Store(int64(min(b.cfg.MaxFrameBytes, f.MaxFrameBytes)))
	b.agreeOnLease(f)
}

// onPass keeps the newest pass for the next hello.
func (b *bridge) onPass(f wire.Pass) {
	if b.session == nil {
		b.pass = []byte(f.Pass)
	}
}

// forgetPass is done before anything of the user's runs: whoever takes the bridge over then has nothing to show for being
// warm.
func (b *bridge) forgetPass() {
	clear(b.pass)
	b.pass = nil
}

// announce is what a new socket begins with: hello, and how the init went, which the gateway may never have heard, or may
// have forgotten in a restart.
func (b *bridge) announce(to *socket) {
	if b.session != nil {
		to.greeted = time.Now() // before it is sent: see lease
	}
	to.send(b.hello())
	if b.session != nil {
		b.announceInit(to)
	}
}
