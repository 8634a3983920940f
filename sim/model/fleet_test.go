package model

import (
	"math"
	"testing"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// withFleet makes a model of a pool on hosts, in which a start takes a second and calls take none. The pool has
// looked what runs already: tasks that a test starts itself are nobody's.
func withFleet(t *testing.T, fleet FleetOptions, change func(*Options)) *Model {
	t.Helper()
	o := Options{Settings: actors.DefaultSettings()}
	o.Cloud = CloudOptions{Boot: Fixed(time.Second), Fleet: fleet}
	o.Hooks.Broken = func(rule string) { t.Error(rule) }
	if change != nil {
		change(&o)
	}
	m := New(o)
	t.Cleanup(m.Close)
	m.World.Advance(1)
	return m
}

// tasksOn counts the tasks of each host, in the hosts' order.
func tasksOn(m *Model) []int {
	var counts []int
	for _, h := range m.Cloud.Hosts() {
		counts = append(counts, h.Tasks())
	}
	return counts
}

func wantInts(t *testing.T, what string, got []int, want ...int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
}

// run asks for tasks from nobody, and tells what came of each.
func run(m *Model, ids ...wire.TaskID) (placed, waiting, refused int) {
	for _, id := range ids {
		switch c, err := m.Cloud.start(messages.RunTask{Task: id}, m.front); {
		case err != nil:
			refused++
		case c.Host() == "":
			waiting++
		default:
			placed++
		}
	}
	return placed, waiting, refused
}

// idle switches the pool off, and has tasks that are nobody's not say so.
func idle(o *Options) {
	o.Settings.WarmPool = false
	o.Cloud.Dial = Fixed(24 * time.Hour)
	o.Bridge.Orphan = 48 * time.Hour
}

func TestTasksArePackedOntoHosts(t *testing.T) {
	m := withFleet(t, FixedHosts(2, 3), idle)
	run(m, "a", "b", "c", "d")
	wantInts(t, "tasks", tasksOn(m), 3, 1)
	m.Cloud.Task("a").Die("gone")
	m.Cloud.Task("b").Die("gone")
	wantInts(t, "tasks", tasksOn(m), 1, 1)
	m.Cloud.Hosts()[0].Drain()
	placed, _, refused := run(m, "e", "f", "g")
	wantInts(t, "placed and refused", []int{placed, refused}, 2, 1)
	wantInts(t, "tasks", tasksOn(m), 1, 3)
	m.Cloud.Hosts()[0].Activate()
	placed, _, refused = run(m, "h", "i", "j")
	wantInts(t, "placed and refused", []int{placed, refused}, 2, 1)
}

func TestOnlyAHostsFirstTaskPulls(t *testing.T) {
	m := withFleet(t, FixedHosts(1, 3), func(o *Options) { idle(o); o.Cloud.Pull = MeasuredPull })
	run(m, "a", "b")
	m.World.Advance(2 * time.Second)
	if a, b := m.Cloud.Task("a").Phase(), m.Cloud.Task("b").Phase(); a != messages.PhasePending || b != messages.PhaseRunning {
		t.Errorf("a is %s, b is %s", a, b)
	}
	m.World.Advance(44 * time.Second)
	if a := m.Cloud.Task("a").Phase(); a != messages.PhaseRunning {
		t.Errorf("a is %s", a)
	}
}

// Without hosts nobody knows of any, and no sweep is asked for.
func TestNoHosts(t *testing.T) {
	m := withFleet(t, FleetOptions{}, nil)
	m.World.Advance(time.Minute)
	if status := m.Status(); len(status.Hosts) > 0 || status.Pool.Ready != 3 {
		t.Errorf("%+v", status)
	}
}

// A group that is lacking hosts takes them from the warm pool as long as it has some, and then cold ones.
func TestCapacityProvider(t *testing.T) {
	fleet := FleetOptions{
		Slots: 2, Min: 1, Desired: 1, Max: 4, WarmSize: 1, Warm: OriginStopped,
		Wake: Fixed(20 * time.Second), Boot: Fixed(80 * time.Second),
		Provider: &ProviderOptions{Period: time.Minute, Warmup: 5 * time.Minute, ScaleInAfter: 3},
	}
	m := withFleet(t, fleet, idle)
	placed, waiting, refused := run(m, "a", "b", "c", "d", "e")
	wantInts(t, "placed, waiting and refused", []int{placed, waiting, refused}, 2, 3, 0)

	m.World.Advance(79 * time.Second) // a minute until it looks, 20 s until the host is awake
	wantInts(t, "before it is awake", tasksOn(m), 2)
	m.World.Advance(2 * time.Second)
	wantInts(t, "awake", tasksOn(m), 2, 2)
	if c := m.Cloud.Task("c"); c.WaitedFor(0) != OriginStopped || c.WaitedFor(80*time.Second) != OriginNone {
		t.Errorf("c waited for %q, %q", c.WaitedFor(0), c.WaitedFor(80*time.Second))
	}
	m.World.Advance(60 * time.Second) // 141 s: the cold one was launched at 60 s as well
	wantInts(t, "booted", tasksOn(m), 2, 2, 1)
	if e := m.Cloud.Task("e"); e.WaitedFor(0) != OriginCold {
		t.Errorf("e waited for %q", e.WaitedFor(0))
	}

	// It does not scale out again within the warm-up.
	run(m, "f", "g", "h")
	m.World.Advance(2 * time.Minute)
	wantInts(t, "in the warm-up", tasksOn(m), 2, 2, 2)
	m.World.Advance(3*time.Minute + 21*time.Second)
	wantInts(t, "after the warm-up", tasksOn(m), 2, 2, 2, 2)
	run(m, "i")
	m.World.Advance(10 * time.Minute)
	wantInts(t, "at the maximum", tasksOn(m), 2, 2, 2, 2)

	// Empty hosts go after a while, the others stay.
	for _, id := range []wire.TaskID{"i", "c", "d", "f", "e"} {
		m.Cloud.Task(id).Die("gone")
	}
	m.World.Advance(2 * time.Minute)
	if n := len(m.Cloud.Hosts()); n != 4 {
		t.Errorf("%d hosts after two looks", n)
	}
	m.World.Advance(2 * time.Minute)
	if n := len(m.Cloud.Hosts()); n >= 4 {
		t.Errorf("%d hosts after four looks", n)
	}
	for _, c := range m.Cloud.Running() {
		c.Die("gone")
	}
	m.World.Advance(10 * time.Minute)
	wantInts(t, "the minimum", tasksOn(m), 0)
}

// A group with a target below 100 % has empty hosts before tasks wait, and keeps them.
func TestTargetCapacity(t *testing.T) {
	m := withFleet(t, FleetOptions{
		Slots: 2, Min: 1, Desired: 1, Max: 9, Boot: Fixed(80 * time.Second),
		Provider: &ProviderOptions{Period: time.Minute, ScaleInAfter: 2, Target: 60},
	}, idle)
	run(m, "a", "b", "c")
	m.World.Advance(5 * time.Minute)
	wantInts(t, "two with tasks of four", tasksOn(m), 2, 1, 0, 0)
	placed, waiting, _ := run(m, "d", "e", "f")
	wantInts(t, "placed at once and waiting", []int{placed, waiting}, 3, 0)
	m.World.Advance(5 * time.Minute)
	wantInts(t, "three with tasks of five", tasksOn(m), 2, 2, 2, 0, 0)
	for _, id := range []wire.TaskID{"c", "d", "e", "f"} {
		m.Cloud.Task(id).Die("gone")
	}
	m.World.Advance(10 * time.Minute)
	wantInts(t, "one with tasks of two", tasksOn(m), 2, 0)
}

// From no host at all a group goes to two.
func TestScaleOutFromZero(t *testing.T) {
	m := withFleet(t, FleetOptions{Slots: 4, Max: 5, Boot: Fixed(time.Second), Provider: ManagedScaling()}, idle)
	run(m, "a")
	m.World.Advance(62 * time.Second)
	wantInts(t, "tasks", tasksOn(m), 1, 0)
}

func TestHostsThatGoAreReplaced(t *testing.T) {
	m := withFleet(t, FixedHosts(2, 4), idle)
	run(m, "a", "b")
	first, second := m.Cloud.Hosts()[0], m.Cloud.Hosts()[1]
	first.Lose()
	first.Lose() // once is enough
	if a := m.Cloud.Task("a"); a.Phase() != messages.PhaseStopped || m.Cloud.Live() != 0 {
		t.Errorf("a is %s, %d live", a.Phase(), m.Cloud.Live())
	}
	second.Interrupt()
	if !second.Draining() || m.Cloud.Room() != 0 {
		t.Errorf("draining %t, room %d", second.Draining(), m.Cloud.Room())
	}
	m.World.Advance(81 * time.Second)
	if hosts := m.Cloud.Hosts(); len(hosts) != 2 || hosts[1].Origin != OriginCold {
		t.Errorf("%v", hosts)
	}
	m.World.Advance(40 * time.Second)
	if hosts := m.Cloud.Hosts(); len(hosts) != 1 || m.Cloud.Host(second.ID) != nil {
		t.Errorf("%d hosts after the notice", len(hosts))
	}
	m.World.Advance(81 * time.Second)
	if n := len(m.Cloud.Hosts()); n != 2 {
		t.Errorf("%d hosts in the end", n)
	}
}

func TestHostHours(t *testing.T) {
	fleet := FleetOptions{
		Slots: 2, Min: 1, Desired: 2, Max: 4, WarmSize: 3, Warm: OriginHibernated,
		Wake: Fixed(0), Boot: Fixed(30 * time.Minute),
	}
	m := withFleet(t, fleet, idle)
	m.World.Advance(time.Hour)
	check := func(running, paused float64) {
		t.Helper()
		if r, p := m.Cloud.HostHours(); math.Abs(r-running) > 1e-6 || math.Abs(p-paused) > 1e-6 {
			t.Errorf("%v running, %v paused, want %v and %v", r, p, running, paused)
		}
	}
	check(2, 2)               // of four at most, two are desired
	m.Cloud.Hosts()[0].Lose() // one wakes, and one is prepared for half an hour
	m.World.Advance(time.Hour)
	check(4.5, 3.5)
}

// A pool on hosts that fail, are interrupted and are not always seen is the same every time, and full in the end.
func TestAFleetIsTheSameEveryTime(t *testing.T) {
	play := func(seed uint64) *Model {
		return withFleet(t, ProdFleet(), func(o *Options) {
			*o = Options{Seed: seed, Settings: o.Settings, Cloud: DefaultOptions().Cloud, Hooks: o.Hooks, Bridge: DefaultOptions().Bridge}
			o.Cloud.Fleet = ProdFleet()
			o.Cloud.Fleet.Life, o.Cloud.Fleet.Spot, o.Cloud.Fleet.Missed = Exponential(2*time.Hour), Exponential(time.Hour), 0.1
			o.Settings.MaxSessionsPerUser = 10_000
			o.Settings.StartTimeout = 10 * time.Minute
		})
	}
	var digests []string
	for _, seed := range []uint64{1, 1, 2} {
		m := play(seed)
		m.Feed(poisson(seed, 2, 10*time.Minute, 2*time.Hour))
		m.World.Advance(2 * time.Hour)
		m.Calm()
		m.World.Advance(2 * time.Hour)
		if status := m.Status(); status.Pool.Ready < 3 || len(status.Hosts) != len(m.Cloud.Hosts()) {
			t.Errorf("seed %d: %+v, hosts %+v and in the cloud %d", seed, status.Pool, status.Hosts, len(m.Cloud.Hosts()))
		}
		digests = append(digests, m.Log.Digest())
	}
	if digests[0] != digests[1] || digests[0] == digests[2] {
		t.Errorf("digests %v", digests)
	}
}
