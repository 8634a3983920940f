package e2e

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// screen is a terminal in which a program runs.
type screen struct {
	t    testing.TB
	cmd  *exec.Cmd
	file *os.File
	mu   sync.Mutex
	text strings.Builder
	done chan struct{}
}

// inTerminal runs the shell in a terminal of its own.
func (g realGateway) inTerminal(t testing.TB, arguments ...string) *screen {
	t.Helper()
	s := &screen{t: t, cmd: exec.CommandContext(t.Context(), program("shell"), append([]string{"--url", g.ws}, arguments...)...), done: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), "TERM=xterm", "USER=ann")
	var err error
	if s.file, err = pty.StartWithSize(s.cmd, &pty.Winsize{Cols: 101, Rows: 37}); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		buf := make([]byte, 4096)
		for {
			n, err := s.file.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = s.file.Close() })
	return s
}

func (s *screen) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) types(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.file, text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) shows(text string) {
	s.t.Helper()
	eventually(s.t, "the screen shows "+text, func() bool { return strings.Contains(s.shown(), text) })
}

// exits waits for the program's end and gives its code.
func (s *screen) exits() int {
	s.t.Helper()
	<-s.done
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// TestTheShellIsATerminal: keys go to the agent one by one, its screen is this one, Ctrl-C interrupts what runs, ~. leaves the session
// to itself, and it can be gone on with.
func TestTheShellIsATerminal(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "WARM_POOL_MIN_SIZE=1", "AGENT_IO=pty", "AGENT_COMMAND=bash --norc -i")
	s := g.inTerminal(t)
	s.shows("$ ")
	s.types("stty size; echo $((6*7))\r")
	s.shows("37 101")
	s.shows("42\r\n")
	if err := pty.Setsize(s.file, &pty.Winsize{Cols: 90, Rows: 30}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the window's new size is known", func() bool {
		s.types("stty size\r")
		time.Sleep(100 * time.Millisecond)
		return strings.Contains(s.shown(), "30 90")
	})
	s.types(asleep)
	s.shows("asleep")
	s.types("\x03")
	s.types("echo go''ne on\r")
	s.shows("gone on")
	s.types("\r~.")
	s.shows("--resume ")
	if code := s.exits(); code != 0 {
		t.Errorf("exit code %d after ~.", code)
	}
	_, rest, _ := strings.Cut(s.shown(), "--resume ")
	again := g.inTerminal(t, "--resume", strings.TrimSpace(strings.SplitN(rest, "\r", 2)[0]))
	again.shows("$ ")
	again.types("exit 7\r")
	if code := again.exits(); code != 7 {
		t.Errorf("exit code %d; it shows %q", code, again.shown())
	}
}

// TestPipesEndWithTheAgent: at the end of its input the shell ends the agent's, and takes its time for the answer and its exit code.
func TestPipesEndWithTheAgent(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "WARM_POOL_MIN_SIZE=1", `AGENT_COMMAND=sh -c 'sort -r; sleep 3; echo late; exit 5'`)
	output, code := g.shell("a\nc\nb\n")
	if output != "c\nb\na\nlate\n" || code != 5 {
		t.Errorf("%q, exit code %d", output, code)
	}
}
