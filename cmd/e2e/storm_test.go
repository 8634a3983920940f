package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// How large the storm is. `make storm` has the real one.
var (
	stormSessions = flag.Int("storm.sessions", 30, "sessions in the storm")
	stormTime     = flag.Duration("storm.time", 15*time.Second, "how long the storm lasts")
	stormKills    = flag.Int("storm.kills", 2, "how often the gateway is killed meanwhile")
	stormPause    = flag.Duration("storm.pause", 100*time.Millisecond, "between two lines in either direction of a session")
	stormSeed     = flag.Uint64("storm.seed", 0, "when what is cut; 0 takes another seed each time")
)

const (
	// gust is the time between two rounds of cuts. In each, the share stormCut of all connections is cut: one lasts 4 s on
	// average, if the gateway does.
	gust     = 100 * time.Millisecond
	stormCut = 0.025
	// calm is how long after the storm everything may take to arrive.
	calm = 2 * time.Minute
)

// Every agent prints numbered lines and is given numbered lines, while the sockets of clients and bridges are cut at
// random and the gateway is killed and started again. In the end every client has every line, in order, once; so has
// every agent; and no task is left but the pool's.
func TestStorm(t *testing.T) {
	seed := *stormSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("to have the same weather again: -storm.seed=%d", seed)
	s := openStorm(t)
	sessions := s.gather(*stormSessions)
	began := time.Now()
	var talking sync.WaitGroup
	for _, each := range sessions {
		talking.Go(func() { each.talk(began.Add(*stormTime)) })
	}
	s.rage(rand.New(rand.NewPCG(seed, 0)), began)
	talking.Wait()
	resumed, heard, said := 0, 0, 0
	for _, each := range sessions {
		each.check(filepath.Join(s.dir, "workspaces", each.name, "given"))
		resumed, heard, said = resumed+each.resumed, heard+each.heard, said+each.said
	}
	t.Logf("%d sessions, %v: %d connections of clients and %d of bridges; clients resumed %d times; "+
		"%d lines came out and %d went in; all was there %v after the storm", len(sessions), *stormTime,
		len(s.clients.received()), len(s.bridges.received()), resumed, heard, said, time.Since(began.Add(*stormTime)).Round(time.Millisecond))
	if resumed < len(sessions) {
		t.Error("there was no storm")
	}
	s.nothingLeaked(sessions)
}

// storm is a gateway on ECS with bad lines to its clients and to its bridges.
type storm struct {
	t           testing.TB
	dir         string
	ecs         localECS
	environment []string
	clients     *proxy
	bridges     *proxy
	gateway     realGateway
}

func openStorm(t testing.TB) *storm {
	t.Helper()
	s := &storm{t: t, dir: sharedDir(t), clients: openProxy(t), bridges: openProxy(t)}
	s.ecs = startLocalECS(t, s.dir, fmt.Sprint(buildAgent(t, s.dir, "numbers"), " ", *stormPause))
	// The machine may be busy: ACCEPT_TIMEOUT has tests of its own.
	s.environment = append(s.ecs.gatewayEnvironment(s.bridges.ws()), "LOG_LEVEL=info", "ACCEPT_TIMEOUT=10s")
	s.start()
	return s
}

// start starts a gateway where the last one was.
func (s *storm) start() {
	s.t.Helper()
	s.gateway = startGateway(s.t, s.dir, s.environment...)
	aim(s.t, s.clients, s.gateway)
	aim(s.t, s.bridges, s.gateway)
}

// gather begins the sessions, some at once, and returns when all are ready.
func (s *storm) gather(n int) []*stormSession {
	s.t.Helper()
	const atOnce = 10
	began := time.Now()
	sessions := make([]*stormSession, n)
	for i := range n + atOnce {
		if i >= atOnce {
			sessions[i-atOnce].awaitReady()
		}
		if i < n {
			sessions[i] = s.begin(fmt.Sprintf("user-%03d", i))
		}
	}
	s.t.Logf("%d sessions were ready after %v", n, time.Since(began).Round(time.Millisecond))
	return sessions
}

// rage cuts and kills until the time is over.
func (s *storm) rage(weather *rand.Rand, began time.Time) {
	s.t.Helper()
	cut := func() bool { return weather.Float64() < stormCut/2 } // a connection has two ends here
	slice := *stormTime / time.Duration(max(*stormKills, 1))
	moment := func(i int) time.Time {
		return began.Add(time.Duration((float64(i) + 0.2 + 0.6*weather.Float64()) * float64(slice)))
	}
	kills, next := 0, moment(0)
	for time.Since(began) < *stormTime {
		time.Sleep(gust)
		s.clients.cutIf(cut)
		s.bridges.cutIf(cut)
		if kills < *stormKills && time.Now().After(next) {
			s.gateway.signal(syscall.SIGKILL)
			s.gateway.exit()
			s.start()
			kills++
			next = moment(kills)
		}
	}
	if kills != *stormKills {
		s.t.Errorf("the gateway was killed %d times", kills)
	}
}

// nothingLeaked ends the sessions, and waits until no task is left but those of a full pool.
func (s *storm) nothingLeaked(sessions []*stormSession) {
	s.t.Helper()
	var leaving sync.WaitGroup
	for _, each := range sessions {
		leaving.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), calm)
			defer cancel()
			if err := each.Close(ctx); err != nil {
				s.t.Errorf("%s cannot close its session: %v", each.name, err)
			}
		})
	}
	leaving.Wait()
	eventuallyWithin(s.t, calm, "no task but the pool's", func() bool {
		status := s.gateway.status()
		return len(status.Sessions) == 0 && status.Pool.Ready >= status.Pool.Min && status.Pool.Ready <= status.Pool.Max &&
			len(status.Tasks) == status.Pool.Ready && len(s.ecs.tasks()) == status.Pool.Ready
	})
	started, err := filepath.Glob(filepath.Join(s.dir, "*.pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("%d tasks were started in all, %d are in the pool", len(started), s.gateway.status().Pool.Ready)
}

// stormSession is a client, and what it has said and heard.
type stormSession struct {
	*client.Session
	t    testing.TB
	name string
	// ready is closed when the agent is there, finished when nothing more can be heard.
	ready, finished chan struct{}
	// said is the talker's. heard, resumed, complete and wrong are the listener's until finished: how many numbers came, how
	// often the client came back, whether the end came after all of them, and what should not have been.
	said           int
	heard, resumed int
	complete       bool
	wrong          error
}

func (s *storm) begin(name string) *stormSession {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), calm)
	defer cancel()
	session, err := client.Dial(ctx, client.Config{URL: s.clients.ws(), User: wire.UserID(name), GiveUp: calm})
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	each := &stormSession{
		Session: session, t: s.t, name: name, ready: make(chan struct{}), finished: make(chan struct{}),
	}
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		each.listen()
	}()
	s.t.Cleanup(func() {
		session.Detach()
		<-listening
	})
	return each
}

func (s *stormSession) awaitReady() {
	s.t.Helper()
	select {
	case <-s.ready:
	case <-s.finished:
		s.t.Fatalf("%s is not ready: %v", s.name, s.wrong)
	case <-time.After(calm):
		s.t.Fatalf("%s is not ready after %v", s.name, calm)
	}
}

// listen takes every event, and stops checking with the first thing that is wrong or with the agent's last line.
func (s *stormSession) listen() {
	begun, over := false, false
	for event := range s.Events() {
		if over {
			continue
		}
		switch e := event.(type) {
		case wire.Data:
			over = s.hear(e)
		case wire.Ready:
			switch {
			case e.Path == wire.PathResumed:
				s.resumed++
			case begun:
				s.wrong = errors.New("it was given a second agent")
			default:
				begun = true
				close(s.ready)
			}
		case wire.Gap, wire.Error, wire.Exit, client.Violation, client.Ended:
			s.wrong = fmt.Errorf("%T %+v", e, e)
		}
		if over = over || s.wrong != nil; over {
			close(s.finished)
		}
	}
	if !over {
		s.wrong = errors.New("the listener was left before the end")
		close(s.finished)
	}
}

// hear takes an output, and reports whether it is the last.
func (s *stormSession) hear(d wire.Data) bool {
	text := textOf(d)
	switch {
	case d.Seq != uint64(s.heard)+1:
		s.wrong = fmt.Errorf("output %d follows output %d", d.Seq, s.heard)
	case text == fmt.Sprint("end after ", s.heard):
		s.complete = true
	case text == fmt.Sprint(s.heard+1):
		s.heard++
	default:
		s.wrong = fmt.Errorf("%q follows %d", text, s.heard)
	}
	return s.complete
}

// talk sends numbers until the storm is over, and then the end.
func (s *stormSession) talk(until time.Time) {
	ctx, cancel := context.WithDeadline(context.Background(), until.Add(calm))
	defer cancel()
	send := func(text string) bool {
		err := s.Send(ctx, quoted(text))
		if err != nil {
			s.t.Errorf("%s sends %s: %v", s.name, text, err)
		}
		return err == nil
	}
	for time.Now().Before(until) {
		if !send(fmt.Sprint(s.said + 1)) {
			return
		}
		s.said++
		time.Sleep(*stormPause)
	}
	if !send("end") {
		return
	}
	select {
	case <-s.finished:
	case <-ctx.Done():
		s.t.Errorf("%s has not heard the end", s.name)
		return
	}
	if err := s.Flush(ctx); err != nil {
		s.t.Errorf("%s: the agent was not given everything: %v", s.name, err)
	}
}

// check compares what was said and heard with what the agent has written down.
func (s *stormSession) check(file string) {
	s.t.Helper()
	select {
	case <-s.finished:
		if s.wrong != nil {
			s.t.Errorf("%s, after it had heard %d lines: %v", s.name, s.heard, s.wrong)
		}
	default: // the talker has said so
	}
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Error(err)
		return
	}
	given := strings.Fields(string(text))
	for i, line := range given {
		want := fmt.Sprint(i + 1)
		if i == s.said {
			want = "end"
		}
		if line != want {
			s.t.Errorf("%s: the agent was given %s where %s is next", s.name, line, want)
			return
		}
	}
	if len(given) != s.said+1 {
		s.t.Errorf("%s: the agent was given %d lines of %d", s.name, len(given), s.said+1)
	}
}
