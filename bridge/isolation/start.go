package isolation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// startTimeout bounds the time that the helper takes to become the agent. Only a file system that hangs makes it pass.
const startTimeout = 10 * time.Second

// maxReport bounds what is read of the helper's report.
const maxReport = 64 << 10

// Helper is one helper that waits to be told which agent to become. What takes it longest, as any process, is to begin: it is
// worth starting before the rest that an agent needs is there. Start Cmd, then [Plan.Start] it; or Close it.
type Helper struct {
	// Cmd runs the helper. The caller gives it the agent's streams and starts it in whatever way it starts a process.
	Cmd *exec.Cmd

	told *os.File // the bridge's ends
	says *os.File
}

// NewHelper makes a helper that is not started yet.
func NewHelper() (*Helper, error) {
	hears, told, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	says, reports, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, hears.Close(), told.Close())
	}
	return &Helper{
		Cmd: &exec.Cmd{
			Path: "/proc/self/exe", Args: []string{helperName}, Env: []string{}, Dir: "/",
			ExtraFiles: []*os.File{hears, reports}, // specFile, reportFile
		},
		told: told, says: says,
	}, nil
}

// Started is to be called once Cmd runs. It lets go of what is the helper's alone.
func (h *Helper) Started() {
	for _, file := range h.Cmd.ExtraFiles {
		_ = file.Close() // the helper has its own: what it closes must end here
	}
}

// Close lets go of the pipes. A helper that waits then ends.
func (h *Helper) Close() {
	h.Started()
	_ = h.told.Close() // pipes, whose ends are of no more use
	_ = h.says.Close()
}

// become tells a helper that runs what to do and returns when the agent's program runs in its place. The error says which
// step failed and why; the process is then dead or about to be killed by the caller, who has to wait for it.
func (h *Helper) become(s spec) error {
	defer h.Close()
	s.Parent = os.Getpid()
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(startTimeout)
	if err := errors.Join(h.told.SetWriteDeadline(deadline), h.says.SetReadDeadline(deadline)); err != nil {
		return err
	}
	_, written := h.told.Write(text)
	_ = h.told.Close()
	report, err := io.ReadAll(io.LimitReader(h.says, maxReport))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the helper has not started it within %v", startTimeout)
	case err != nil:
		return err
	case len(report) == 0:
		return written // the pipe was closed by the exec, or by the helper's death
	}
	var f failure
	if err := json.NewDecoder(bytes.NewReader(report)).Decode(&f); err != nil {
		return fmt.Errorf("the helper's report: %w", err)
	}
	return &f
}
