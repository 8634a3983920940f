package world

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

type tick struct{}

// idle does nothing.
type idle struct{}

func (idle) Receive(actor.Context) {}

// scripted is a root actor that does what it is sent.
type scripted struct{}

func (scripted) Receive(ctx actor.Context) {
	if do, ok := ctx.Message().(func(actor.Context)); ok {
		do(ctx)
	}
}

// inside runs do in the world's root actor, a scripted one that the first call makes, and drains.
func inside(tb testing.TB, w *World, do func(actor.Context)) {
	tb.Helper()
	if w.root == nil {
		if _, err := w.SpawnRoot(func() actor.Actor { return scripted{} }, "root"); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Send(w.root, do); err != nil {
		tb.Fatal(err)
	}
	if !w.Drain(1 << 20) {
		tb.Fatal("the world does not come to rest")
	}
}
