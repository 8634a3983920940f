package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"hearth/cmd/bench/rig"
)

// Results are all that was measured on a machine.
type Results struct {
	Machine Machine `json:"machine"`
	// Runs say when each row was measured, and of what.
	Runs    []Run        `json:"runs"`
	Figures []rig.Figure `json:"figures"`
}

// Run is one row's.
type Run struct {
	Row     string    `json:"row"`
	Size    string    `json:"size"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	// Version is the gateway's, as it says it.
	Version string `json:"version"`
	// Load is the machine's load average over the minute before: what else was going on.
	Load float64 `json:"loadBefore"`
}

// The names of what a run writes.
const (
	resultsFile  = "results.json"
	markdownFile = "results.md"
	plotFile     = "relay.svg"
)

func readResults(path string) (Results, error) {
	var r Results
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// earlier are the results that a run goes on with: another machine's are no use.
func earlier(path string, machine Machine) (Results, error) {
	r, err := readResults(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Results{Machine: machine}, nil
	}
	if err == nil && r.Machine != machine {
		r = Results{Machine: machine}
	}
	return r, err
}

// replace puts a row's figures in the place of those of before. The rows keep the order that they are measured in.
func (r *Results) replace(run Run, figures []rig.Figure) {
	r.Runs = append(slices.DeleteFunc(r.Runs, func(o Run) bool { return o.Row == run.Row }), run)
	r.Figures = append(slices.DeleteFunc(r.Figures, func(f rig.Figure) bool { return f.Row == run.Row }), figures...)
	slices.SortStableFunc(r.Runs, func(a, b Run) int { return rowNumber(a.Row) - rowNumber(b.Row) })
	slices.SortStableFunc(r.Figures, func(a, b rig.Figure) int { return rowNumber(a.Row) - rowNumber(b.Row) })
}

// write writes the results, and the same for people.
func (r *Results) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		resultsFile: append(text, '\n'), markdownFile: []byte(r.markdown()), plotFile: []byte(r.plot()),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// find gives the median of a figure; ok is false when it was not measured.
func (r *Results) find(row, size, subject, metric string) (value float64, ok bool) {
	for _, f := range r.Figures {
		if f.Key() == [4]string{row, size, subject, metric} {
			return f.Median, true
		}
	}
	return 0, false
}

// table prints everything for people, and how it stands to the goals.
func (r *Results) table(to io.Writer) error {
	fmt.Fprintf(to, "%s\n", r.Machine)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, run := range r.Runs {
		fmt.Fprintf(w, "\n%s\t\t\t\t\n", titles[run.Row])
		for _, f := range r.of(run.Row) {
			spread := ""
			if f.Rounds > 1 {
				spread = fmt.Sprintf("%s to %s in %d rounds", number(f.Min), number(f.Max), f.Rounds)
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s %s\t%s\n", f.Case, f.Subject, f.Metric, number(f.Median), f.Unit, spread)
		}
	}
	fmt.Fprint(w, "\nGoals\t\t\t\t\n")
	for _, g := range r.goals() {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", g.Row, g.What, g.Goal, number(g.Value), g.verdict())
	}
	return w.Flush()
}

// number is a figure as people read it: three digits that count, and no more.
func number(v float64) string {
	switch {
	case v >= 1000:
		return thousands(int64(v + 0.5))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
