package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hearth/sim/run"
)

// Trials is the pools of a search for a size.
func Trials(s *run.Sizing) *Table {
	table := &Table{Columns: []string{
		"minimum", "maximum", "launches", "seeds", "played", "in time", "95 % interval", "hit rate", "wait p" + percentileOf(s),
		"$ a month", "$ idle", "",
	}}
	for i := range s.Trials {
		t := &s.Trials[i]
		verdict := "not enough"
		if t.Meets {
			verdict = "enough"
		}
		if !t.Sure {
			verdict += ", within the noise"
		}
		if len(t.HeldBack) > 0 {
			verdict += counted("; held back by ", t.HeldBack, "")
		}
		table.Add(strconv.Itoa(t.PoolMin), bound(t.PoolMax), bound(t.LaunchConcurrency), strconv.Itoa(t.Seeds), strconv.Itoa(t.Played),
			percent(t.InTime.Mean), fmt.Sprintf("%s to %s", percent(t.InTime.Low), percent(t.InTime.High)),
			percent(t.HitRate.Mean), millis(t.WaitMs.Mean), money(t.Cost.Mean), money(t.Idle.Mean), verdict)
	}
	return table
}

// FlatTrials is the pools of a search for scripts, with numbers as they are. What is not known is empty.
func FlatTrials(s *run.Sizing) *Table {
	table := &Table{Columns: strings.Split("poolMin,poolMax,launchConcurrency,seeds,played,inTime,inTimeLow,inTimeHigh,hitRate,"+
		"hitRateLow,hitRateHigh,waitP"+percentileOf(s)+"Ms,monthlyCost,monthlyIdleCost,meets,sure,best", ",")}
	row := func(t *run.Trial, best bool) {
		table.Add(strconv.Itoa(t.PoolMin), flatBound(t.PoolMax), flatBound(t.LaunchConcurrency), strconv.Itoa(t.Seeds),
			strconv.Itoa(t.Played), number(t.InTime.Mean), number(t.InTime.Low), number(t.InTime.High), number(t.HitRate.Mean),
			number(t.HitRate.Low), number(t.HitRate.High), number(t.WaitMs.Mean), number(t.Cost.Mean), number(t.Idle.Mean),
			strconv.FormatBool(t.Meets), strconv.FormatBool(t.Sure), strconv.FormatBool(best))
	}
	row(&s.Best, true)
	for i := range s.Trials {
		row(&s.Trials[i], false)
	}
	return table
}

func percentileOf(s *run.Sizing) string { return strconv.FormatFloat(s.Objective.Shown(), 'f', -1, 64) }

// Answer is what a search found, a sentence a line.
func Answer(s *run.Sizing) []string {
	b := &s.Best
	answer := []string{fmt.Sprintf("For %s: minimum %d, threshold %d, maximum %s, launch concurrency %s.",
		s.Objective, b.PoolMin, s.Threshold, bound(b.PoolMax), bound(b.LaunchConcurrency))}
	for _, l := range s.Lift {
		answer = append(answer, "Not with the limits given: "+l.String()+".")
	}
	switch {
	case s.Kept != nil:
		answer = append(answer, fmt.Sprintf("With the limits as they are, a minimum of %d does: %s in time.",
			s.Kept.PoolMin, percent(s.Kept.InTime.Mean)))
	case len(s.Lift) > 0:
		answer = append(answer, "With the limits as they are, a task or two more do not: tasks that wait idle do not lift them.")
	}
	answer = append(answer, fmt.Sprintf("%s of requests are in time (95 %% from %s to %s, %d seeds); hit rate %s, p%s wait %s.",
		percent(b.InTime.Mean), percent(b.InTime.Low), percent(b.InTime.High), b.Seeds, percent(b.HitRate.Mean), percentileOf(s),
		millis(b.WaitMs.Mean)))
	answer = append(answer, fmt.Sprintf("%s a month, %s of it idle (%d seeds played).", money(b.Cost.Mean), money(b.Idle.Mean), b.Played))
	if slots := s.Config.Prices.TasksPerHost; s.Config.HostSlots != nil || s.Config.Prices.HostHour > 0 {
		if s.Config.HostSlots != nil {
			slots = *s.Config.HostSlots
		}
		answer = append(answer, fmt.Sprintf("At its busiest there are %s tasks: room on %s hosts with %d tasks each.",
			count(b.PeakTasks), count((b.PeakTasks+slots-1)/slots), slots))
	}
	if g := s.Group; g != nil {
		answer = append(answer, groups(g)...)
	}
	if w := b.WorstHour; w != nil {
		answer = append(answer, fmt.Sprintf("Worst hour of the seeds played: %s, %s of %s requests found a task ready, p99 wait %s.",
			w.Hour, percent(float64(w.HitRate)), count(w.Requests), millis(w.WaitMs.P99)))
	}
	if !b.Sure {
		more := "more seeds or a longer run"
		if s.Config.Traffic.File != "" {
			more = "a longer recording"
		}
		answer = append(answer, "The interval contains the objective: "+more+" would tell for sure.")
	}
	if s.Smaller != nil {
		answer = append(answer, fmt.Sprintf("A minimum of %d gives %s in time.", s.Smaller.PoolMin, percent(s.Smaller.InTime.Mean)))
	}
	if d := s.Schedule; d != nil {
		answer = append(answer, fmt.Sprintf("By the hour: a minimum of %d, and %d periods of a week that need up to %d.",
			d.Floor, len(d.Periods), largestOf(d)))
	}
	if note := window(&s.Config); note != "" {
		answer = append(answer, "Mind that "+note+".")
	}
	answer = append(answer, fmt.Sprintf("Theory for Poisson arrivals at the same rate: a minimum of %d.", s.Theory))
	return append(answer, "It rests on "+s.Config.Traffic.String()+". The intervals are of "+s.IntervalsOf+".")
}

// largestOf is a schedule's largest target.
func largestOf(d *run.Scheduled) int {
	largest := d.Floor
	for _, p := range d.Periods {
		largest = max(largest, p.BufferSize)
	}
	return largest
}

// Sensitivity is the size under other circumstances; nil where it is not known.
func Sensitivity(s *run.Sizing) *Table {
	if len(s.Sensitivity) == 0 {
		return nil
	}
	table := &Table{Columns: []string{"start time", "rate -50 %", "as it is", "rate +50 %"}}
	cells := map[string]map[float64]string{}
	var names []string
	for _, c := range s.Sensitivity {
		if cells[c.StartTime] == nil {
			cells[c.StartTime] = map[float64]string{}
			names = append(names, c.StartTime)
		}
		cells[c.StartTime][c.Rate] = strconv.Itoa(c.PoolMin)
	}
	for _, name := range names {
		shown := name
		switch name {
		case "":
			shown = "this one (" + s.Config.StartTime + ")"
		case "measured":
			shown = "a staging system's day (measured)"
		}
		table.Add(shown, cells[name][0.5], cells[name][1], cells[name][1.5])
	}
	return table
}

// SizeCharts is what is missed over the sizes of a search, with intervals and the objective.
func SizeCharts(s *run.Sizing) []Chart {
	line := Line{Name: "missed", Dots: true}
	trials := slices.Clone(s.Trials)
	slices.SortStableFunc(trials, func(a, b run.Trial) int { return a.PoolMin - b.PoolMin })
	for _, t := range trials {
		if n := len(line.X); n == 0 || line.X[n-1] != float64(t.PoolMin) {
			line.X, line.Y = append(line.X, float64(t.PoolMin)), append(line.Y, missed(t.InTime.Mean))
			line.Low, line.High = append(line.Low, missed(t.InTime.High)), append(line.High, missed(t.InTime.Low))
		}
	}
	chart := missChart("Requests not in time, by the pool's minimum", line)
	if n := len(line.X); n > 0 {
		goal := missed(s.Objective.Goal())
		chart.Lines = append(chart.Lines, Line{Name: "objective", X: []float64{line.X[0], line.X[n-1]}, Y: []float64{goal, goal}})
	}
	return []Chart{chart}
}
