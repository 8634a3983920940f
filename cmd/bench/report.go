package main

import (
	"fmt"
	"slices"
	"strings"

	"hearth/cmd/bench/rig"
)

// titles are what the rows are called where people read them.
var titles = map[string]string{
	"relay":       "Relay: one line under way for each session, there and back",
	"streams":     "Streams: 20 outputs a second to each session",
	"latency":     "Latency at a fifth of the rate that Hearth can take",
	"claims":      "Claims: from connect to ready, stand-in tasks",
	"sustained":   "A steady stream of sessions that come, are served and leave, stand-in tasks",
	"interactive": "Time to interactive: from connect to the first output of a command, real bridges, bash, isolated",
	"starts":      "Local backend: starts",
	"bridge":      "Bridge: start, memory, size",
	"memory":      "Memory of the gateway for an idle session",
	"simulator":   "Simulator",
	"crowd":       "Simulated: a crowd comes within a second to several gateways of one account",
	"soak":        "One gateway for minutes: lines there and back",
}

// markdown is the results as a section of docs/performance.md.
func (r *Results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on: %s.\n", r.Machine)
	for _, run := range r.Runs {
		fmt.Fprintf(&b, "\n### %s\n\n", titles[run.Row])
		b.WriteString(grid(r.of(run.Row)))
		fmt.Fprintf(&b, "\n`bench run --size %s --only %s`, %s, %.0f s, gateway %s, load average before %.2f.\n",
			run.Size, run.Row, run.Began.Format("2006-01-02 15:04 MST"), run.Seconds, run.Version, run.Load)
	}
	b.WriteString("\n### Beside what others publish\n\n" + r.beside())
	b.WriteString("\n### Goals\n\n| row | what | goal | measured | |\n|---|---|---|---|---|\n")
	for _, g := range r.goals() {
		verdict := g.verdict()
		if !g.met {
			verdict = "**" + verdict + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", g.Row, g.What, g.Goal, number(g.Value), verdict)
	}
	return b.String()
}

// of are a row's figures.
func (r *Results) of(row string) (figures []rig.Figure) {
	for _, f := range r.Figures {
		if f.Row == row {
			figures = append(figures, f)
		}
	}
	return figures
}

// grid is a table of figures: a line for each case and subject, a column for each metric. Medians, and in parentheses the least
// and the greatest of the rounds.
func grid(figures []rig.Figure) string {
	var lines [][2]string
	var metrics []string
	cells := map[[3]string]string{}
	for _, f := range figures {
		line, metric := [2]string{f.Case, f.Subject}, f.Metric
		if f.Unit != "" {
			metric += ", " + f.Unit
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
		if !slices.Contains(metrics, metric) {
			metrics = append(metrics, metric)
		}
		cell := number(f.Median)
		if f.Rounds > 1 && f.Max > f.Min {
			cell += fmt.Sprintf(" (%s to %s)", number(f.Min), number(f.Max))
		}
		cells[[3]string{f.Case, f.Subject, metric}] = cell
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| | | %s |\n|---|---|%s\n", strings.Join(metrics, " | "), strings.Repeat("---|", len(metrics)))
	for _, line := range lines {
		fmt.Fprintf(&b, "| %s | %s |", line[0], line[1])
		for _, metric := range metrics {
			fmt.Fprintf(&b, " %s |", cells[[3]string{line[0], line[1], metric}])
		}
		b.WriteByte('\n')
	}
	return b.String()
}
