package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hearth/cmd/bench/relays"
	"hearth/cmd/document"
)

var rewrite = flag.Bool("rewrite", false, "write the results' section of docs/performance.md, and its plot, instead of comparing them")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tiny is the smallest run that has everything in it.
var tiny = sizes{
	name: "tiny", rounds: 1, warmup: 20 * time.Millisecond, length: 100 * time.Millisecond,
	relays: []crowd{{3, 200}}, streams: []crowd{{3, 200}}, latency: crowd{2, 200},
	burst: 4, pool: 4, drained: 2, poisson: 10, sustained: []float64{20}, claimTime: 300 * time.Millisecond, taskStart: 50 * time.Millisecond, interactive: 2,
	soak: crowd{2, 200}, soakTime: 500 * time.Millisecond, starts: 2, bridges: 1, simulated: time.Hour, crowds: []int{20},
}

// TestEveryRow plays all that is measured, so that none of it breaks unseen; what the figures are does not matter here. Memory
// is a benchmark of the gateway's own, which is run with the others.
func TestEveryRow(t *testing.T) {
	programs, dir := t.TempDir(), t.TempDir()
	build := exec.Command("go", "build", "-o", programs+"/", "hearth/cmd/gateway", "hearth/cmd/bridge", "hearth/cmd/sim", "hearth/cmd/bench")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	chosen := slices.DeleteFunc(rows(), func(r row) bool { return r.name == "memory" })
	results, err := measure(t.Context(), options{rows: chosen, size: tiny, dir: dir, programs: programs, progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range chosen {
		if len(results.of(r.name)) == 0 {
			t.Errorf("%s has no figures", r.name)
		}
	}
	for _, name := range plotted {
		if lines, _ := results.find("relay", "3 × 200 B", name, linesPerSecond); lines <= 0 {
			t.Errorf("%s has relayed nothing", name)
		}
	}
	read, err := readResults(filepath.Join(dir, resultsFile))
	if err != nil {
		t.Fatal(err)
	}
	if text, plot := read.markdown(), read.plot(); !strings.Contains(text, titles["relay"]) || !strings.Contains(plot, relays.Nginx) {
		t.Errorf("the report has no relays:\n%s\n%s", text, plot)
	}
}

// TestPerformanceDocument holds the figures of docs/performance.md and its plot to the results that are kept beside it.
func TestPerformanceDocument(t *testing.T) {
	const docs = "../../docs/"
	results, err := readResults(docs + "performance/" + resultsFile)
	if err != nil {
		t.Fatal(err)
	}
	document.Section(t, docs+"performance.md", "results", results.markdown(), *rewrite)
	plot := docs + "performance/" + plotFile
	if *rewrite {
		if err := os.WriteFile(plot, []byte(results.plot()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if drawn, err := os.ReadFile(plot); err != nil || string(drawn) != results.plot() {
		t.Errorf("%s is not of these results (%v); run this test with -rewrite", plot, err)
	}
}
