package engine

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// spawner is what is compared: this engine and the library as it comes.
type spawner struct {
	root   *actor.RootContext
	spawn  func(actor.Actor) *actor.PID
	finish func()
}

// eachEngine runs a benchmark on both; open makes a fresh one.
func eachEngine(b *testing.B, run func(b *testing.B, open func() spawner)) {
	b.Run("engine", func(b *testing.B) {
		run(b, func() spawner {
			e := New(Config{Log: quiet()})
			return spawner{e.system.Root, func(a actor.Actor) *actor.PID { return spawn(b, e, a) }, func() { finish(b, e) }}
		})
	})
	b.Run("library", func(b *testing.B) {
		run(b, func() spawner {
			system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
				return slog.New(slog.DiscardHandler)
			}))
			spawn := func(a actor.Actor) *actor.PID {
				return system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return a }))
			}
			return spawner{system.Root, spawn, system.Shutdown}
		})
	})
}

// spawn starts an actor that has no parent.
func spawn(b *testing.B, e *Engine, a actor.Actor) *actor.PID {
	pid, err := e.Spawn(e.system.Root, e.system.ProcessRegistry.NextId(), a)
	if err != nil {
		b.Error(err)
	}
	return pid
}

func finish(b *testing.B, e *Engine) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := e.Stop(ctx); err != nil {
		b.Error(err)
	}
}

// returner sends the ball back until its turns are over.
type returner struct {
	peer  *actor.PID
	turns int
	done  *sync.WaitGroup
}

func (r *returner) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.PID:
		r.peer = m
	case *numbered:
		if r.turns--; r.turns >= 0 {
			ctx.Send(r.peer, m)
		}
		if r.turns == 0 {
			r.done.Done()
		}
	}
}

// rally plays turns in each of the pairs at the same time; an op is one message.
func rally(b *testing.B, s spawner, pairs int) {
	var done sync.WaitGroup
	turns := b.N/(2*pairs) + 1
	var firsts, all []*actor.PID
	for range pairs {
		var both [2]*actor.PID
		for i := range both {
			done.Add(1)
			both[i] = s.spawn(&returner{turns: turns, done: &done})
		}
		s.root.Send(both[0], both[1])
		s.root.Send(both[1], both[0])
		firsts, all = append(firsts, both[0]), append(all, both[0], both[1])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, pid := range firsts {
		s.root.Send(pid, &numbered{})
	}
	done.Wait()
	b.StopTimer()
	for _, pid := range all {
		s.root.Stop(pid)
	}
	s.finish()
}

func BenchmarkPingPong(b *testing.B) {
	eachEngine(b, func(b *testing.B, open func() spawner) { rally(b, open(), 1) })
}

func Benchmark200Pairs(b *testing.B) {
	eachEngine(b, func(b *testing.B, open func() spawner) { rally(b, open(), 200) })
}

// BenchmarkFlood is one sender that never waits; what it is ahead by is bounded, as flow control would bound it.
func BenchmarkFlood(b *testing.B) {
	eachEngine(b, func(b *testing.B, open func() spawner) {
		s := open()
		const window = 1 << 14
		room := make(chan struct{}, 2)
		n := 0
		pid := s.spawn(actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*numbered); ok {
				if n++; n%window == 0 {
					room <- struct{}{}
				}
			}
		}))
		message := &numbered{}
		b.ReportAllocs()
		b.ResetTimer()
		ahead := 0
		for i := range (b.N/window + 1) * window {
			if i%window == 0 {
				if ahead++; ahead > 2 {
					<-room
				}
			}
			s.root.Send(pid, message)
		}
		for range min(ahead, 2) {
			<-room
		}
		b.StopTimer()
		s.root.Stop(pid)
		s.finish()
	})
}

func BenchmarkSpawnStop(b *testing.B) {
	eachEngine(b, func(b *testing.B, open func() spawner) {
		s := open()
		stopped := make(chan struct{}, 1)
		listener := actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Stopped); ok {
				stopped <- struct{}{}
			}
		})
		b.ReportAllocs()
		for b.Loop() {
			s.root.Stop(s.spawn(listener))
			<-stopped
		}
		s.finish()
	})
}

// BenchmarkIdleActor reports the heap that an actor takes while it waits, after one message.
func BenchmarkIdleActor(b *testing.B) {
	eachEngine(b, func(b *testing.B, open func() spawner) {
		const actors = 20_000
		for b.Loop() {
			var handled sync.WaitGroup
			handled.Add(actors)
			s := open()
			pids := make([]*actor.PID, actors)
			before := heap()
			for i := range pids {
				pids[i] = s.spawn(actor.ReceiveFunc(func(ctx actor.Context) {
					if _, ok := ctx.Message().(*numbered); ok {
						handled.Done()
					}
				}))
				s.root.Send(pids[i], &numbered{})
			}
			handled.Wait()
			b.ReportMetric((heap()-before)/actors, "B/actor")
			runtime.KeepAlive(pids)
			s.finish()
		}
	})
}

func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkTimer is one timer set and stopped.
func BenchmarkTimer(b *testing.B) {
	e := New(Config{Log: quiet()})
	pid := spawn(b, e, scripted{})
	message := &numbered{}
	b.ReportAllocs()
	for b.Loop() {
		e.After(time.Hour, pid, message).Stop()
	}
	e.system.Root.Stop(pid)
	finish(b, e)
}
