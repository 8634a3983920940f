package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hearth/infra/client"
)

// writer is an agent that appends a name and a count of its own to a file, every 50 ms, or rather a process does that has left it as
// daemons do. Its pid is no name: each task may have PIDs of its own.
const writer = `/bin/sh -c '(setsid sh -c "read me </proc/sys/kernel/random/uuid; i=0; while :; do i=\$((i+1)); echo \$me \$i >>written; sleep 0.05; done" &); exec cat'`

// relay is the way from bridges to a gateway. Once it is cut, bridges that have a user get nowhere any more; others do.
type relay struct {
	listener net.Listener
	target   atomic.Value
	isCut    atomic.Bool
	running  sync.WaitGroup
	mu       sync.Mutex
	open     []net.Conn
}

func openRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener}
	r.running.Go(func() {
		for {
			peer, err := listener.Accept()
			if err != nil {
				return
			}
			r.running.Go(func() { r.carry(peer) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.drop()
		r.running.Wait()
	})
	return r
}

func (r *relay) carry(peer net.Conn) {
	defer peer.Close()
	from := bufio.NewReader(peer)
	request, err := from.Peek(len("GET /internal/task/"))
	if err != nil || r.isCut.Load() && bytes.HasSuffix(request, []byte("/internal/task/")) {
		return
	}
	upstream, err := net.Dial("tcp", r.target.Load().(string))
	if err != nil {
		return
	}
	defer upstream.Close()
	r.mu.Lock()
	r.open = append(r.open, peer, upstream)
	r.mu.Unlock()
	r.running.Go(func() {
		_, _ = io.Copy(peer, upstream) // ends when either connection does
		_ = peer.Close()
	})
	_, _ = io.Copy(upstream, from)
}

// drop ends all connections.
func (r *relay) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.open {
		_ = conn.Close()
	}
	r.open = nil
}

// appended are the lines of the agents in a workspace, and how many each has written, by its name, in the order in which they began. Two
// that have written in turn break the test.
func appended(t *testing.T, dir, user string) (names []string, counts map[string]int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "workspaces", user, "written"))
	if err != nil {
		t.Fatal(err)
	}
	counts = map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, _, _ := strings.Cut(line, " ")
		if len(names) == 0 || names[len(names)-1] != name {
			if counts[name] > 0 {
				t.Fatalf("agent %s has written beside agent %s", name, names[len(names)-1])
			}
			names = append(names, name)
		}
		counts[name]++
	}
	return names, counts
}

// A task is cut off: no gateway reaches it, and ECS does not stop it. Its session's next agent writes only once the first one does
// not any more, and the first never again, also when it is back.
func TestTaskThatIsCutOffIsFenced(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, writer)
	way := openRelay(t)
	g := startGateway(t, dir, append(ecs.gatewayEnvironment("ws://"+way.listener.Addr().String()), "TASK_LEASE=14s")...)
	way.target.Store(strings.TrimPrefix(g.ws, "ws://"))
	u := connect(t, "ann", func(c *client.Config) { c.URL = g.ws })
	u.ready()
	eventually(t, "the agent writes", func() bool {
		_, err := os.Stat(filepath.Join(dir, "workspaces", "ann", "written"))
		return err == nil
	})
	ecs.must(http.MethodPost, "/_localecs/faults", `{"api":{"StopTask":{"failureRate":1}}}`)
	way.isCut.Store(true)
	way.drop()
	began := time.Now()
	var names []string
	for deadline := began.Add(time.Minute); len(names) < 2; time.Sleep(100 * time.Millisecond) {
		if names, _ = appended(t, dir, "ann"); time.Now().After(deadline) {
			t.Fatal("the session got no other agent")
		}
	}
	if waited := time.Since(began); waited < 14*time.Second {
		t.Errorf("the next agent has started after %v, within the lease", waited)
	}
	_, before := appended(t, dir, "ann")
	if g.metric(`hearth_fenced_waits_total`) < 1 {
		t.Error("no wait was counted")
	}
	way.isCut.Store(false)
	time.Sleep(6 * time.Second) // the first bridge dials at most 5 s later, and is told to stop
	now, after := appended(t, dir, "ann")
	if len(now) != 2 || after[names[0]] != before[names[0]] || after[names[1]] <= before[names[1]] {
		t.Errorf("agents %v wrote %v lines, and then %v", now, before, after)
	}
	ecs.must(http.MethodPost, "/_localecs/faults", `{}`)
}

// A gateway that is gone for longer than a lease, and for less than orphaned tasks live, costs no work.
func TestAgentOutlivesItsGateway(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, writer)
	address := openProxy(t)
	environment := append(ecs.gatewayEnvironment(address.ws()), "TASK_LEASE=1s")
	g := startGateway(t, dir, environment...)
	aim(t, address, g)
	u := connect(t, "ann", func(c *client.Config) { c.URL = address.ws() })
	u.ready()
	g.signal(syscall.SIGKILL)
	g.exit()
	time.Sleep(4 * time.Second)
	_, before := appended(t, dir, "ann")
	time.Sleep(500 * time.Millisecond)
	names, during := appended(t, dir, "ann")
	if during[names[0]] != before[names[0]] {
		t.Error("the agent writes, and its lease is over")
	}
	g = startGateway(t, dir, environment...)
	aim(t, address, g)
	eventually(t, "the agent goes on", func() bool {
		now, counts := appended(t, dir, "ann")
		return len(now) == 1 && counts[now[0]] > during[names[0]]
	})
	text, err := os.ReadFile(filepath.Join(dir, "workspaces", "ann", "written"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if want := strings.TrimSpace(lines[len(lines)-1]); err != nil || !strings.HasSuffix(want, " "+strconv.Itoa(len(lines))) {
		t.Errorf("after %d lines the agent counts %q: %v", len(lines), want, err)
	}
}
