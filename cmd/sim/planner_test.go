package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestBasis: a result says what it is of in every form, and the command in it makes it again.
func TestBasis(t *testing.T) {
	dir := t.TempDir()
	page, picture := filepath.Join(dir, "p.html"), filepath.Join(dir, "p.svg")
	args := []string{"compare", "pool:1", "pool:2", "--arrivals", trace, "--every", "40", "--time-scale", "10", "--seeds", "2",
		"--format", "json", "--html", page, "--plot", picture}
	text := ok(t, args...)
	var result struct {
		Basis struct {
			Command, Version, Traffic, Limits, Prices string
			Seeds                                     []int
		}
		Outcomes []struct {
			SeedsUsed   []int
			IntervalsOf string
			Config      struct {
				Traffic struct {
					File, SHA256     string
					Arrivals, Every  int
					TimeScale, Hours float64
				}
				Prices struct {
					Name     string
					HostHour float64
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	b := result.Basis
	command := strings.ReplaceAll(b.Command, "'", "") // a temporary directory's name may need quotes
	if command != "sim "+strings.Join(args, " ") || b.Version == "" || !strings.Contains(b.Traffic, "azure") || len(b.Seeds) != 2 ||
		!strings.Contains(b.Limits, "10 starts at once") || !strings.Contains(b.Prices, "t3.small") {
		t.Errorf("%+v", b)
	}
	of := result.Outcomes[0]
	if c := of.Config.Traffic; len(c.SHA256) != 64 || c.Arrivals != 221 || c.Every != 40 || c.TimeScale != 10 || c.Hours < 9 {
		t.Errorf("%+v", c)
	}
	if of.Config.Prices.Name != "t3.small" || len(of.SeedsUsed) != 2 || !strings.Contains(of.IntervalsOf, "recording") {
		t.Errorf("%+v", of)
	}
	for _, file := range []string{page, picture} {
		if text := read(t, file); !strings.Contains(text, "compare pool:1") || !strings.Contains(text, "sha256") {
			t.Errorf("%s does not say what it is of", file)
		}
	}
}

// TestDrawing: a plot that is called .svg is one.
func TestDrawing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.SVG")
	ok(t, "run", "--duration", "1h", "--plot", path)
	decoder := xml.NewDecoder(strings.NewReader(read(t, path)))
	first := ""
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, is := token.(xml.StartElement); is && first == "" {
			first = start.Name.Local
		}
	}
	if first != "svg" {
		t.Errorf("the picture is a %s", first)
	}
}

// TestStandardStreams: - is standard input for a recording, and standard output for what was not warm.
func TestStandardStreams(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = stdin }()
	go func() {
		fmt.Fprintln(out, "at,length")
		for i := range 200 {
			fmt.Fprintf(out, "2024-03-04 09:%02d:%02d,%dm\n", i/60, i%60, 1+i%7)
		}
		out.Close()
	}()
	text := ok(t, "replay", "-", "--column", "at", "--session-column", "length", "--pool-min", "1", "--pool-max", "3", "--cold", "-")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	held := 0
	for _, line := range lines {
		var miss struct{ HeldBack string }
		if err := json.Unmarshal([]byte(line), &miss); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if miss.HeldBack == "maximum" {
			held++
		}
	}
	if len(lines) < 50 || held < 50 {
		t.Errorf("%d lines, of them %d held back by the maximum", len(lines), held)
	}
}

// TestDiurnalIsAWeek: without a duration an office's traffic is its week, with the rate that was asked for.
func TestDiurnalIsAWeek(t *testing.T) {
	var result struct {
		Requests int
		Hours    float64
	}
	if err := json.Unmarshal([]byte(ok(t, "run", "--traffic", "diurnal", "--rate", "1/m", "--format", "json")), &result); err != nil {
		t.Fatal(err)
	}
	if night := ok(t, "size", "--slo", "0.9", "--traffic", "diurnal", "--duration", "8h", "--rate", "20/m"); !strings.Contains(night, "only a part of the traffic's week") {
		t.Errorf("a size for the night does not say so: %s", night)
	}
	if result.Hours != 168 || result.Requests < 9700 || result.Requests > 10500 {
		t.Errorf("%+v", result)
	}
}

// TestPoolRaisesItsMaximum: a pool that is larger than the default maximum is what it says.
func TestPoolRaisesItsMaximum(t *testing.T) {
	var result struct {
		Outcomes []struct {
			Config struct{ PoolMin, PoolMax int }
		}
	}
	text := ok(t, "compare", "pool:11", "pool:2", "pool:12,14", "--duration", "5m", "--seeds", "1", "--format", "json")
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]int{{11, 11}, {2, 10}, {12, 14}} {
		if c := result.Outcomes[i].Config; c.PoolMin != want[0] || c.PoolMax != want[1] {
			t.Errorf("pool %d: %+v, want %v", i, c, want)
		}
	}
}

// TestSizeForScripts: a size's CSV is numbers, and its percentile has a name.
func TestSizeForScripts(t *testing.T) {
	args := []string{"size", "--slo", "p99.9=2s", "--rate", "20/m", "--duration", "4h", "--seeds", "2", "--max-seeds", "4"}
	rows, err := csv.NewReader(strings.NewReader(ok(t, append(args, "--format", "csv")...))).ReadAll()
	if err != nil || len(rows) < 4 {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, cell := range rows[1] {
		if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "true" && cell != "false" && cell != "" {
			t.Errorf("%q is no number", cell)
		}
	}
	var sizing struct {
		Best struct {
			Percentile, PoolMin float64
			WaitMs              struct{ Mean float64 }
		}
		Sensitivity []struct{ Rate, PoolMin float64 }
	}
	if err := json.Unmarshal([]byte(ok(t, append(args, "--format", "json")...)), &sizing); err != nil {
		t.Fatal(err)
	}
	if sizing.Best.Percentile != 99.9 || sizing.Best.WaitMs.Mean > 2500 || len(sizing.Sensitivity) != 6 {
		t.Errorf("%+v", sizing)
	}
	if s := sizing.Sensitivity; s[0].PoolMin > s[1].PoolMin || s[1].PoolMin >= s[2].PoolMin || s[4].PoolMin <= s[1].PoolMin {
		t.Errorf("sensitivity %+v", s)
	}
}

// TestStartTimesOfOnesOwn: start times from a file are drawn from it.
func TestStartTimesOfOnesOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "starts.csv")
	if err := os.WriteFile(path, []byte("task;took_ms\na;4000\nb;4000\nc;4000,5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var result struct{ WaitMs struct{ Max float64 } }
	text := ok(t, "run", "--start-time", "file:"+path, "--no-warm-pool", "--duration", "1h", "--format", "json")
	if err := json.Unmarshal([]byte(text), &result); err != nil || result.WaitMs.Max < 4000 || result.WaitMs.Max > 4001 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestScheduleOfOnesOwn: size writes a schedule that the others play, and that is cheaper than a fixed size.
func TestScheduleOfOnesOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "week.json")
	traffic := []string{"--traffic", "diurnal", "--rate", "1/m", "--start-time", "measured", "--seeds", "2"}
	ok(t, append([]string{"size", "--slo", "0.99", "--schedule", path, "--max-seeds", "20"}, traffic...)...)
	text := ok(t, append([]string{"compare", "fixed", "schedule", "--pool-min", "1", "--pool-schedule", path, "--format", "json"}, traffic...)...)
	var result struct {
		Outcomes []struct {
			Name                           string
			HitRate                        float64
			MonthlyIdleCost, MonthlyRegret float64
			Config                         struct{ Policy string }
		}
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	fixed, moving := result.Outcomes[0], result.Outcomes[1]
	if fixed.Config.Policy != "fixed" || moving.Config.Policy != "schedule" || moving.HitRate <= fixed.HitRate || moving.HitRate < 0.985 ||
		moving.MonthlyRegret <= 0 || moving.MonthlyRegret >= moving.MonthlyIdleCost {
		t.Errorf("%+v, %+v", fixed, moving)
	}
	for _, c := range [][]string{
		{"compare", "schedule"}, {"size", "--slo", "0.9", "--schedule", path, "--duration", "1h"},
		{"run", "--no-warm-pool", "--pool-schedule", path},
	} {
		if _, stderr, code := sim(c...); code != exitUsage || !strings.Contains(stderr, "schedule") {
			t.Errorf("sim %v: exit %d, %q", c, code, stderr)
		}
	}
}
