package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hearth/infra/testkit"
	"hearth/messages/wire"
)

const patience = testkit.Patience

// terminal is a shell on a pseudo-terminal.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	ended  chan struct{} // closed: the shell has ended, and all that it wrote is on the screen

	mu     sync.Mutex
	screen bytes.Buffer
}

// openTerminal runs the binary as a user would.
func (g *gateway) openTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	return g.openTerminalOf(t, []string{"TERM=xterm", "NO_COLOR="}, args...)
}

// openTerminalOf runs the binary in a terminal that is what the variables say.
func (g *gateway) openTerminalOf(t *testing.T, environ []string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	slave := slaveOf(t, master)
	s := &terminal{t: t, master: master, ended: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"--url", g.URL, "--user", "ann"}, args...)...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.Env = append(append(os.Environ(), "HEARTH_TOKEN="), environ...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	read := make(chan struct{})
	go func() {
		defer close(read) // the terminal ends with its last process
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			s.mu.Lock()
			s.screen.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait()
		<-read
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		_ = master.Close()
	})
	return s
}

func slaveOf(t *testing.T, master *os.File) *os.File {
	t.Helper()
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return slave
}

func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// shows waits until the text has been written to the screen.
func (s *terminal) shows(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(s.text(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the screen does not show %q: %q", text, s.text())
		}
	}
}

func (s *terminal) types(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// exits waits for the shell's end.
func (s *terminal) exits(code int) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("the shell does not end: %q", s.text())
	}
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("exit code %d, want %d: %q", got, code, s.text())
	}
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
)

func TestTerminal(t *testing.T) {
	t.Parallel()
	begin := make(chan struct{})
	greet := func(p *peer, socket int) {
		if socket > 1 {
			p.send(wire.Ready{Path: wire.PathResumed})
			return
		}
		p.send(wire.Status{State: wire.StateWaiting, Reason: wire.ReasonColdStarting, EtaMs: 3200})
		go func() {
			<-begin
			p.send(warm)
		}()
	}
	agent := func(p *peer, payload string) {
		if payload == `"cut"` {
			p.cut()
			return
		}
		sh(p, payload)
	}
	g := newGateway(t, answering(agent), func(g *gateway) { g.greet = greet })
	s := g.openTerminal(t, "--linger", "10ms")
	s.shows("waiting: pool empty, a task is started, about 3.2 s …")
	close(begin)
	s.shows("\r\x1b[K\x1b[2mready in 12 ms (warm)  session s1\x1b[0m\r\n")
	s.types("echo $((6*7))\n")
	s.shows("\n42\r\n")
	s.types("cut\n")
	s.shows("reconnecting in ")
	s.shows("\x1b[2mreconnected\x1b[0m\r\n")
	s.types(ctrlD)
	s.exits(0)
	if !g.saw().closed {
		t.Error("the session was not closed")
	}
}

func TestTheAgentsExitEndsTheTerminal(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answering(sh))
	s := g.openTerminal(t)
	s.shows("ready in")
	s.types("exit 3\n")
	s.shows("the agent has exited with 3")
	s.exits(3)
}

// TestALineIsEdited before it goes, and those before it are had again.
func TestALineIsEdited(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 4)
	g := newGateway(t, answering(func(p *peer, payload string) {
		heard <- payload
		p.say(`"thanks"`)
	}))
	s := g.openTerminal(t)
	s.shows("ready in")
	s.types("ho\x1b[D\x1b[D\x7fécho\x1b[F!\r") // twice left, a backspace that finds nothing, and to the end
	s.shows("thanks")
	s.types("\x1b[A\x7f?\r") // the line before, changed
	for _, want := range []string{`"échoho!"`, `"échoho?"`} {
		if got := testkit.Receive(t, heard); got != want {
			t.Errorf("the agent was given %s, want %s", got, want)
		}
	}
	s.types("half a li")
	s.types(ctrlC)
	s.exits(130)
}

// TestSimpleTerminals get no more than they can show.
func TestSimpleTerminals(t *testing.T) {
	t.Parallel()
	for environ, never := range map[string]string{"TERM=dumb": "\x1b", "NO_COLOR=1": "\x1b[2m"} {
		g := newGateway(t, answering(sh), func(g *gateway) {
			g.greet = func(p *peer, _ int) {
				p.send(wire.Status{State: wire.StateWaiting, Reason: wire.ReasonColdStarting, EtaMs: 3200}, warm)
			}
		})
		s := g.openTerminalOf(t, []string{"TERM=xterm", environ}, "--linger", "10ms")
		s.shows("about 3.2 s …")
		s.shows("ready in")
		s.types("echo $((6*7))\n")
		s.shows("\n42\r\n")
		s.types("exit 3\n")
		s.exits(3)
		if strings.Contains(s.text(), never) {
			t.Errorf("%s: %q", environ, s.text())
		}
	}
}

// TestADrainingGatewayIsAskedAgain when it wants to be, and the user is told what it does.
func TestADrainingGatewayIsAskedAgain(t *testing.T) {
	t.Parallel()
	refusals := make(chan time.Time, 2)
	g := newGateway(t, answering(sh), func(g *gateway) {
		g.refuse = func(w http.ResponseWriter) bool {
			select {
			case refusals <- time.Now():
				w.Header().Set("Retry-After", "1")
				http.Error(w, "draining", http.StatusServiceUnavailable)
				return true
			default:
				return false
			}
		}
	})
	s := g.openTerminal(t)
	s.shows("waiting: draining; again in 1.0 s …")
	s.shows("ready in")
	if first, second := <-refusals, <-refusals; second.Sub(first) < time.Second {
		t.Errorf("it came again after %v", second.Sub(first))
	}
	s.types("exit\n")
	s.exits(0)
}

func TestInterruptEndsTheSession(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	s := g.openTerminal(t)
	s.shows("ready in")
	s.types(ctrlC)
	s.exits(130)
	if !g.saw().closed {
		t.Error("the session was not closed")
	}
}

func TestASecondInterruptDoesNotWait(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(g *gateway) { g.ignoreClose = true })
	s := g.openTerminal(t)
	s.shows("ready in")
	s.types(ctrlC)
	s.shows("ending the session …")
	s.types(ctrlC)
	s.exits(130)
	if want := regexp.MustCompile(`the session goes on; to resume it: shell --resume s1\r\n$`); !want.MatchString(s.text()) {
		t.Errorf("the screen is %q", s.text())
	}
}

// TestATerminalIsGivenBackInAnyCase, also when the shell is stuck, for nobody takes what it shows, and is ended at once.
func TestATerminalIsGivenBackInAnyCase(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answering(func(p *peer, _ string) { p.say(`"` + strings.Repeat("x", 1<<19) + `"`) }))
	s := g.openTerminal(t)
	s.shows("ready in")
	s.mu.Lock() // from here on hardly anything is read
	s.types("flood\r")
	testkit.Eventually(t, "it writes more than anything has room for", func() bool {
		waiting, err := unix.IoctlGetInt(int(s.master.Fd()), unix.TIOCINQ)
		return err == nil && waiting > 1024
	})
	for s.cmd.Process.Signal(syscall.SIGTERM) == nil {
		time.Sleep(5 * time.Millisecond)
	}
	s.mu.Unlock()
	s.exits(128 + int(syscall.SIGTERM))
	state, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if want := uint32(unix.ICANON | unix.ECHO | unix.ISIG); state.Lflag&want != want {
		t.Errorf("the terminal is left with the flags %#o", state.Lflag)
	}
}
