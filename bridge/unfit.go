package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"hearth/bridge/isolation"
	"hearth/messages/wire"
)

// reportTimeout bounds how long a bridge tries to tell the gateway that it cannot start agents. ECS tells of its end in any case.
const reportTimeout = 5 * time.Second

// unfit says why no agent can be started in this task, for any user.
type unfit struct {
	code string
	err  error
}

func (u *unfit) Error() string { return u.err.Error() }

func (u *unfit) Unwrap() error { return u.err }

// prove tries what every agent needs before a gateway is told that the task can be given a user: that the workspaces can be written
// to, that agents can be kept apart, and that their program can be executed.
func prove(ctx context.Context, cfg Config, root *os.Root) (*isolation.Plan, error) {
	written := make(chan error, 1) // a file system across a network takes its time for each
	go func() { written <- isolation.TryWorkspaces(root) }()
	plan, err := resolveIsolation(ctx, cfg, root)
	switch unwritten := <-written; {
	case unwritten != nil:
		if err == nil {
			err = plan.Close()
		} else {
			err = nil // it follows from the other, or can wait until that is mended
		}
		return nil, errors.Join(&unfit{failWorkspace, fmt.Errorf("WORKSPACE_ROOT: %w", unwritten)}, err)
	case isolation.IsProgram(err):
		return nil, &unfit{failAgent, fmt.Errorf("AGENT_COMMAND: %w", err)}
	case err != nil:
		return nil, &unfit{wire.InitCodeIsolation, err}
	}
	return plan, nil
}

// ReportSettings tells the gateway that the settings of this task's bridge cannot be used, if they name a gateway: the bridge's
// program calls it before it ends for them.
func ReportSettings(ctx context.Context, cfg Config, log zerolog.Logger, problem error) {
	(&unfit{wire.InitCodeSettings, problem}).report(ctx, cfg, log)
}

// report tells the gateway, so that it names the reason, and starts no task after the other in vain.
func (u *unfit) report(ctx context.Context, cfg Config, log zerolog.Logger) {
	if checkBase(cfg.GatewayURL) != nil || !wire.ValidID(string(cfg.TaskID)) || cfg.TaskToken == "" {
		return // there is nobody to be told
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	for failures := 0; ; failures++ {
		err := u.reportOnce(ctx, cfg, log)
		if err == nil {
			return
		}
		select {
		case <-time.After(backoff(failures)):
		case <-ctx.Done():
			log.Warn().Err(err).Msg("the gateway could not be told why the task is of no use")
			return
		}
	}
}

// reportOnce dials, and waits until the gateway has answered or closed the socket, as one does that does not know of failures.
func (u *unfit) reportOnce(ctx context.Context, cfg Config, log zerolog.Logger) error {
	heard := make(chan struct{})
	var once sync.Once
	tell := func() { once.Do(func() { close(heard) }) }
	owner := socketOwner{
		frame: func(_ *socket, f wire.Frame) {
			if _, first := f.(wire.Limits); !first {
				tell()
			}
		},
		pong: func(*socket, time.Time) {}, exitSent: func(*socket) {}, down: func(*socket, error) { tell() },
	}
	var session wire.SessionID
	if !cfg.Warm {
		session = cfg.SessionID
	}
	s := newSocket(target(cfg.GatewayURL, session, cfg.TaskID), owner, keepalive{ping: reportTimeout, silence: reportTimeout}, log)
	if err := s.dial(ctx, cfg.TaskToken, max(cfg.MaxFrameBytes, 0)); err != nil {
		return errors.New(reasonOf(err))
	}
	s.send(wire.BridgeHello{
		TaskID: cfg.TaskID, Version: cfg.Version, State: wire.BridgeFailed, SessionID: session, Code: u.code, Message: u.Error(),
	})
	var both sync.WaitGroup
	both.Go(func() { s.read(ctx) })
	both.Go(s.write)
	var err error
	select {
	case <-heard:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.close()
	both.Wait()
	return err
}
