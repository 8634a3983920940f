package pool

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// still is a clock at which no time goes by.
type still time.Time

func (s still) Now() time.Time { return time.Time(s) }

func (still) After(time.Duration, *actor.PID, any) actors.Timer { return nil }

// TestWhatAWaitingClientIsTold: for each cause that holds its start back, as docs/protocol.md has it.
func TestWhatAWaitingClientIsTold(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	const start, boot = 5 * time.Second, 80 * time.Second
	starting := func(p *pool, ago time.Duration) *taskRecord {
		t := &taskRecord{state: poolStarting, started: now.Add(-ago)}
		p.enter(t)
		return t
	}
	for _, test := range []struct {
		name string
		// place is the session's in the queue, from 0, and since when it waits.
		place int
		since time.Duration
		holds func(p *pool)
		want  messages.Hint
	}{
		{"a task was being started before it came", 0, time.Second, func(p *pool) { starting(p, 2*time.Second) },
			messages.Hint{Reason: wire.ReasonWarmStarting, Eta: 3 * time.Second}},
		{"one is being started for it", 0, 2 * time.Second, func(p *pool) { starting(p, 2*time.Second) },
			messages.Hint{Reason: wire.ReasonColdStarting, Eta: 3 * time.Second}},
		{"nobody is before the first, whatever keeps its start back", 0, 0, func(p *pool) { p.settings.Max = 0 },
			messages.Hint{Reason: wire.ReasonColdStarting, Eta: start}},
		{"the pool's maximum, and others before it", 1, 0, func(p *pool) { p.settings.Max = 1; starting(p, time.Second) },
			messages.Hint{Reason: wire.ReasonQueued, Eta: start}},
		{"the launch concurrency, and others before it", 2, 0, func(p *pool) {
			p.settings.LaunchConcurrency = 1
			starting(p, time.Second)
		}, messages.Hint{Reason: wire.ReasonQueued, Eta: 2 * start}},
		{"one start at a time after failures", 3, 0, func(p *pool) {
			p.backoff.streak = probeStreak
			starting(p, time.Second)
		}, messages.Hint{Reason: wire.ReasonQueued, Eta: 3 * start}},
		{"a pause after failed starts", 0, 0, func(p *pool) {
			p.lastFailure = "no room"
			p.backoff.until, p.backoff.streak = now.Add(7*time.Second), 2
		}, messages.Hint{Reason: wire.ReasonBackoff, Eta: 7*time.Second + start, Message: "no room"}},
		{"the same, with others before it", 2, 0, func(p *pool) {
			p.lastFailure = "no room"
			p.backoff.until, p.backoff.streak = now.Add(7*time.Second), probeStreak
		}, messages.Hint{Reason: wire.ReasonBackoff, Eta: 7*time.Second + 3*start, Message: "no room"}},
		{"a pause that does not hold up the task that is starting", 0, time.Minute, func(p *pool) {
			p.backoff.until = now.Add(7 * time.Second)
			starting(p, time.Second)
		}, messages.Hint{Reason: wire.ReasonColdStarting, Eta: 4 * time.Second}},
		{"no host is there at all: the pool's own start waits, too", 0, 0, func(p *pool) { p.swept = true; starting(p, 2*time.Second) },
			messages.Hint{Reason: wire.ReasonColdStarting, Eta: boot + 3*time.Second}},
		{"no host came when one should have", 0, 0, func(p *pool) { p.swept = true; starting(p, boot+start+20*time.Second) },
			messages.Hint{Reason: wire.ReasonColdStarting, Eta: 20 * time.Second}},
		{"its host has come", 0, 0, func(p *pool) { starting(p, time.Minute).hostless = now.Add(-time.Minute) },
			messages.Hint{Reason: wire.ReasonWarmStarting, Eta: start}},
		{"its host came, after a while", 0, 0, func(p *pool) { starting(p, time.Minute).hostWait = 58 * time.Second },
			messages.Hint{Reason: wire.ReasonWarmStarting, Eta: 3 * time.Second}},
		{"a start that is a little late", 0, 0, func(p *pool) { starting(p, start) },
			messages.Hint{Reason: wire.ReasonWarmStarting, Eta: minOverdue}},
		{"agents fail for everybody", 0, 0, func(p *pool) {
			p.lastFailure = "exec: not found"
			for _, user := range []wire.UserID{"al", "bo", "cy"} {
				p.breaker.fail(culprit{user: user})
			}
			starting(p, time.Second)
		}, messages.Hint{Reason: wire.ReasonWarmStarting, Eta: 4 * time.Second, Message: "exec: not found"}},
	} {
		settings := actors.DefaultSettings()
		settings.StartEstimate, settings.Boot.Cold = start, boot
		p := New(&actors.Ports{Clock: still(now)}, settings).(*pool)
		test.holds(p)
		if got := p.hint(now.Add(-test.since), test.place); *got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, *got, test.want)
		}
	}
}

// TestWhoseUsersAgentsFailIsToldForHowLong: the user's pause, and the start that comes after it if no task is ready.
func TestWhoseUsersAgentsFailIsToldForHowLong(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	settings := actors.DefaultSettings()
	p := New(&actors.Ports{Clock: still(now)}, settings).(*pool)
	p.troubles.add("al", trouble{failures: 2, reason: "no space", next: now.Add(3 * time.Second)})
	session := &sessionRecord{user: "al", claimed: now}
	p.delay(session, now.Add(3*time.Second))
	want := messages.Hint{Reason: wire.ReasonBackoff, Eta: 3*time.Second + settings.StartEstimate, Message: "no space"}
	if got := p.hintFor(session); *got != want {
		t.Errorf("%+v, want %+v", *got, want)
	}
	p.enter(&taskRecord{state: poolReady})
	want.Eta = 3 * time.Second
	if got := p.hintFor(session); *got != want {
		t.Errorf("with a ready task %+v, want %+v", *got, want)
	}
}
