package bridge

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"hearth/bridge/isolation"
)

// beginning is time enough for a helper to begin.
const beginning = 50 * time.Millisecond

// BenchmarkAgentStart measures what the helper adds to the start of an agent, until the agent's program runs: "cold" from the
// helper's start on, and "ready" from when it is told what to become, as in a task that was warm for a while. Without a helper
// stands for what there is to compare with. The figures are medians.
func BenchmarkAgentStart(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.Run("without a helper", func(b *testing.B) {
		measure(b, func() (time.Duration, func()) {
			begin := time.Now()
			cmd := exec.Command("/bin/true")
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			return time.Since(begin), func() { _ = cmd.Wait() }
		})
	})
	for _, levels := range []string{"path", "landlock", "uid", "uid,landlock"} {
		plan, job := openPlan(b, levels)
		for name, wait := range map[string]time.Duration{"cold": 0, "ready": beginning} {
			b.Run(levels+"/"+name, func(b *testing.B) {
				measure(b, func() (time.Duration, func()) {
					begin := time.Now()
					a, err := startAgent(&reaper{}, LinesText, 0)
					if err != nil {
						b.Fatal(err)
					}
					if wait > 0 {
						time.Sleep(wait)
						begin = time.Now()
					}
					if err := plan.Start(a.helper, job); err != nil {
						b.Fatal(err)
					}
					return time.Since(begin), func() {
						a.wait()
						closeFiles(a.stdout.file, a.stderr.file)
					}
				})
			})
		}
	}
}

// measure reports the median of the times that start returns; the function that it returns with each clears up.
func measure(b *testing.B, start func() (time.Duration, func())) {
	var times []time.Duration
	for b.Loop() {
		took, clear := start()
		times = append(times, took)
		clear()
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "median-µs")
}

// openPlan resolves levels for a new workspace root that every user can get to, and makes a workspace in it.
func openPlan(b *testing.B, levels string) (*isolation.Plan, isolation.Job) {
	b.Helper()
	dir, err := os.MkdirTemp("", "hearth-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, passageDir); err != nil {
		b.Fatal(err)
	}
	root, err := openRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = root.Close() })
	plan, err := resolveIsolation(b.Context(), Config{
		AgentCommand: "/bin/true",
		Isolation:    levels, UIDRange: "10000-59999", AgentReadPaths: []string{"/usr", "/bin", "/lib", "/lib64", "/etc", "/proc"},
	}, root)
	if err != nil {
		b.Fatal(fmt.Errorf("%s: %w", levels, err))
	}
	b.Cleanup(func() { _ = plan.Close() })
	job := isolation.Job{Argv: []string{"/bin/true"}, Env: os.Environ(), Workspace: filepath.Join(dir, "alice")}
	job.Temp = job.Workspace
	if job.UID, err = plan.Identify(b.Context(), "alice"); err != nil {
		b.Fatal(err)
	}
	if err := os.Mkdir(job.Workspace, privateDir); err != nil {
		b.Fatal(err)
	}
	if err := os.Lchown(job.Workspace, job.UID, job.UID); err != nil {
		b.Fatal(err)
	}
	return plan, job
}
