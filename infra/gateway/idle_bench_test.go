package gateway

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"hearth/actors"
	"hearth/messages"
)

const (
	// idleSessions is how many are to fit, and idleGoal what each may take of the gateway's memory, in KiB: both sockets
	// and all actors included.
	idleSessions = 10_000
	idleGoal     = 26
	// idlePatience bounds every step of the benchmark.
	idlePatience = 5 * time.Minute
)

func TestMain(m *testing.M) {
	if os.Getenv(crowdVariable) != "" {
		os.Exit(runCrowd())
	}
	os.Exit(m.Run())
}

// BenchmarkIdleSessions holds idle sessions in one gateway and reports what each takes of its process: what the process
// has beyond what it had before the gateway was started, divided by the sessions. The other ends, clients and bridges, are
// in a child process. The kernel's part of the sockets is not in it.
func BenchmarkIdleSessions(b *testing.B) {
	sessions := min(idleSessions, (raiseFileLimit(b)-100)/2)
	if sessions < idleSessions {
		b.Logf("RLIMIT_NOFILE allows only %d sessions, not %d", sessions, idleSessions)
	}
	for b.Loop() {
		secret := rand.Text() + rand.Text()
		crowd := startCrowd(b, secret, sessions)
		before := measure(b)
		g := startForCrowd(b, secret, crowd.ecs, sessions)
		awaitStatus(b, g, "the tasks are known", func(s messages.PoolCounts) bool { return s.Starting == sessions })
		crowd.connect(b, g)
		awaitStatus(b, g, "all sessions have their tasks", func(s messages.PoolCounts) bool { return s.Assigned == sessions })
		peak := measure(b).rss
		debug.FreeOSMemory()
		after := measure(b)
		each := func(bytes int64) float64 { return float64(bytes) / 1024 / float64(sessions) }
		rss := each(after.rss - before.rss)
		b.ReportMetric(rss, "RSS-KiB/session")
		b.ReportMetric(each(peak-before.rss), "RSS-before-GC-KiB/session")
		b.ReportMetric(each(after.heap-before.heap), "heap-KiB/session")
		b.ReportMetric(each(after.stacks-before.stacks), "stack-KiB/session")
		b.ReportMetric(float64(after.goroutines-before.goroutines)/float64(sessions), "goroutines/session")
		b.ReportMetric(float64(sessions), "sessions")
		b.ReportMetric(0, "ns/op") // it took what the other processes left it
		if rss > idleGoal {
			b.Errorf("%.1f KiB a session, the goal is %d", rss, idleGoal)
		}
		ctx, cancel := context.WithTimeout(context.Background(), idlePatience)
		if err := g.close(ctx); err != nil { // without draining: the stand-ins have no tasks to stop
			b.Error(err)
		}
		cancel()
		crowd.leave(b)
	}
}

// raiseFileLimit raises the limit of open files as far as it goes, and gives it.
func raiseFileLimit(tb testing.TB) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		tb.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		tb.Fatal(err)
	}
	return int(min(limit.Cur, 1<<20))
}

// usage is what the process takes, in bytes.
type usage struct {
	rss, heap, stacks int64
	goroutines        int
}

func measure(tb testing.TB) usage {
	tb.Helper()
	var stats runtime.MemStats
	u := usage{rss: residentBytes(tb), goroutines: runtime.NumGoroutine()}
	runtime.GC()
	runtime.ReadMemStats(&stats)
	u.heap, u.stacks = int64(stats.HeapAlloc), int64(stats.StackInuse)
	return u
}

// residentBytes is the process's resident set.
func residentBytes(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// startForCrowd starts a gateway as in production, with the crowd's endpoint for ECS.
func startForCrowd(tb testing.TB, secret, ecs string, sessions int) *Gateway {
	tb.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_ECS": ecs, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
	} {
		tb.Setenv(name, value)
	}
	settings := actors.DefaultSettings()
	settings.MaxSessionStartsPerSecond = 0
	settings.Min, settings.Threshold, settings.Max, settings.MaxSessions = 0, 0, sessions, sessions
	// The machine is slow, with both ends of so many sockets on it: nothing is to be given up for that.
	for _, wait := range []*time.Duration{
		&settings.AcceptTimeout, &settings.InitTimeout, &settings.StartTimeout, &settings.RedialGrace, &settings.TaskStartTimeout,
		&settings.DialGrace, &settings.DialTimeout, &settings.PollInterval, &settings.IdleTimeout, &settings.AdoptionGrace,
	} {
		*wait = idlePatience
	}
	g, err := Start(context.Background(), Config{
		ListenAddr: "127.0.0.1:0", InternalListenAddr: "127.0.0.1:0", GatewayWSURL: "ws://127.0.0.1:1",
		Backend: BackendECS, SharedAP: true, SharedAPID: crowdAccessPoint, Actors: settings, Auth: AuthDev, DevToken: DevTokenOff,
		ECS:             ECSConfig{Cluster: "c", TaskDefinition: "agent:1", ContainerName: crowdContainer, StartedBy: "idle"},
		TaskTokenSecret: secret, MaxFrameBytes: 1 << 20, MaxConnections: sessions, DrainTimeout: time.Second,
	}, zerolog.Nop())
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func awaitStatus(tb testing.TB, g *Gateway, what string, so func(messages.PoolCounts) bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), idlePatience)
	defer cancel()
	for {
		answer, err := g.engine.Ask(ctx, g.pool, &messages.StatusRequest{})
		if err != nil {
			tb.Fatalf("waiting until %s: %v", what, err)
		}
		if so(answer.(*messages.PoolStatus).Pool) {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// crowd is the child process with the other ends.
type crowd struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	input *json.Encoder
	close func() error
	ecs   string
}

func startCrowd(tb testing.TB, secret string, sessions int) *crowd {
	tb.Helper()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", crowdVariable, sessions), crowdSecretVariable+"="+secret)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cmd.Process.Kill() }) // fails when it has left in good order
	c := &crowd{cmd: cmd, lines: bufio.NewScanner(output), input: json.NewEncoder(input), close: input.Close}
	c.ecs = c.line(tb)
	return c
}

// line is the child's next.
func (c *crowd) line(tb testing.TB) string {
	tb.Helper()
	if !c.lines.Scan() {
		tb.Fatalf("the crowd has ended: %v", c.lines.Err())
	}
	return c.lines.Text()
}

// connect has all bridges and all clients connect, and waits until every client has its agent.
func (c *crowd) connect(tb testing.TB, g *Gateway) {
	tb.Helper()
	err := c.input.Encode(crowdTarget{Clients: g.Addr().String(), Bridges: g.InternalAddr().String()})
	if err != nil {
		tb.Fatal(err)
	}
	c.line(tb)
}

func (c *crowd) leave(tb testing.TB) {
	tb.Helper()
	if err := c.close(); err != nil {
		tb.Error(err)
	}
	if err := c.cmd.Wait(); err != nil {
		tb.Error(err)
	}
}
