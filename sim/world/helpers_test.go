package world

import (
	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors/system"
)

type tick struct{}

// idle does nothing.
type idle struct{}

func (idle) Receive(actor.Context) {}

// scripted is a root actor that does what it is sent, and counts the children that have ended.
type scripted struct{ terminated []string }

func (s *scripted) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case func(actor.Context):
		m(ctx)
	case *actor.Terminated:
		s.terminated = append(s.terminated, m.Who.Id)
	}
}

// fataler is a testing.TB or a rapid.T.
type fataler interface {
	Helper()
	Fatal(...any)
}

// inside runs do in the world's root actor, a scripted one that the first call makes, and drains.
func inside(tb fataler, w *World, do func(actor.Context)) *scripted {
	tb.Helper()
	if w.root == nil {
		if _, err := w.SpawnRoot("root", &scripted{}); err != nil {
			tb.Fatal(err)
		}
	}
	var self *scripted
	if err := w.Send(w.root, func(ctx actor.Context) {
		self = ctx.Actor().(*system.Shell).Actor.(*scripted)
		do(ctx)
	}); err != nil {
		tb.Fatal(err)
	}
	if !w.Drain(1 << 20) {
		tb.Fatal("the world does not come to rest")
	}
	return self
}

// spawn starts a child that needs no name.
func spawn(ctx actor.Context, w *World, child actor.Actor) *actor.PID {
	pid, err := w.Spawn(ctx, ctx.ActorSystem().ProcessRegistry.NextId(), child)
	if err != nil {
		panic(err)
	}
	return pid
}

// thrownBy is what do panics with, or nil.
func thrownBy(do func()) (thrown any) {
	defer func() { thrown = recover() }()
	do()
	return nil
}
