package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"hearth/cmd/bench/rig"
)

// The bridges that are compared.
const (
	ourBridge  = "Hearth's bridge"
	nodeBridge = "Node bridge with ws"
)

// The metrics of bridges.
const (
	bridgeStart   = "start to hello"
	bridgeMemory  = "resident memory of the bridge"
	bridgeProgram = "program, stripped"
)

// settle is time for a bridge that has said hello to have done all that it does before it has a user.
const settle = 500 * time.Millisecond

// bridge starts bridges one after the other, and looks at how long they take to say hello and at the memory that they then have.
func (b *bench) bridge(ctx context.Context) error {
	workspaces, err := os.MkdirTemp("", "hearth-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(workspaces) }()
	if err := os.Chmod(workspaces, 0o711); err != nil {
		return err
	}
	greetings, err := listenForHello()
	if err != nil {
		return err
	}
	defer greetings.close()
	bridges := []struct {
		name, path string
		arguments  []string
	}{
		{ourBridge, b.kit.Program("bridge"), nil},
		{nodeBridge, "node", []string{filepath.Join(b.kit.NodeDir(), "bridge.mjs")}},
	}
	for round := range b.size.bridges {
		for i, each := range bridges {
			task := fmt.Sprintf("t-%d-%d", round, i)
			greetings.expect(task)
			began := time.Now()
			p, err := rig.Start(each.name, each.path, each.arguments, "GATEWAY_WS_URL="+greetings.url, "TASK_ID="+task, "TASK_TOKEN=any",
				"WARM_POOL_MODE=true", "WORKSPACE_ROOT="+workspaces, "AGENT_COMMAND=cat", "AGENT_IO=text", "ISOLATION=auto", "LOG_LEVEL=warn")
			if err != nil {
				return err
			}
			if err := b.greeted(ctx, p, each.name, began, greetings); err != nil {
				return err
			}
		}
	}
	return b.binaries(ctx)
}

// greeted waits for a bridge's hello, looks at its memory, and ends it.
func (b *bench) greeted(ctx context.Context, p *rig.Process, name string, began time.Time, greetings *greetings) error {
	defer p.Stop()
	select {
	case at := <-greetings.heard:
		b.Add("", name, bridgeStart, "ms", rig.Milliseconds(at.Sub(began)))
	case <-time.After(fillTimeout):
		return fmt.Errorf("%s does not say hello", name)
	}
	if err := p.Alive(ctx, settle); err != nil {
		return err
	}
	usage, err := p.Usage()
	if err != nil {
		return err
	}
	shared, err := usage.Proportional()
	if err != nil {
		return err
	}
	const mib = 1 << 20
	b.Add("", name, bridgeMemory, "MiB", float64(usage.Own)/mib)
	b.Add("", name, "memory with its helper, shared pages shared out", "MiB", float64(shared)/mib)
	return nil
}

// binaries compares what there is to put into an image.
func (b *bench) binaries(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "hearth-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stripped := filepath.Join(dir, "bridge")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", stripped, "hearth/cmd/bridge")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the image's
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, output)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return err
	}
	for name, paths := range map[string][]string{
		ourBridge:  {stripped},
		nodeBridge: {node, filepath.Join(b.kit.NodeDir(), "node_modules"), filepath.Join(b.kit.NodeDir(), "bridge.mjs")},
	} {
		bytes := int64(0)
		for _, path := range paths {
			of, err := sizeOnDisk(path)
			if err != nil {
				return err
			}
			bytes += of
		}
		b.Add("", name, bridgeProgram, "MiB", float64(bytes)/(1<<20))
	}
	return nil
}

// sizeOnDisk is a file's, or of all files below a directory.
func sizeOnDisk(path string) (bytes int64, err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return 0, err
	}
	err = filepath.Walk(path, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}

// greetings is a gateway's end that only listens for bridges' hellos.
type greetings struct {
	url    string
	heard  chan time.Time
	server *http.Server

	mu       sync.Mutex
	expected string // the task whose hello counts: a bridge that is ended may dial once more
}

// expect waits for another task's hello from now on.
func (g *greetings) expect(task string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expected = task
	select {
	case <-g.heard:
	default:
	}
}

// hello notes the first of the task that is expected.
func (g *greetings) hello(path string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if strings.HasSuffix(path, "/"+g.expected) {
		select {
		case g.heard <- at:
		default: // only the first counts
		}
	}
}

func listenForHello() (*greetings, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &greetings{url: "ws://" + listener.Addr().String(), heard: make(chan time.Time, 1)}
	g.server = &http.Server{ReadHeaderTimeout: settle, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := gws.NewUpgrader(greeting{greetings: g, path: r.URL.Path}, &gws.ServerOption{}).Upgrade(w, r)
		if err != nil {
			return // the bridge is told by the answer
		}
		conn.ReadLoop()
	})}
	go func() { _ = g.server.Serve(listener) }() // ends with close
	return g, nil
}

func (g *greetings) close() { _ = g.server.Close() }

// greeting is one bridge's socket.
type greeting struct {
	gws.BuiltinEventHandler
	greetings *greetings
	path      string
}

// OnMessage is gws's.
func (f greeting) OnMessage(_ *gws.Conn, m *gws.Message) {
	_ = m.Close()
	f.greetings.hello(f.path, time.Now())
}
