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

// Start is one helper on its way to become an agent: start Cmd, then Await.
type Start struct {
	// Cmd runs the helper. The caller gives it the agent's streams and environment, and starts it, in whatever way it
	// starts a process.
	Cmd *exec.Cmd

	spec []byte
	told *os.File // the bridge's ends
	says *os.File
}

func newStart(s spec) (*Start, error) {
	s.Parent = os.Getpid()
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	hears, told, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	says, reports, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, hears.Close(), told.Close())
	}
	return &Start{
		Cmd: &exec.Cmd{
			Path: "/proc/self/exe", Args: []string{helperName}, Dir: "/",
			ExtraFiles: []*os.File{hears, reports}, // specFile, reportFile
		},
		spec: text, told: told, says: says,
	}, nil
}

// Close lets go of the pipes. It is needed only if Cmd could not be started; Await does it otherwise.
func (s *Start) Close() {
	for _, file := range append(s.Cmd.ExtraFiles, s.told, s.says) {
		_ = file.Close() // pipes, whose ends are of no more use
	}
}

// Await tells the helper what to do, once Cmd runs, and returns when the agent's program runs in its place. The error says
// which step failed and why; the process is then dead or about to be killed by the caller, who has to wait for it.
func (s *Start) Await() error {
	defer s.Close()
	for _, file := range s.Cmd.ExtraFiles {
		_ = file.Close() // the helper's ends, of which it has its own: what it closes must end here
	}
	deadline := time.Now().Add(startTimeout)
	if err := errors.Join(s.told.SetWriteDeadline(deadline), s.says.SetReadDeadline(deadline)); err != nil {
		return err
	}
	_, written := s.told.Write(s.spec)
	_ = s.told.Close()
	report, err := io.ReadAll(io.LimitReader(s.says, maxReport))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the helper has not started it within %v", startTimeout)
	case err != nil:
		return err
	case len(report) == 0:
		return written // the pipe was closed by the exec, or by the helper's death
	}
	var failed failure
	if err := json.NewDecoder(bytes.NewReader(report)).Decode(&failed); err != nil {
		return fmt.Errorf("the helper's report: %w", err)
	}
	return &failed
}
