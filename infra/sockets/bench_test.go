package sockets

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// BenchmarkIdleLink measures what a bound link costs while nothing happens, with the test's end of the connection, which
// is a bare TCP connection, included.
func BenchmarkIdleLink(b *testing.B) {
	const links = 2000
	for b.Loop() {
		g := newGateway(b, nil)
		o := g.newOwner("session")
		g.owners["session"] = func(any) {}
		heap, stack := memory()
		for range links {
			g.rawClient(o)
		}
		heapNow, stackNow := memory()
		b.ReportMetric(float64(heapNow-heap)/links, "heap-B/link")
		b.ReportMetric(float64(stackNow-stack)/links, "stack-B/link")
		b.ReportMetric(float64(runtime.NumGoroutine())/links, "goroutines/link")
	}
}

// memory is what heap and stacks take once the garbage and unused stack is gone.
func memory() (heap, stack uint64) {
	for range 3 { // stacks shrink by halves
		runtime.GC()
		time.Sleep(50 * time.Millisecond)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse, m.StackInuse
}

// BenchmarkRelay measures a frame's way from a bridge's socket to its client's, without actors: reading, decoding,
// crediting, encoding and writing.
func BenchmarkRelay(b *testing.B) {
	for _, size := range []int{100, 1000, 16_000} {
		b.Run(fmt.Sprint(size, " bytes"), func(b *testing.B) { benchmarkRelay(b, size) })
	}
}

func benchmarkRelay(b *testing.B, size int) {
	g := newGateway(b, nil)
	o := g.newOwner("client")
	client, to := g.rawClient(o)
	peer, from := g.bridge("task-1")
	relay := g.newOwner("relay")
	credit := make(chan int, 1<<16)
	g.mu.Lock()
	g.owners["relay"] = func(event any) {
		if f, ok := event.(*messages.LinkFrame); ok {
			if g.sockets.Send(to, f.Frame) {
				g.sockets.Credit(from, f.Bytes)
				return
			}
			credit <- f.Bytes
		}
	}
	g.owners["client"] = func(event any) {
		if w, ok := event.(*messages.LinkWritten); ok { // what was written may be read again
			for w.Bytes > 0 {
				n := <-credit
				w.Bytes -= n
				g.sockets.Credit(from, n)
			}
		}
	}
	g.mu.Unlock()
	g.sockets.Bind(from, relay.pid)
	bridge := peer.Socket.NetConn()
	frame := wire.AppendFrame(nil, data(1, `"`+strings.Repeat("x", size-2)+`"`))
	sent := masked(0x81, frame)
	received := int64(len(sent) - 4) // without the mask
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		batch := bytes.Repeat(sent, 16)
		for left := b.N; left > 0; left -= 16 {
			if _, err := bridge.Write(batch[:min(left, 16)*len(sent)]); err != nil {
				b.Errorf("write: %v", err)
				return
			}
		}
	}()
	if _, err := io.CopyN(io.Discard, client, received*int64(b.N)); err != nil {
		b.Errorf("read: %v", err)
	}
}
