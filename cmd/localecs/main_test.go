package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"hearth/infra/testkit"
)

// asProgram makes this test binary the program itself.
const asProgram = "LOCALECS_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const patience = testkit.Patience

var keys = aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "secret"}

func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey)
	return cmd
}

// startProgram starts the program on a free port and gives its URL, from the line it prints.
func startProgram(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := program(append([]string{"--listen", "127.0.0.1:0", "--log-level", "error"}, args...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "export AWS_ENDPOINT_URL_ECS=")
	if err != nil || !ok {
		t.Fatalf("the program printed %q, %v", line, err)
	}
	return cmd, url
}

// runTask runs a task that ignores SIGTERM, if it is stubborn, and whose process has the marker as an argument.
func runTask(t *testing.T, url, marker string, stubborn bool) {
	t.Helper()
	script := "trap 'exit 0' TERM; while :; do sleep 0.05; done"
	if stubborn {
		script = "trap '' TERM; while :; do sleep 0.05; done"
	}
	call(t, url, "RegisterTaskDefinition", fmt.Sprintf(`{"family":"f","containerDefinitions":[{"name":"main","image":"local",
		"memory":16,"command":["sh","-c",%q,"task",%q]}]}`, script, marker))
	call(t, url, "RunTask", `{"taskDefinition":"f"}`)
	awaitProcesses(t, marker, 1)
}

func call(t *testing.T, url, operation, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113."+operation)
	hash := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(t.Context(), keys, req, hex.EncodeToString(hash[:]), "ecs", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d", operation, res.StatusCode)
	}
}

// awaitProcesses polls until n processes of this machine have that argument.
func awaitProcesses(t *testing.T, argument string, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, file := range files {
			cmdline, _ := os.ReadFile(file) // one that has ended meanwhile has none
			if bytes.Contains(cmdline, []byte("\x00"+argument+"\x00")) {
				got++
			}
		}
		if got == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d processes with %s instead of %d", got, argument, n)
		}
	}
}

func TestTasksEndWithTheProgram(t *testing.T) {
	for name, c := range map[string]struct {
		signals  []os.Signal
		stubborn bool
		code     int
	}{
		"SIGTERM":         {[]os.Signal{syscall.SIGTERM}, false, 0},
		"SIGINT":          {[]os.Signal{syscall.SIGINT}, false, 0},
		"a second signal": {[]os.Signal{syscall.SIGTERM, syscall.SIGTERM}, true, 0},
		"SIGKILL":         {[]os.Signal{syscall.SIGKILL}, true, -1},
	} {
		t.Run(name, func(t *testing.T) {
			marker := fmt.Sprintf("marker-%d-%d", os.Getpid(), time.Now().UnixNano())
			cmd, url := startProgram(t)
			runTask(t, url, marker, c.stubborn)
			for _, s := range c.signals {
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				time.Sleep(50 * time.Millisecond) // two pending signals of one kind would be one
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
			awaitProcesses(t, marker, 0)
		})
	}
}

func TestShutdownTimeoutEndsStubbornTasks(t *testing.T) {
	marker := fmt.Sprintf("marker-%d-%d", os.Getpid(), time.Now().UnixNano())
	cmd, url := startProgram(t, "--shutdown-timeout", "100ms")
	runTask(t, url, marker, true)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	awaitProcesses(t, marker, 0)
}

// TestItMakesKeysAndPrintsThem in the form that a shell takes.
func TestItMakesKeysAndPrintsThem(t *testing.T) {
	cmd := program("--listen", "127.0.0.1:0", "--log-level", "error")
	cmd.Env = append(os.Environ(), asProgram+"=1", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(stdout)
	for range 3 {
		lines.Scan()
	}
	if !regexp.MustCompile(`^export AWS_ACCESS_KEY_ID=AKIA[A-Z0-9]{16} AWS_SECRET_ACCESS_KEY=[A-Z0-9]{40,}$`).MatchString(lines.Text()) {
		t.Errorf("it prints %q", lines.Text())
	}
}

func TestHelpNamesEveryControlPath(t *testing.T) {
	out, err := program("--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GET  /_localecs/faults", "POST /_localecs/faults", "GET  /_localecs/instances", "POST /_localecs/instances",
		"/_localecs/instances/lose", "/_localecs/instances/agent", "lostAnswerRate", "visibilityDelay", "$LOCALECS_LISTEN"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("--help does not say %q", want)
		}
	}
}

func TestBadUseEndsWithOneLine(t *testing.T) {
	for want, args := range map[string][]string{
		"loopback only": {"--listen", "0.0.0.0:0"},
		"positive":      {"--instances", "0"},
		"log-format":    {"--log-format", "xml"},
		"rate":          {"--listen", "127.0.0.1:0", "--start-failure-rate", "2"},
	} {
		out, err := program(args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%v: %v, %s", args, err, out)
		}
	}
}
