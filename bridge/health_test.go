package bridge

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"hearth/messages/wire"
)

// A bridge answers health checks as long as its loop turns, whether or not there is a gateway, and none after its end.
func TestHealth(t *testing.T) {
	const task = wire.TaskID("health-of-a-task")
	if err := CheckHealth(t.Context(), task); err == nil {
		t.Error("a bridge that does not run answers")
	}
	ctx, cancel := context.WithCancel(t.Context())
	b := &bridge{cfg: Config{TaskID: task}, log: zerolog.Nop(), ctx: ctx, events: make(chan func()), left: make(chan struct{})}
	b.wg.Go(b.answerHealth)
	b.wg.Go(func() {
		for {
			select {
			case f := <-b.events:
				f()
			case <-b.left:
				return
			}
		}
	})
	for deadline := time.Now().Add(5 * time.Second); CheckHealth(t.Context(), task) != nil; {
		if time.Now().After(deadline) {
			t.Fatal("it does not answer")
		}
	}
	close(b.left)
	if err := CheckHealth(t.Context(), task); err == nil {
		t.Error("a bridge whose loop stands still is well")
	}
	cancel()
	b.wg.Wait()
	if err := CheckHealth(t.Context(), task); err == nil {
		t.Error("a bridge that has ended answers")
	}
}
