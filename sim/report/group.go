package report

import (
	"fmt"
	"strconv"

	"hearth/sim/run"
)

// groups says what a search for a group of hosts found, and what stands against it.
func groups(g *run.GroupSizing) []string {
	b, p := &g.Best, &g.Plain
	answer := []string{fmt.Sprintf("On hosts: target capacity %d %%, %d in the EC2 warm pool, and a minimum of %d with a maximum of %s: %s in time (95 %% from %s to %s), %s a month.",
		b.TargetCapacity, b.WarmHosts, b.Trial.PoolMin, bound(b.Trial.PoolMax), percent(b.Trial.InTime.Mean), percent(b.Trial.InTime.Low), percent(b.Trial.InTime.High),
		money(b.Trial.Cost.Mean))}
	if !p.Trial.Meets {
		answer = append(answer, fmt.Sprintf("Without empty hosts or warm ones a minimum of %d has %s in time for %s%s.",
			p.Trial.PoolMin, percent(p.Trial.InTime.Mean), money(p.Trial.Cost.Mean), counted(": held back by ", p.Trial.HeldBack, " of the requests")))
	}
	return answer
}

// Groups is the groups that a search tried.
func Groups(g *run.GroupSizing) *Table {
	table := &Table{Columns: []string{"target capacity", "warm hosts", "minimum", "in time", "wait p99", "$ a month", ""}}
	for i := range g.Tried {
		t := &g.Tried[i]
		verdict := "not enough"
		if t.Trial.Meets {
			verdict = "enough"
		}
		table.Add(fmt.Sprintf("%d %%", t.TargetCapacity), strconv.Itoa(t.WarmHosts), strconv.Itoa(t.Trial.PoolMin), percent(t.Trial.InTime.Mean),
			millis(t.Trial.WaitMs.Mean), money(t.Trial.Cost.Mean), verdict+counted("; held back by ", t.Trial.HeldBack, ""))
	}
	return table
}
