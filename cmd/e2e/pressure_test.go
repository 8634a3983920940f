package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hearth/infra/client"
	"hearth/messages/wire"
)

// What a session of an agent that prints without end may cost at most, in KiB: the bridge keeps 8 MiB of output, with
// what each line costs besides, and its process has a heap twice as large as what is kept; the gateway keeps an outbox of
// 2 MiB at the very most for a client that does not read.
const (
	floodedBridge  = 64 << 10
	floodedGateway = 16 << 10
	flooding       = 20 * time.Second
)

// An agent prints without end and its client reads nothing: the gateway's and the bridge's memory stay within bounds, the
// client is disconnected, and another session is served meanwhile. When the client reads again it resumes, and misses
// nothing.
func TestFloodedClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "WARM_POOL_MIN_SIZE=1", "WARM_POOL_REPLENISH_THRESHOLD=0",
		`AGENT_COMMAND=sh -c 'read -r first; case "$first" in flood) exec yes;; esac; exec cat'`)
	other := connect(t, "bob", g.at)
	other.ready()
	other.says("no flood, please")
	other.echoes("hello")
	gatewayBefore := memoryOf(t, g.cmd.Process.Pid)

	var sockets atomic.Int32
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	slow, err := client.Dial(ctx, client.Config{URL: g.ws, User: "ann", DialNet: func(ctx context.Context, network, address string) (net.Conn, error) {
		sockets.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Detach()
	for ready := false; !ready; {
		_, ready = (<-slow.Events()).(wire.Ready)
	}
	if err := slow.Send(ctx, quoted("flood")); err != nil {
		t.Fatal(err)
	}

	bridge := pidOfTask(t, dir, sessionTask(g, slow.ID()))
	gatewayMost, bridgeMost, slowest := 0, 0, time.Duration(0)
	for began, n := time.Now(), 0; time.Since(began) < flooding; n++ {
		asked := time.Now()
		other.echoes(fmt.Sprint(n))
		slowest = max(slowest, time.Since(asked))
		gatewayMost = max(gatewayMost, memoryOf(t, g.cmd.Process.Pid)-gatewayBefore)
		bridgeMost = max(bridgeMost, memoryOf(t, bridge))
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("the bridge had %d KiB, the gateway %d KiB more than before; the slowest echo took %v", bridgeMost, gatewayMost, slowest)
	if bridgeMost > floodedBridge || gatewayMost > floodedGateway {
		t.Errorf("the bridge may have %d KiB, the gateway %d KiB more than before", floodedBridge, floodedGateway)
	}
	if left := g.log.lines("client left; its session lives on"); len(left) == 0 ||
		left[0].Session != string(slow.ID()) || !strings.Contains(left[0].Reason, "too slow") {
		t.Errorf("the client that does not read was not disconnected for that: %+v", left)
	}
	readAgain(t, slow)
	if sockets.Load() < 2 {
		t.Error("it did not resume")
	}
}

// readAgain reads until the session was resumed and new output came, and checks that none was left out.
func readAgain(t *testing.T, slow *client.Session) {
	t.Helper()
	var last uint64
	resumed := false
	deadline := time.After(patience)
	for more := 1000; more > 0; {
		select {
		case event := <-slow.Events():
			switch e := event.(type) {
			case wire.Data:
				if e.Seq != last+1 || textOf(e) != "y" {
					t.Fatalf("output %d, %s, follows output %d", e.Seq, e.Payload, last)
				}
				last = e.Seq
				if resumed {
					more--
				}
			case client.Reconnecting:
				t.Logf("after %d outputs: %v", last, e.Cause)
			case wire.Ready:
				resumed = e.Path == wire.PathResumed
			case wire.Gap, wire.Error, client.Violation, client.Ended:
				t.Fatalf("%T %+v", e, e)
			}
		case <-deadline:
			t.Fatalf("resumed: %t; %d outputs came", resumed, last)
		}
	}
}

// sessionTask is the task that a session has.
func sessionTask(g realGateway, id wire.SessionID) wire.TaskID {
	g.t.Helper()
	for _, session := range g.status().Sessions {
		if session.ID == id {
			return session.Task
		}
	}
	g.t.Fatalf("the gateway does not have session %s", id)
	return ""
}

// memoryOf is a process's resident memory, in KiB.
func memoryOf(t testing.TB, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if amount, ok := strings.CutPrefix(string(line), "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(amount), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatalf("process %d has no VmRSS", pid)
	return 0
}
