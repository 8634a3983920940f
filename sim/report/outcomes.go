package report

import (
	"fmt"
	"math"
	"strconv"

	"hearth/sim/run"
)

// Side is the outcomes side by side: a column for each, a row for each figure.
func Side(outcomes []run.Outcome) *Table {
	table := &Table{Columns: []string{""}}
	for i := range outcomes {
		table.Columns = append(table.Columns, outcomes[i].Name)
	}
	row := func(name string, cell func(*run.Outcome) string) {
		cells := []string{name}
		for i := range outcomes {
			cells = append(cells, cell(&outcomes[i]))
		}
		table.Add(cells...)
	}
	row("requests", func(o *run.Outcome) string { return count(o.Requests) })
	row("hit rate", func(o *run.Outcome) string { return percent(float64(o.HitRate)) })
	row("waited for a task, mean", func(o *run.Outcome) string { return millis(o.WaitMs.Mean) })
	row("waited for a task, p99", func(o *run.Outcome) string { return millis(o.WaitMs.P99) })
	row("hello to ready, p50", func(o *run.Outcome) string { return millis(o.ReadyMs.P50) })
	row("hello to ready, p90", func(o *run.Outcome) string { return millis(o.ReadyMs.P90) })
	row("hello to ready, p99", func(o *run.Outcome) string { return millis(o.ReadyMs.P99) })
	row("hello to ready, max", func(o *run.Outcome) string { return millis(o.ReadyMs.Max) })
	row("worst hour", func(o *run.Outcome) string {
		if o.WorstHour == nil {
			return "-"
		}
		return fmt.Sprintf("%s, %s", percent(float64(o.WorstHour.HitRate)), o.WorstHour.Hour)
	})
	row("failures", func(o *run.Outcome) string { return count(o.Failures) })
	row("tasks started", func(o *run.Outcome) string { return count(o.Starts) })
	row("cost a month", func(o *run.Outcome) string { return money(o.MonthlyCost) })
	row("of it for idle tasks", func(o *run.Outcome) string { return money(o.MonthlyIdleCost) })
	row("of that, over an oracle's", func(o *run.Outcome) string {
		if o.MonthlyRegret == nil {
			return "-"
		}
		return money(*o.MonthlyRegret)
	})
	return table
}

// Expected sets the replaced system's expectations beside what was simulated. Scenarios that have none are left out; nil
// when that is all of them.
func Expected(outcomes []run.Outcome) *Table {
	table := &Table{Columns: []string{
		"hello to ready", "first visit: expected", "simulated p50", "p99", "later visits: expected", "simulated p50", "p99",
	}}
	for _, e := range run.Expectations {
		for i := range outcomes {
			o := &outcomes[i]
			if o.Name != e.Scenario {
				continue
			}
			first, again := o.ReadyMs, o.ReadyMs
			if o.FirstVisitMs != nil {
				first, again = *o.FirstVisitMs, *o.ReturnMs
			}
			table.Add(e.Scenario, e.First, millis(first.P50), millis(first.P99), e.Again, millis(again.P50), millis(again.P99))
		}
	}
	if len(table.Rows) == 0 {
		return nil
	}
	return table
}

// List is the outcomes one below the other.
func List(outcomes []run.Outcome) *Table {
	table := &Table{Columns: []string{
		"minimum", "maximum", "threshold", "slots", "hosts", "hit rate", "95 % interval", "wait mean", "p90", "p99", "max", "failures",
		"$ a month", "$ idle",
	}}
	for i := range outcomes {
		o := &outcomes[i]
		table.Add(strconv.Itoa(o.Config.PoolMin), bound(o.Config.PoolMax), strconv.Itoa(o.Config.ReplenishThreshold),
			bound(o.Config.HostSlots), bound(o.Config.Hosts), percent(float64(o.HitRate)), interval(o.HitRateInterval, o.Seeds),
			millis(o.WaitMs.Mean), millis(o.WaitMs.P90), millis(o.WaitMs.P99), millis(o.WaitMs.Max), count(o.Failures),
			money(o.MonthlyCost), money(o.MonthlyIdleCost))
	}
	return table
}

// bound shows a bound that may be none.
func bound(v *int) string {
	if v == nil {
		return "none"
	}
	return strconv.Itoa(*v)
}

// interval shows the wider half of a confidence interval of a share, in percentage points.
func interval(i run.Interval, seeds int) string {
	switch {
	case math.IsNaN(i.Mean):
		return "-"
	case seeds < 2:
		return "one seed"
	}
	return fmt.Sprintf("± %.2g", 100*max(i.High-i.Mean, i.Mean-i.Low))
}

// Frontier is the points of a frontier, those that nothing beats marked with a star.
func Frontier(points []run.FrontierPoint) *Table {
	outcomes := make([]run.Outcome, len(points))
	for i := range points {
		outcomes[i] = points[i].Outcome
	}
	table := List(outcomes)
	table.Columns = append(table.Columns, "")
	for i := range points {
		mark := ""
		if points[i].Best {
			mark = "*"
		}
		table.Rows[i] = append(table.Rows[i], mark)
	}
	return table
}
