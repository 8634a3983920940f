package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// trace is an hour of real arrivals.
const trace = "../../sim/traffic/testdata/azure_llm_code_2023.csv.gz"

// sim runs the command. It returns what it printed and how it exited.
func sim(args ...string) (stdout, stderr string, code int) {
	var out, err bytes.Buffer
	code = execute(args, &out, &err)
	return out.String(), err.String(), code
}

// ok is sim for what must go well.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := sim(args...)
	if code != exitOK || stderr != "" {
		t.Fatalf("sim %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

func TestSameSeedSameBytes(t *testing.T) {
	run := func(seed string) string {
		return ok(t, "run", "--rate", "5/m", "--session", "30m", "--duration", "1h", "--seed", seed, "--format", "json")
	}
	first := run("1")
	if run("1") != first {
		t.Error("the same seed gives other bytes")
	}
	if run("2") == first {
		t.Error("another seed gives the same bytes")
	}
}

// TestCoresDoNotMatter: runs in parallel come out in the order of their seeds.
func TestCoresDoNotMatter(t *testing.T) {
	args := []string{"sweep", "--pool-min", "1..2", "--seeds", "3", "--duration", "20m", "--format", "csv"}
	first := ok(t, args...)
	for range 2 {
		if ok(t, args...) != first {
			t.Error("the same sweep gives other bytes")
		}
	}
}

// TestKeys: what scripts read.
func TestKeys(t *testing.T) {
	var result struct {
		Requests, Hits, Failures, Starts           *int
		HitRate, TaskHours, HostHours, MonthlyCost *float64
		Paths                                      map[string]int
		WaitMs, ReadyMs                            map[string]float64
		Seed                                       *uint64
		Digest                                     *string
	}
	text := ok(t, "run", "--duration", "30m", "--format", "json")
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	if result.Requests == nil || result.Hits == nil || result.Failures == nil || result.Starts == nil ||
		result.HitRate == nil || result.TaskHours == nil || result.HostHours == nil || result.MonthlyCost == nil ||
		result.Seed == nil || result.Digest == nil {
		t.Errorf("a key is missing in %.400s", text)
	}
	for _, key := range []string{"mean", "p50", "p90", "p95", "p99", "max"} {
		if _, has := result.WaitMs[key]; !has {
			t.Errorf("waitMs has no %s", key)
		}
		if _, has := result.ReadyMs[key]; !has {
			t.Errorf("readyMs has no %s", key)
		}
	}
	for _, key := range []string{"instant", "waited", "warmHost", "coldHost"} {
		if _, has := result.Paths[key]; !has {
			t.Errorf("paths has no %s", key)
		}
	}
	if *result.Requests == 0 || *result.Hits+result.Paths["waited"] != *result.Requests {
		t.Errorf("%d requests, %d hits, paths %v", *result.Requests, *result.Hits, result.Paths)
	}
}

// TestBadInput: one line says which flag or row and why, and the exit code is 2.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var everySecond strings.Builder
	everySecond.WriteString("timestamp\n")
	for i := range 200 {
		fmt.Fprintln(&everySecond, 1000*i)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--rate", "-5/m"}, `--rate: "-5/m" must be more than 0`},
		{[]string{"run", "--rate", "0/m"}, "must be more than 0"},
		{[]string{"run", "--rate", "5"}, "is no rate"},
		{[]string{"run", "--rate", "5/fortnight"}, "is no rate"},
		{[]string{"run", "--duration", "-8h"}, `--duration: "-8h" is negative`},
		{[]string{"run", "--duration", "0"}, `--duration: "0" must be more than 0`},
		{[]string{"run", "--duration", "long"}, "is no length of time"},
		{[]string{"run", "--session", "0s"}, "--session must be more than 0"},
		{[]string{"run", "--start-time", "gamma:3s"}, "--start-time"},
		{[]string{"run", "--pool-min", "20"}, "--pool-min 20 is over --pool-max 10"},
		{[]string{"run", "--pool-min", "-1"}, "--pool-min -1 must not be negative"},
		{[]string{"run", "--pool-max", "0"}, "--pool-max"},
		{[]string{"run", "--replenish-threshold", "3"}, "--replenish-threshold 3 must be at least 0 and below --pool-min 3"},
		{[]string{"run", "--host-slots", "none"}, "--host-slots"},
		{[]string{"run", "--hosts", "2"}, "need --host-slots"},
		{[]string{"run", "--host-slots", "4", "--hosts", "3", "--hosts-max", "2"}, "--hosts 3 is over --hosts-max 2"},
		{[]string{"run", "--host-slots", "4", "--warm-hosts", "2"}, "--warm-hosts, --wake-time"},
		{[]string{"run", "--host-slots", "4", "--hosts", "2", "--warm-state", "asleep"}, "--warm-state"},
		{[]string{"run", "--host-slots", "4", "--boot-time", "3s"}, "need --hosts"},
		{[]string{"run", "--host-slots", "4", "--hosts", "2", "--warm-hosts", "5"}, "--warm-hosts needs --hosts-max over --hosts"},
		{[]string{"run", "--host-slots", "4", "--hosts", "1000000"}, "at most 50000"},
		{[]string{"run", "--start-failures", "2"}, "--start-failures 2 must be a probability"},
		{[]string{"run", "--users", "0"}, "--users 0"},
		{[]string{"run", "--from", "someday"}, "is no time of the week"},
		{[]string{"run", "--traffic", "square"}, "--traffic"},
		{[]string{"run", "--format", "xml"}, "--format"},
		{[]string{"run", "--plot", filepath.Join(dir, "no", "such", "folder.png"), "--duration", "1m"}, "--plot"},
		{[]string{"run", "--prices", file("prices.json", `{"hostHours": 1}`)}, `unknown field "hostHours"`},
		{[]string{"run", "--prices", file("negative.json", `{"hostHour": -1}`)}, "hostHour -1 must not be negative"},
		{[]string{"replay", filepath.Join(dir, "none.csv")}, "none.csv"},
		{[]string{"replay", file("empty.csv", "")}, "empty.csv: the file is empty"},
		{[]string{"replay", file("columns.csv", "id,when\n1,2\n")}, `row 1: there is no column timestamp or time; name one of the columns "id", "when"`},
		{[]string{"replay", file("unsorted.csv", "time\n5\n4\n")}, "unsorted.csv: row 3: time is before the row above it"},
		{[]string{"replay", file("malformed.csv", "time\n5\nx\n")}, `malformed.csv: row 3: time "x" is no time`},
		{[]string{"replay", trace, "--column", "TokensContext"}, `there is no column "TokensContext"; the columns are "TIMESTAMP"`},
		{[]string{"replay", trace, "--every", "0"}, "--every 0 must be at least 1"},
		{[]string{"replay", trace, "--time-scale", "-1"}, "--time-scale -1"},
		{[]string{"compare", "phase3"}, `"phase3" is no strategy`},
		{[]string{"run", "--peak", "3"}, "--peak plays no part here: it needs --traffic flash"},
		{[]string{"size", "--slo", "0.9", "--traffic", "bursts", "--from", "mon09:00"}, "--from plays no part here: it needs --traffic diurnal"},
		{[]string{"sweep", "--burst-on", "3m"}, "--burst-on plays no part here: it needs --traffic bursts"},
		{[]string{"frontier", "--column", "at"}, "--column plays no part here: it needs --arrivals"},
		{[]string{"run", "--arrivals", trace, "--rate", "7/m"}, "--rate plays no part here: it needs no --arrivals"},
		{[]string{"run", "--no-warm-pool", "--pool-max", "4"}, "--pool-max plays no part here: it needs a pool"},
		{[]string{"compare", "baseline", "phase1", "--pool-min", "4"}, "--pool-min plays no part here: it needs the strategy phase2"},
		{[]string{"run", "--host-slots", "4", "--hosts", "2", "--hosts-max", "3", "--warm-state", "stopped"}, "--warm-state plays no part here: it needs --warm-hosts"},
		{[]string{"replay", trace, "--session", "1h", "--session-column", "GeneratedTokens", "--session-unit", "ms"}, "--session plays no part here"},
		{[]string{"replay", trace, "--session-column", "GeneratedTokens"}, "GeneratedTokens does not say what its numbers count"},
		{[]string{"replay", file("ambiguous.csv", everySecond.String())}, "ambiguous.csv: timestamp: its numbers may be s (200 arrivals in 2.3 days, 3.6 an hour) or ms ("},
		{[]string{"compare", "pool:5,3"}, "--pool-min 5 is over --pool-max 3"},
		{[]string{"compare", "--seeds", "0"}, "--seeds 0"},
		{[]string{"sweep", "--pool-min", "5..1"}, "is no list of counts"},
		{[]string{"sweep", "--slots", "4", "--host-slots", "7"}, "give one of them"},
		{[]string{"sweep", "--slots", "4", "--hosts", "2", "--host-counts", "2,3"}, "give one of them"},
		{[]string{"sweep", "--host-counts", "2,3"}, "need --host-slots"},
		{[]string{"sweep", "--slots", "4", "--host-counts", "2,30", "--hosts-max", "20"}, "30 is over --hosts-max 20"},
		{[]string{"sweep", "--pool-min", "5", "--pool-max", "3"}, "no combination makes sense"},
		{[]string{"size"}, "--slo"},
		{[]string{"size", "--slo", "1"}, "less than 1"},
		{[]string{"size", "--slo", "p98=1s"}, "none of p50"},
		{[]string{"size", "--slo", "ready-p98=1s"}, "none of p50"},
		{[]string{"size", "--slo", "0.9", "--max-seeds", "1"}, "--max-seeds 1"},
		{[]string{"chaos", "--seeds", "0"}, "--seeds 0"},
		{[]string{"explain"}, "--seed"},
		{[]string{"dance"}, "dance"},
	} {
		stdout, stderr, code := sim(c.args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("sim %s: exit %d, %q, %q, want %q", strings.Join(c.args, " "), code, stdout, stderr, c.want)
		}
	}
}

// TestHelp: every command shows examples.
func TestHelp(t *testing.T) {
	if help := ok(t); !strings.Contains(help, "sim size --slo 0.999") {
		t.Errorf("no example in %s", help)
	}
	for _, command := range []string{"run", "replay", "compare", "sweep", "size", "frontier", "chaos", "explain"} {
		if help := ok(t, command, "--help"); !strings.Contains(help, "\n    sim "+command) {
			t.Errorf("no example in the help of %s:\n%s", command, help)
		}
	}
}

// unstable is what changes with every fact that an actor reports, however little it matters.
var unstable = regexp.MustCompile(`digest [0-9a-f]{16}, [0-9,]+ events|\b[0-9a-f]{16}\b`)

// TestGolden: what people see of small runs.
func TestGolden(t *testing.T) {
	for name, args := range map[string][]string{
		"run.txt":      {"run", "--duration", "2h"},
		"run.csv":      {"run", "--duration", "2h", "--format", "csv"},
		"compare.txt":  {"compare", "baseline", "phase1", "phase2", "pool:1", "--duration", "1h", "--seeds", "2"},
		"sweep.txt":    {"sweep", "--pool-min", "0..2", "--pool-max", "2,inf", "--start-time", "3s", "--duration", "1h", "--seeds", "2"},
		"frontier.txt": {"frontier", "--start-time", "3s", "--duration", "1h", "--rate", "20/m", "--seeds", "2"},
		"week.txt":     {"size", "--slo", "0.99", "--worst-hour", "--traffic", "diurnal", "--rate", "0.2/m", "--seeds", "2", "--max-seeds", "20"},
		"size.csv":     {"size", "--slo", "0.95", "--start-time", "3s", "--duration", "1h", "--seeds", "2", "--max-seeds", "2", "--format", "csv"},
		"size.txt":     {"size", "--slo", "0.95", "--start-time", "3s", "--duration", "1h", "--seeds", "2", "--max-seeds", "2"},
	} {
		got := unstable.ReplaceAllString(ok(t, args...), "DIGEST")
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s has changed (go test ./cmd/sim -update writes it anew):\n%s", name, got)
		}
	}
}

// TestReplay plays the real trace, thinned.
func TestReplay(t *testing.T) {
	text := ok(t, "replay", trace, "--every", "20", "--time-scale", "2", "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0][8] != "requests" || rows[1][8] != "441" {
		t.Errorf("%v", rows)
	}
}

// TestShapes: rows have as many cells as there are columns in every command's CSV.
func TestShapes(t *testing.T) {
	common := []string{"--duration", "20m", "--seeds", "2", "--format", "csv"}
	for _, c := range []struct {
		args []string
		rows int
	}{
		{[]string{"compare"}, 3},
		{[]string{"sweep", "--pool-min", "1..3", "--slots", "2,inf"}, 6},
		{[]string{"sweep", "--pool-min", "1..2", "--slots", "4,7", "--host-counts", "2,40"}, 8},
		{[]string{"sweep", "--pool-min", "4", "--replenish-threshold", "0..3"}, 4},
	} {
		rows, err := csv.NewReader(strings.NewReader(ok(t, append(c.args, common...)...))).ReadAll()
		if err != nil || len(rows) != 1+c.rows {
			t.Errorf("%v: %d rows, %v", c.args, len(rows)-1, err)
		}
	}
}

// TestFiles: pictures, pages, logs.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	ok(t, "run", "--duration", "1h", "--pool-min", "1", "--plot", in("run.png"), "--html", in("run.html"),
		"--trace", in("log.jsonl"), "--cold", in("cold.jsonl"))
	ok(t, "compare", "--duration", "10m", "--seeds", "1", "--plot", in("compare.png"), "--html", in("compare.html"))
	ok(t, "frontier", "--duration", "10m", "--seeds", "1", "--plot", in("frontier.png"), "--html", in("frontier.html"))
	ok(t, "sweep", "--duration", "10m", "--seeds", "1", "--plot", in("sweep.png"), "--html", in("sweep.html"))
	for _, name := range []string{"run", "compare", "frontier", "sweep"} {
		picture, err := os.Open(in(name + ".png"))
		if err != nil {
			t.Fatal(err)
		}
		if image, err := png.Decode(picture); err != nil || image.Bounds().Dx() != 900 {
			t.Errorf("%s.png: %v", name, err)
		}
		picture.Close()
		page := read(t, in(name+".html"))
		if !strings.Contains(page, "<svg") || regexp.MustCompile(`(?i)(src|href)=|url\(|@import|https?:`).MatchString(page) {
			t.Errorf("%s.html has no picture, or needs something from elsewhere", name)
		}
	}
	for name, key := range map[string]string{"log.jsonl": "event", "cold.jsonl": "poolNeeded"} {
		lines := strings.Split(strings.TrimSpace(read(t, in(name))), "\n")
		for _, line := range lines {
			var value map[string]any
			if err := json.Unmarshal([]byte(line), &value); err != nil || value[key] == nil {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
		}
		if len(lines) < 10 {
			t.Errorf("%s has %d lines", name, len(lines))
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTraceToOutput: the log takes the place of the result, and begins at the very beginning.
func TestTraceToOutput(t *testing.T) {
	first, _, _ := strings.Cut(ok(t, "run", "--duration", "1m", "--trace", "-"), "\n")
	if !strings.HasPrefix(first, `{"at":0.000000,`) {
		t.Errorf("the log begins with %s", first)
	}
}

// TestUnreachable: an objective that no pool meets is no usage error.
func TestUnreachable(t *testing.T) {
	_, stderr, code := sim("size", "--slo", "0.999", "--pool-max", "1", "--duration", "1h", "--seeds", "2", "--rate", "20/m")
	if code != exitFailed || !strings.Contains(stderr, "no pool meets the objective") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

// TestStorms: a storm is the same story every time, and all of them together say how they went.
func TestStorms(t *testing.T) {
	story, _, _ := sim("explain", "--seed", "3", "--steps", "10")
	if again, _, _ := sim("explain", "--seed", "3", "--steps", "10"); story != again || !strings.Contains(story, "seed 3: ") {
		t.Errorf("two stories of one storm, or none:\n%s", story)
	}
	stdout, stderr, _ := sim("chaos", "--seeds", "4", "--steps", "10", "--format", "json")
	var all struct{ Seeds, Clients int }
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || all.Seeds != 4 || all.Clients == 0 || stderr != "" {
		t.Errorf("%s %s %v", stdout, stderr, err)
	}
}
