package chaos

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// mutant breaks one rule on purpose, in what is around the actors and never in them.
type mutant struct {
	name string
	mute func(*model.Options)
}

// Losing or repeating a message is what an actor with a mistake would do that does not send it, or sends it twice.
var mutants = []mutant{
	{"the launcher forgets the client token", launching(func(l *launcherMutant, to *actor.PID, r messages.RunTask) {
		if l.runs++; l.runs%3 == 0 {
			r.Task += "x"
		}
		l.Launcher.Run(to, r)
	})},
	{"starts are asked for twice", launching(func(l *launcherMutant, to *actor.PID, r messages.RunTask) {
		l.Launcher.Run(to, r)
		r.Task += "twin"
		l.Launcher.Run(to, r)
	})},
	{"the maximum is one more", settings(func(s *actors.Settings) { s.Max++ })},
	{"the minimum is one more", settings(func(s *actors.Settings) { s.Min, s.Max = s.Min+1, max(s.Max, s.Min+1) })},
	{"the threshold is one less", settings(func(s *actors.Settings) { s.Threshold = max(0, s.Threshold-1) })},
	{"what is too many is kept", settings(func(s *actors.Settings) { s.SurplusTTL = 24 * time.Hour })},
	{"the schedule is looked at once", settings(func(s *actors.Settings) {
		if s.Schedule != nil {
			s.Schedule = stopped{s.Schedule}
		}
	})},
	{"the schedule comes late", settings(func(s *actors.Settings) {
		if s.Schedule != nil {
			s.Schedule = late{s.Schedule}
		}
	})},
	{"the forecast hears of no session", forecasting(func(f actors.Forecast) actors.Forecast { return deafForecast{f} })},
	{"the forecast is asked once", forecasting(func(f actors.Forecast) actors.Forecast { return &firstForecast{Forecast: f} })},
	{"the target is one more than the forecast's", forecasting(func(f actors.Forecast) actors.Forecast { return moreForecast{f} })},
	{"the shadow has a larger maximum", settings(func(s *actors.Settings) {
		if s.Shadow != nil {
			more := *s.Shadow
			more.Max += 2
			more.Min += 2
			s.Shadow = &more
		}
	})},
	{"who leaves is waited for", settings(func(s *actors.Settings) { s.AbandonGrace = time.Hour })},
	{"the pool does not hear who leaves", losing(func(m any) bool {
		presence, ok := m.(*messages.Presence)
		return ok && !presence.Here
	})},
	{"the pool does not hear who is back", losing(func(m any) bool {
		presence, ok := m.(*messages.Presence)
		return ok && presence.Here
	})},
	{"one launch too many at once", settings(func(s *actors.Settings) { s.LaunchConcurrency++ })},
	{"the start deadline is never", settings(func(s *actors.Settings) { s.StartTimeout = time.Hour })},
	{"failures put nothing off", settings(func(s *actors.Settings) { s.BackoffBase, s.BackoffMax = 1, 1 })},
	{"waiting clients hear nothing", settings(func(s *actors.Settings) { s.HintInterval = 10 * time.Second })},

	{"a failed task is kept secret", losing(func(m any) bool { return is[*messages.TaskFailed](m) })},
	{"an ended session is kept secret", losing(func(m any) bool { return is[*messages.SessionEnded](m) })},
	{"a session is not told its task", losing(func(m any) bool { return is[*messages.Bound](m) })},
	{"a task is not told to stop", losing(func(m any) bool { return is[*messages.Retire](m) })},
	{"a stop's answer is ignored", losing(func(m any) bool { return is[*messages.StopDone](m) })},
	{"a task ignores that its socket is gone", losing(func(m any) bool { return is[*messages.LinkClosed](m) })},
	{"a session does not hear that its task is lost", losing(func(m any) bool { return is[*messages.TaskLost](m) })},
	{"a bridge that comes back is not noticed", losing(func(m any) bool { return is[*messages.TaskReattached](m) })},
	{"no alarm rings", losing(func(m any) bool { return is[*messages.Alarm](m) })},
	{"a task is assigned twice", repeating(func(m any) bool { return is[*messages.Assign](m) })},
	{"a task is another session's", changing(func(_ *actor.PID, m any) {
		if assign, ok := m.(*messages.Assign); ok {
			assign.Session = "s-other"
		}
	})},

	{"nobody notices that a host drains", losing(func(m any) bool {
		seen, ok := m.(*messages.HostSeen)
		return ok && seen.Draining
	})},
	{"nobody misses a lost host", losing(func(m any) bool { return is[*messages.HostMissing](m) })},
	{"the pool does not hear of its hosts", losing(func(m any) bool { return is[*messages.HostChanged](m) })},

	{"one output in ten is lost", sending(func(l *linksMutant, id messages.LinkID, f wire.Frame) bool {
		data, ok := f.(wire.Data)
		return ok && data.Seq%10 == 3 || l.Links.Send(id, f)
	})},
	{"lines are sent twice", sending(func(l *linksMutant, id messages.LinkID, f wire.Frame) bool {
		written := l.Links.Send(id, f)
		return is[wire.Data](f) && l.Links.Send(id, f) || written
	})},
	{"the gateway takes an input that it has for a new one", changing(func(self *actor.PID, m any) {
		if frame, ok := m.(*messages.LinkFrame); ok && strings.Contains(self.Id, "/session-") {
			if data, ok := frame.Frame.(wire.Data); ok {
				frame.Frame = wire.Data{Payload: data.Payload}
			}
		}
	})},
	{"a bridge gives its agent lines again", func(o *model.Options) { o.Bridge.Gullible = true }},
	{"passes are not asked for", func(o *model.Options) {
		wrap(o, func(p *actors.Ports) { p.Signer = credulous{p.Signer} })
	}},
	{"a bridge keeps its pass", func(o *model.Options) { o.Bridge.Hoarding = true }},
	{"an agent is taken for ended when its task is lost", changing(func(_ *actor.PID, m any) {
		if failed, ok := m.(*messages.TaskFailed); ok {
			failed.Vacated = true
		}
	})},
	{"a bridge lets its agent run on", func(o *model.Options) { o.Bridge.Leaseless = true }},
	{"a gateway that has begun waits for no lease", changing(func(_ *actor.PID, m any) {
		if assign, ok := m.(*messages.Assign); ok {
			assign.Fence = false
		}
	})},
	{"init_user is sent twice", sending(func(l *linksMutant, id messages.LinkID, f wire.Frame) bool {
		written := l.Links.Send(id, f)
		if init, ok := f.(wire.InitUser); ok {
			init.SessionID += "x"
			l.Links.Send(id, init)
		}
		return written
	})},
	{"no resume is sent", sending(withoutFrame[wire.Resume])},
	{"no token is sent", sending(withoutFrame[wire.Token])},
	{"no ack is sent", sending(withoutFrame[wire.Ack])},
	{"errors are swallowed", sending(func(l *linksMutant, id messages.LinkID, f wire.Frame) bool {
		return !is[wire.Error](f) && !is[wire.Bye](f) && l.Links.Send(id, f)
	})},
	{"sockets are not closed", links(func(l *linksMutant) { l.keepOpen = true })},
	{"bytes are never credited", links(func(l *linksMutant) { l.credits = 0 })},
	{"bytes are credited twice", links(func(l *linksMutant) { l.credits = 2 })},
}

// hunts is how many storms a mutant may survive at most.
const hunts = 150

func TestTheHuntFindsEveryMutant(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			for seed := uint64(1); seed <= hunts; seed++ {
				if broken := firstBroken(seed, m.mute); broken != "" {
					t.Logf("found by storm %d: %s", seed, broken)
					return
				}
			}
			t.Errorf("survived %d storms", hunts)
		})
	}
}

// firstBroken is the first promise that a mutant breaks in a storm, empty when it breaks none. A world that does not come to rest,
// because its actors send one another messages for ever, panics.
func firstBroken(seed uint64, mute func(*model.Options)) (broken string) {
	defer func() {
		if stalled := recover(); stalled != nil {
			broken = fmt.Sprint(stalled)
		}
	}()
	if r := Run(seed, Options{Break: mute}); !r.Clean() {
		return r.Broken[0]
	}
	return ""
}

func is[M any](m any) bool {
	_, ok := m.(M)
	return ok
}

func settings(change func(*actors.Settings)) func(*model.Options) {
	return func(o *model.Options) { change(&o.Settings) }
}

// wrap adds to what is around the ports already.
func wrap(o *model.Options, change func(*actors.Ports)) {
	earlier := o.Wrap
	o.Wrap = func(p *actors.Ports) {
		if earlier != nil {
			earlier(p)
		}
		change(p)
	}
}

type launcherMutant struct {
	actors.Launcher
	runs int
	run  func(*launcherMutant, *actor.PID, messages.RunTask)
}

func (l *launcherMutant) Run(to *actor.PID, r messages.RunTask) { l.run(l, to, r) }

func launching(run func(*launcherMutant, *actor.PID, messages.RunTask)) func(*model.Options) {
	return func(o *model.Options) {
		wrap(o, func(p *actors.Ports) { p.Launcher = &launcherMutant{Launcher: p.Launcher, run: run} })
	}
}

// credulous takes anything for a pass, and nothing too.
type credulous struct{ actors.Signer }

func (credulous) VerifyWarmPass(wire.Secret, wire.TaskID) bool { return true }

type linksMutant struct {
	actors.Links
	send     func(*linksMutant, messages.LinkID, wire.Frame) bool
	keepOpen bool
	credits  int
}

func (l *linksMutant) Send(id messages.LinkID, f wire.Frame) (written bool) {
	if l.send != nil {
		return l.send(l, id, f)
	}
	return l.Links.Send(id, f)
}

func (l *linksMutant) Close(id messages.LinkID, code wire.CloseCode) {
	if !l.keepOpen {
		l.Links.Close(id, code)
	}
}

func (l *linksMutant) Credit(id messages.LinkID, bytes int) {
	for range l.credits {
		l.Links.Credit(id, bytes)
	}
}

func links(change func(*linksMutant)) func(*model.Options) {
	return func(o *model.Options) {
		wrap(o, func(p *actors.Ports) {
			l := &linksMutant{Links: p.Links, credits: 1}
			change(l)
			p.Links = l
		})
	}
}

func sending(send func(*linksMutant, messages.LinkID, wire.Frame) bool) func(*model.Options) {
	return links(func(l *linksMutant) { l.send = send })
}

func withoutFrame[F wire.Frame](l *linksMutant, id messages.LinkID, f wire.Frame) bool {
	return !is[F](f) && l.Links.Send(id, f)
}

// filtered is around an actor and decides what becomes of its messages.
type filtered struct {
	actor.Actor
	times  func(message any) int
	change func(self *actor.PID, message any)
}

func (f *filtered) Receive(ctx actor.Context) {
	if f.change != nil {
		f.change(ctx.Self(), ctx.Message())
	}
	for range f.times(ctx.Message()) {
		f.Actor.Receive(ctx)
	}
}

func around(f filtered) func(*model.Options) {
	return func(o *model.Options) {
		o.Around = func(a actor.Actor) actor.Actor {
			g := f
			g.Actor = a
			return &g
		}
	}
}

func losing(which func(any) bool) func(*model.Options) {
	return around(filtered{times: func(m any) int {
		if which(m) {
			return 0
		}
		return 1
	}})
}

func repeating(which func(any) bool) func(*model.Options) {
	return around(filtered{times: func(m any) int {
		if which(m) {
			return 2
		}
		return 1
	}})
}

func changing(change func(*actor.PID, any)) func(*model.Options) {
	return around(filtered{times: func(any) int { return 1 }, change: change})
}

func forecasting(change func(actors.Forecast) actors.Forecast) func(*model.Options) {
	return settings(func(s *actors.Settings) {
		if forecast := s.Forecast; forecast != nil {
			s.Forecast = func(now time.Time) actors.Forecast { return change(forecast(now)) }
		}
	})
}

// deafForecast is told of no session, firstForecast says always what it said first, moreForecast one more than it is.
type (
	deafForecast  struct{ actors.Forecast }
	firstForecast struct {
		actors.Forecast
		plan messages.Plan
	}
	moreForecast struct{ actors.Forecast }
)

func (deafForecast) Began(time.Time) {}

func (f *firstForecast) Plan(now time.Time, maximum int) messages.Plan {
	if f.plan.Target == 0 {
		f.plan = f.Forecast.Plan(now, maximum)
	}
	return f.plan
}

func (f moreForecast) Plan(now time.Time, maximum int) messages.Plan {
	plan := f.Forecast.Plan(now, maximum)
	plan.Target = min(maximum, plan.Target+1)
	return plan
}

// stopped is a schedule that says that it never changes, late one that says so later than it is.
type (
	stopped struct{ actors.Schedule }
	late    struct{ actors.Schedule }
)

func (s stopped) At(now time.Time) (target int, until time.Time) {
	target, _ = s.Schedule.At(now)
	return target, time.Time{}
}

func (l late) At(now time.Time) (target int, until time.Time) {
	const by = 2*turnSlack + time.Second
	target, until = l.Schedule.At(now.Add(-by))
	return target, until.Add(by)
}
