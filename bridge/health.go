package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"hearth/messages/wire"
)

// healthTimeout bounds a health check, on both sides. ECS gives one 5 s by default.
const healthTimeout = 4 * time.Second

// healthAnswer is what a bridge whose loop turns says.
const healthAnswer = "ok\n"

// healthAddress is where a bridge answers health checks: an abstract Unix socket, which needs no file system that can be
// written, and which nobody outside of the container's network reaches. Tasks that share a network differ by their ids.
func healthAddress(task wire.TaskID) *net.UnixAddr {
	return &net.UnixAddr{Net: "unix", Name: "@hearth-bridge/" + string(task)}
}

// answerHealth answers health checks until the bridge's end. Each answer goes through the loop: a bridge that hangs gives
// none. Whether there is a gateway does not matter: a task must not end because its gateway does.
func (b *bridge) answerHealth() {
	listener, err := net.ListenUnix("unix", healthAddress(b.cfg.TaskID))
	if err != nil {
		b.log.Warn().Err(err).Msg("health checks cannot be answered")
		return
	}
	defer context.AfterFunc(b.ctx, func() { _ = listener.Close() })()
	for {
		conn, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			b.log.Warn().Err(err).Msg("a health check was not accepted")
			select {
			case <-time.After(time.Second): // out of file descriptors, most likely
			case <-b.ctx.Done():
			}
			continue
		}
		// One at a time: whoever opens more of them only waits longer.
		if err := conn.SetDeadline(time.Now().Add(healthTimeout)); err == nil && b.post(func() {}) {
			_, _ = io.WriteString(conn, healthAnswer)
		}
		_ = conn.Close() // who asked has the answer, or has gone
	}
}

// CheckHealth asks the bridge of a task, which runs in the same container, whether it is well.
func CheckHealth(ctx context.Context, task wire.TaskID) error {
	if task == "" {
		return errors.New("TASK_ID: needed, to know which task's bridge to ask")
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", healthAddress(task).Name)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	answer, err := io.ReadAll(io.LimitReader(conn, int64(len(healthAnswer))))
	if err != nil || string(answer) != healthAnswer {
		return fmt.Errorf("the bridge does not answer (%q, %v)", answer, err)
	}
	return nil
}
