package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Comparison is a day beside another. Change has for each figure how much it is more than on the other day.
type Comparison struct {
	Day     *Day               `json:"day"`
	Against *Day               `json:"against"`
	Change  map[string]float64 `json:"change"`
}

// Compare sets a day beside another.
func Compare(day, against *Day) *Comparison {
	c := &Comparison{Day: day, Against: against, Change: map[string]float64{}}
	other := map[string]float64{}
	for _, f := range against.figures() {
		other[f.name] = f.value
	}
	for _, f := range day.figures() {
		c.Change[f.name] = f.value - other[f.name]
		delete(other, f.name)
	}
	for name, value := range other {
		c.Change[name] = -value
	}
	return c
}

// figure is a number with a name.
type figure struct {
	name  string
	value float64
	unit  unit
}

type unit int

const (
	count unit = iota
	millis
	share
)

// print is a figure's value, or a change of it.
func (u unit) print(value float64) string {
	switch u {
	case millis:
		return fmt.Sprintf("%.4g ms", value)
	case share:
		return fmt.Sprintf("%.2f %%", 100*value)
	case count:
	}
	return fmt.Sprintf("%.0f", value)
}

// figures are the day's numbers in the report's order.
func (d *Day) figures() []figure {
	var all []figure
	add := func(name string, value float64, u unit) { all = append(all, figure{name, value, u}) }
	counted := func(name string, of map[string]int) {
		for _, key := range slices.Sorted(maps.Keys(of)) {
			add(name+": "+key, float64(of[key]), count)
		}
	}
	times := func(name string, t Times) {
		add(name, float64(t.Count), count)
		if t.Count > 0 {
			add(name+", p50", t.P50Ms, millis)
			add(name+", p90", t.P90Ms, millis)
			add(name+", p99", t.P99Ms, millis)
			add(name+", max", t.MaxMs, millis)
		}
	}
	add("sessions begun", float64(d.SessionsBegun), count)
	counted("sessions ended", d.SessionsEnded)
	add("sessions open at the end", float64(d.SessionsOpen), count)
	times("session lengths", d.Lengths)
	add("hit rate", d.HitRate, share)
	for _, path := range slices.Sorted(maps.Keys(d.Starts)) {
		times(path+" starts", d.Starts[path])
	}
	add("failed starts", float64(d.StartsFailed), count)
	counted("not warm because", d.ColdBecause)
	add("waits for a task", float64(d.Waits), count)
	times("first outputs", d.FirstOutput)
	times("task boots", d.TaskBoots)
	counted("tasks that did not start", d.TaskStartsFailed)
	add("tasks that failed their session before it was ready", float64(d.Requeued), count)
	add("restarts", float64(d.Restarts), count)
	counted("clients' sockets that dropped, session", d.ClientsLeft)
	add("active tasks' sockets that dropped", float64(d.TasksDetached), count)
	add("hosts lost", float64(d.HostsLost), count)
	counted("operators' requests", d.Operators)
	return all
}

// Markdown writes the report, beside that of another day if there is one.
func Markdown(w io.Writer, day, against *Day) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Hearth, %s to %s UTC\n\n", day.From.UTC().Format(time.DateTime), day.To.UTC().Format(time.DateTime))
	fmt.Fprintf(&b, "%d log lines, and %d that are none of a gateway's.\n\n", day.Lines, day.OtherLines)
	if against == nil {
		b.WriteString("| | |\n|---|---|\n")
		for _, f := range day.figures() {
			fmt.Fprintf(&b, "| %s | %s |\n", cell(f.name), f.unit.print(f.value))
		}
	} else {
		writeBeside(&b, day, against)
	}
	writeProblems(&b, day, against)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeBeside writes the figures of both days, and the change.
func writeBeside(b *strings.Builder, day, against *Day) {
	fmt.Fprintf(b, "| | this day | %s | change |\n|---|---|---|---|\n", against.From.UTC().Format(time.DateOnly))
	figures := day.figures()
	others, units := map[string]float64{}, map[string]bool{}
	for _, f := range figures {
		units[f.name] = true
	}
	for _, f := range against.figures() {
		others[f.name] = f.value
		if !units[f.name] { // it was none on this day
			figures = append(figures, figure{f.name, 0, f.unit})
		}
	}
	for _, f := range figures {
		change := f.unit.print(f.value - others[f.name])
		if !strings.HasPrefix(change, "-") {
			change = "+" + change
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", cell(f.name), f.unit.print(f.value), f.unit.print(others[f.name]), change)
	}
}

// writeProblems writes the warnings and errors, and those of the other day that are gone.
func writeProblems(b *strings.Builder, day, against *Day) {
	b.WriteString("\n## Warnings and errors\n\n")
	if len(day.Problems) == 0 {
		b.WriteString("None.\n")
		return
	}
	before := map[problemKey]int{}
	if against != nil {
		for _, p := range against.Problems {
			before[problemKey{p.Level, p.Message, p.Kind}] = p.Count
		}
	}
	b.WriteString("| | what | how often | first, last | reason of the last |\n|---|---|---|---|---|\n")
	for _, p := range day.Problems {
		what, often := p.Message, fmt.Sprint(p.Count)
		if p.Kind != "" {
			what += " (" + p.Kind + ")"
		}
		if against != nil {
			often += fmt.Sprintf(" (%d)", before[problemKey{p.Level, p.Message, p.Kind}])
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s, %s | %s |\n", p.Level, cell(what), often,
			p.First.UTC().Format(time.TimeOnly), p.Last.UTC().Format(time.TimeOnly), cell(p.Reason))
	}
}

// cell is a text that stays in its cell.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(text)
}
