package e2e

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hearth/messages"
)

// openSilentRelay relays connections to a target that is told later, and tells neither side of the other's end: as a host that
// loses its power, it says nothing more.
func openSilentRelay(t *testing.T) (ws string, aim func(address string)) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target, over := make(chan string, 1), make(chan struct{})
	var running sync.WaitGroup
	relay := func(peer net.Conn, address string) {
		defer peer.Close()
		to, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return
		}
		defer to.Close()
		for _, way := range [][2]net.Conn{{peer, to}, {to, peer}} {
			running.Go(func() { _, _ = io.Copy(way[0], way[1]) })
		}
		<-over
	}
	running.Go(func() {
		address := <-target
		for {
			peer, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { relay(peer, address) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		select {
		case target <- "": // if nobody has aimed it
		default:
		}
		close(over)
		running.Wait()
	})
	return "ws://" + listener.Addr().String(), func(address string) { target <- address }
}

// A task dies without a word: no socket closes. The queue of ECS's events has the gateway know at once, long before it would
// miss the bridge's pings.
func TestDeathIsToldByTheQueue(t *testing.T) {
	dir := sharedDir(t)
	ecs := startLocalECS(t, dir, "cat")
	ws, aimRelay := openSilentRelay(t)
	g := startGateway(t, dir, append(ecs.gatewayEnvironment(ws), "AWS_ENDPOINT_URL_SQS="+ecs.base,
		"ECS_EVENTS_QUEUE_URL="+ecs.base+"/000000000000/events")...)
	aimRelay(strings.TrimPrefix(g.ws, "ws://"))
	status := g.awaitStatus("the pool is full", func(s messages.PoolStatus) bool { return s.Pool.Ready == 3 })
	dead := status.Tasks[0]
	ecs.must(http.MethodPost, "/_localecs/tasks/end", `{"task":"`+dead.ARN+`","as":"outOfMemory"}`)
	began := time.Now()
	g.awaitStatus("the dead task is not ready any more", func(s messages.PoolStatus) bool {
		for _, task := range s.Tasks {
			if task.ID == dead.ID && task.State == "ready" {
				return false
			}
		}
		return true
	})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	} else {
		t.Logf("it took %v", took)
	}
	g.signal(syscall.SIGKILL)
	g.exit()
	ecs.signal(syscall.SIGTERM)
	ecs.exit()
	nothingLeft(t, dir)
}
