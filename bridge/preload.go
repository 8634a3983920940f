package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// maxUnownedLines bounds how many lines of each stream go to the log while there is no user.
const maxUnownedLines = 100

// begin does what is to be done before a gateway may give the task its user, and then dials.
func (b *bridge) begin() {
	switch {
	case b.cfg.Warm && b.cfg.AgentPreload == PreloadCache:
		b.wg.Go(func() {
			b.tellWarmUp()
			b.post(b.connect)
		})
	case b.cfg.Warm && b.cfg.AgentPreload == PreloadProcess:
		b.wg.Go(b.preload)
	default:
		b.connect()
	}
}

// connect dials for the first time.
func (b *bridge) connect() {
	if b.preloaded == nil {
		b.wg.Go(b.standBy)
	}
	b.link.goneSince = time.Now()
	b.watchOrphan()
	b.dial()
}

func (b *bridge) tellWarmUp() {
	lap := stopwatch()
	if err := b.warmUp(); err != nil {
		b.log.Warn().Err(err).Msg("AGENT_PRELOAD_COMMAND has failed; agents start all the same")
		return
	}
	b.log.Info().Int64("tookMs", lap()).Msg("AGENT_PRELOAD_COMMAND has run")
}

// warmUp runs the operator's command, which may take its time, and ends what is left of it.
//
// The command comes from the image, as the bridge does, and there is no user yet whom it could harm. It runs as the bridge's
// user and without Landlock, since what it is there for is to write what agents then read and must not be able to change.
func (b *bridge) warmUp() (err error) {
	runtime.LockOSThread() // see startAgent
	defer runtime.UnlockOSThread()
	argv, err := SplitCommand(b.cfg.PreloadCommand)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "hearth-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	a, err := startAgent(b.reaper, LinesText, 0)
	if err != nil {
		return fmt.Errorf("start the helper: %w", err)
	}
	job := isolation.Job{Argv: argv, Env: warmUpEnviron(b.cfg.passedOn(), scratch), Workspace: scratch, Temp: scratch}
	if err := new(isolation.Plan).Start(a.helper, job); err != nil {
		a.abandon()
		return err
	}
	closeFiles(a.stdin)
	ctx, cancel := context.WithTimeout(b.ctx, b.cfg.PreloadTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = a.signal(syscall.SIGKILL) }) // one that is gone is as good
	defer stop()
	exit := b.logOutput(a)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("it was killed after %v", b.cfg.PreloadTimeout)
	case ctx.Err() != nil:
		return errors.New("the bridge ends")
	case exit.Code != 0:
		return fmt.Errorf("it ended with code %d %s", exit.Code, exit.Signal)
	}
	return nil
}

// logOutput writes to the log what a process says until it has ended. Nothing of it can be a user's.
func (b *bridge) logOutput(a *agent) wire.Exit {
	var readers sync.WaitGroup
	for name, from := range map[string]*outputPipe{"stdout": a.stdout, "stderr": a.stderr} {
		if from == nil {
			continue // a terminal has one output
		}
		readers.Go(func() {
			lines := 0
			eachLine(b.log, name, from, lineCodec{mode: LinesJSON, max: maxLogLine}, func(piece linePiece) bool {
				switch lines++; {
				case lines <= maxUnownedLines:
					b.log.Info().Str("stream", name).Msg(string(piece.text))
				case lines == maxUnownedLines+1:
					b.log.Warn().Str("stream", name).Int("lines", maxUnownedLines).Msg("more than that is not told")
				}
				return true
			})
		})
	}
	exit := a.wait()
	readers.Wait()
	a.closeOutputs()
	return exit
}
