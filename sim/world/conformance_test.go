package world_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"hearth/actors"
	"hearth/infra/engine"
	"hearth/sim/world"
)

// machine is what actors run on: the world or the engine.
type machine interface {
	actors.Engine
	actors.Clock
	SpawnRoot(string, actor.Actor) (*actor.PID, error)
}

// play is one scenario on one machine. It keeps what each actor has seen.
type play struct {
	machine

	mu   sync.Mutex
	seen map[string][]string
}

// script says what an actor does at what it sees: a text, the type of a message of the library's, or "terminated" and
// the child's name.
type script map[string]func(actor.Context)

// acting is an actor that follows a script.
func (p *play) acting(s script) actor.Actor {
	return actor.ReceiveFunc(func(ctx actor.Context) {
		var what string
		switch m := ctx.Message().(type) {
		case string:
			what = m
		case *actor.Terminated:
			what = "terminated " + name(m.Who)
		default:
			what = strings.TrimPrefix(fmt.Sprintf("%T", m), "*actor.")
		}
		p.note(ctx.Self(), what)
		if do := s[what]; do != nil {
			do(ctx)
		}
	})
}

// child spawns an actor below the one that is acting.
func (p *play) child(ctx actor.Context, name string, s script) *actor.PID {
	pid, err := p.Spawn(ctx, name, p.acting(s))
	if err != nil {
		p.note(ctx.Self(), err.Error())
	}
	return pid
}

func (p *play) note(who *actor.PID, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[name(who)] = append(p.seen[name(who)], what)
}

func (p *play) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, who := range slices.Sorted(maps.Keys(p.seen)) {
		fmt.Fprintf(&b, "%s: %s\n", who, strings.Join(p.seen[who], ", "))
	}
	return b.String()
}

func name(pid *actor.PID) string { return pid.Id[strings.LastIndex(pid.Id, "/")+1:] }

func panics(actor.Context) { panic("as the script says") }

func stopsItself(ctx actor.Context) { ctx.Stop(ctx.Self()) }

// scenarios are what actors may rely on, whatever they run on.
var scenarios = []struct {
	name string
	root func(p *play) script
	want string
}{
	{
		"a panic stops the actor, its parent hears of it once, and what was queued is not handled",
		func(p *play) script {
			return script{"Started": func(ctx actor.Context) {
				failing := p.child(ctx, "failing", script{"go": func(ctx actor.Context) {
					ctx.Send(ctx.Self(), "more")
					panics(ctx)
				}})
				ctx.Send(failing, "go")
			}}
		},
		"failing: Started, go, Stopping, Stopped\n" +
			"root: Started, terminated failing\n",
	},
	{
		"a panic in Started does so too",
		func(p *play) script {
			return script{"Started": func(ctx actor.Context) { p.child(ctx, "failing", script{"Started": panics}) }}
		},
		"failing: Started, Stopping, Stopped\n" +
			"root: Started, terminated failing\n",
	},
	{
		"a panic takes the actor's children along, and does not touch its siblings",
		func(p *play) script {
			return script{
				"Started": func(ctx actor.Context) {
					p.child(ctx, "sibling", nil)
					failing := p.child(ctx, "failing", script{
						"Started": func(ctx actor.Context) { p.child(ctx, "grandchild", nil) },
						"go":      panics,
					})
					ctx.Send(failing, "go")
				},
				"terminated failing": func(ctx actor.Context) { ctx.Send(ctx.Children()[0], "still there?") },
			}
		},
		"failing: Started, go, Stopping, terminated grandchild, Stopped\n" +
			"grandchild: Started, Stopping, Stopped\n" +
			"root: Started, terminated failing\n" +
			"sibling: Started, still there?\n",
	},
	{
		"panics on the way out do not hinder the stop",
		func(p *play) script {
			return script{"Started": func(ctx actor.Context) {
				p.child(ctx, "leaving", script{
					"Started": func(ctx actor.Context) {
						p.child(ctx, "grandchild", nil)
						ctx.Stop(ctx.Self())
					},
					"Stopping": panics, "terminated grandchild": panics, "Stopped": panics,
				})
			}}
		},
		"grandchild: Started, Stopping, Stopped\n" +
			"leaving: Started, Stopping, terminated grandchild, Stopped\n" +
			"root: Started, terminated leaving\n",
	},
	{
		"a stop overtakes what is queued, and an actor that is stopping gets no messages",
		func(p *play) script {
			return script{"Started": func(ctx actor.Context) {
				p.child(ctx, "leaving", script{
					"Started": func(ctx actor.Context) {
						p.child(ctx, "grandchild", script{"Stopping": func(ctx actor.Context) {
							ctx.Send(ctx.Parent(), "a last word")
						}})
						ctx.Send(ctx.Self(), "queued")
						ctx.Stop(ctx.Self())
					},
				})
			}}
		},
		"grandchild: Started, Stopping, Stopped\n" +
			"leaving: Started, Stopping, terminated grandchild, Stopped\n" +
			"root: Started, terminated leaving\n",
	},
	{
		"a poison pill waits its turn, and is the last message",
		func(p *play) script {
			return script{"Started": func(ctx actor.Context) {
				leaving := p.child(ctx, "leaving", nil)
				ctx.Send(leaving, "before")
				ctx.Poison(leaving)
				ctx.Send(leaving, "after")
			}}
		},
		"leaving: Started, before, Stopping, Stopped\n" +
			"root: Started, terminated leaving\n",
	},
	{
		"a nil message is refused, and the actor goes on",
		func(p *play) script {
			return script{"Started": func(ctx actor.Context) {
				ctx.Send(ctx.Self(), nil)
				ctx.Request(ctx.Self(), nil)
				ctx.Send(ctx.Self(), "on")
			}}
		},
		"root: Started, on\n",
	},
	{
		"a timer for nobody is the caller's panic",
		func(p *play) script {
			return script{"Started": func(ctx actor.Context) {
				p.child(ctx, "failing", script{"Started": func(actor.Context) { p.After(0, nil, "lost") }})
			}}
		},
		"failing: Started, Stopping, Stopped\n" +
			"root: Started, terminated failing\n",
	},
	{
		"timers send in the order of their times, those that were stopped do not, nor to an actor that has ended",
		func(p *play) script {
			var first actors.Timer
			return script{
				"third": func(ctx actor.Context) {
					if first.Stop() {
						p.note(ctx.Self(), "what was sent was taken back")
					}
				},
				"Started": func(ctx actor.Context) {
					p.After(60*time.Millisecond, ctx.Self(), "third")
					stopped := p.After(20*time.Millisecond, ctx.Self(), "never")
					p.After(30*time.Millisecond, ctx.Self(), "second")
					first = p.After(0, ctx.Self(), "first")
					if !stopped.Stop() || stopped.Stop() {
						p.note(ctx.Self(), "it was not taken back once")
					}
					leaving := p.child(ctx, "leaving", script{"Started": stopsItself})
					p.After(20*time.Millisecond, leaving, "too late")
				},
			}
		},
		"leaving: Started, Stopping, Stopped\n" +
			"root: Started, terminated leaving, first, second, third\n",
	},
	{
		"a request to an actor that has ended is answered",
		func(p *play) script {
			return script{
				"Started": func(ctx actor.Context) { p.child(ctx, "leaving", script{"Started": stopsItself}) },
				"terminated leaving": func(ctx actor.Context) {
					ctx.Request(actor.NewPID(ctx.Self().Address, "root/leaving"), "anyone?")
				},
			}
		},
		"leaving: Started, Stopping, Stopped\n" +
			"root: Started, terminated leaving, DeadLetterResponse\n",
	},
	{
		"a request that makes an actor panic is answered, and so is one that waits behind it",
		func(p *play) script {
			return script{"Started": func(ctx actor.Context) {
				failing := p.child(ctx, "failing", script{"go": panics})
				p.child(ctx, "asking", script{"Started": func(ctx actor.Context) {
					ctx.Request(failing, "go")
					ctx.Request(failing, "go")
				}})
			}}
		},
		"asking: Started, DeadLetterResponse, DeadLetterResponse\n" +
			"failing: Started, go, Stopping, Stopped\n" +
			"root: Started, terminated failing\n",
	},
	{
		"when the root panics everything ends",
		func(p *play) script {
			return script{
				"Started": func(ctx actor.Context) {
					p.child(ctx, "child", script{"Started": func(ctx actor.Context) { ctx.Send(ctx.Parent(), "go") }})
				},
				"go": panics,
			}
		},
		"child: Started, Stopping, Stopped\n" +
			"root: Started, go, Stopping, terminated child, Stopped\n",
	},
}

func TestWhatActorsSeeInTheWorld(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			for seed := range uint64(20) {
				w := world.New(world.Options{Seed: seed})
				p := &play{machine: w, seen: make(map[string][]string)}
				if _, err := w.SpawnRoot("root", p.acting(s.root(p))); err != nil {
					t.Fatal(err)
				}
				w.Advance(time.Second)
				if got := p.String(); got != s.want {
					t.Fatalf("seed %d:\n%swant\n%s", seed, got, s.want)
				}
				w.Close()
			}
		})
	}
}

func TestWhatActorsSeeOnTheEngine(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := engine.New(engine.Config{Log: zerolog.Nop()})
			p := &play{machine: e, seen: make(map[string][]string)}
			if _, err := e.SpawnRoot("root", p.acting(s.root(p))); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(10 * time.Second); p.String() != s.want && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			if got := p.String(); got != s.want {
				t.Errorf("got\n%swant\n%s", got, s.want)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := e.Stop(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
