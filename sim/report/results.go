package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"hearth/actors"
	"hearth/sim/run"
)

// Run writes one run for people.
func Run(w io.Writer, r *run.Result) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s requests in %s, %s\n", count(r.Requests), hours(r.Hours), pool(r.Config))
	fmt.Fprintf(&text, "%s\n", r.Config.Traffic)
	fmt.Fprintf(&text, "%s found a task ready, %s waited, %s failed%s\n\n",
		percent(float64(r.HitRate)), count(r.Paths.Waited+r.Paths.WarmHost+r.Paths.ColdHost), count(r.Failures),
		counted(" (", r.FailureReasons, ")"))
	table := &Table{Columns: timeColumns}
	table.Add(summaryRow("waited for a task", r.WaitMs)...)
	table.Add(summaryRow("hello to ready", r.ReadyMs)...)
	if err := table.Text(&text); err != nil {
		return err
	}
	text.WriteString("\n")
	facts := &Table{Columns: []string{"path", "requests"}}
	facts.Add("instant", count(r.Paths.Instant))
	facts.Add("waited for a task", count(r.Paths.Waited))
	facts.Add("host from the warm pool", count(r.Paths.WarmHost))
	facts.Add("cold host", count(r.Paths.ColdHost))
	if err := facts.Text(&text); err != nil {
		return err
	}
	fmt.Fprintf(&text, "\n%s tasks started, %s in vain; %.1f task-hours, %.1f of them idle; %.1f host-hours\n",
		count(r.Starts), count(r.FailedStarts), r.TaskHours, r.IdleTaskHours, r.HostHours)
	fmt.Fprintf(&text, "%s for this time; %s a month, %s of it for idle tasks\n",
		money(r.Cost), money(r.MonthlyCost), money(r.MonthlyIdleCost))
	for _, note := range notes(r) {
		fmt.Fprintf(&text, "%s\n", note)
	}
	text.WriteString(whyCold(r))
	text.WriteString(sparklines(r.Series))
	fmt.Fprintf(&text, "\nseed %d, digest %s, %s events\n", r.Seed, r.Digest, count(r.Events))
	_, err := io.WriteString(w, text.String())
	return err
}

// pool names a configuration in a few words.
func pool(c run.Echo) string {
	if !c.WarmPool {
		return "no warm pool"
	}
	maximum := "no maximum"
	if c.PoolMax != nil {
		maximum = fmt.Sprintf("maximum %d", *c.PoolMax)
	}
	switch c.Policy {
	case actors.PolicySchedule:
		return fmt.Sprintf("a schedule over a minimum of %d, %s", c.PoolMin, maximum)
	case actors.PolicySLO:
		return fmt.Sprintf("the demand for %s over a minimum of %d, %s", percent(c.SLO), c.PoolMin, maximum)
	case actors.PolicyFixed:
	}
	return fmt.Sprintf("minimum %d, threshold %d, %s", c.PoolMin, c.ReplenishThreshold, maximum)
}

func summaryRow(name string, s run.Summary) []string {
	return []string{
		name, millis(s.Mean), millis(s.P50), millis(s.P90), millis(s.P95), millis(s.P99), millis(s.P999), millis(s.Max),
	}
}

// timeColumns are the heads of summaryRow's cells.
var timeColumns = []string{"", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"}

// notes say what else a run's figures rest on, and what stood in their way.
func notes(r *run.Result) []string {
	var notes []string
	if r.SessionsAtBegin > 0 {
		notes = append(notes, fmt.Sprintf("begun with %s sessions under way", count(r.SessionsAtBegin)))
	}
	if note := window(&r.Config); note != "" {
		notes = append(notes, note)
	}
	if !r.PoolWasFull && r.Config.WarmPool && r.Requests > 0 {
		notes = append(notes, "the pool was not full when the traffic began: something kept it from filling for ten minutes")
	}
	if len(r.HeldBack) > 0 {
		notes = append(notes, "starts held back by "+counted("", r.HeldBack, " of these requests"))
	}
	if w := r.WorstHour; w != nil && len(r.ByHour) > 1 && w.HitRate < 1 {
		notes = append(notes, fmt.Sprintf("worst hour: %s, %s of %s requests found a task ready, p99 wait %s",
			w.Hour, percent(float64(w.HitRate)), count(w.Requests), millis(w.WaitMs.P99)))
	}
	if s := r.Shadow; s != nil {
		notes = append(notes, fmt.Sprintf("shadow %s: %s of %s requests would have found a task ready, %s tasks started, %.1f idle task-hours, %s a month for them",
			s.Policy, percent(float64(s.HitRate)), count(s.Requests), count(s.Starts), s.IdleTaskHours, money(s.MonthlyIdleCost)))
	}
	return notes
}

// window says that a part of the traffic's period is not like the whole; empty when it is.
func window(c *run.Echo) string {
	if math.Abs(c.OfPeriod-1) < 0.03 {
		return ""
	}
	return fmt.Sprintf("only a part of the traffic's week was played, at %.3g %% of its mean rate", 100*c.OfPeriod)
}

// byHour is the hours of the week that had requests.
func byHour(r *run.Result) *Table {
	table := &Table{Columns: []string{"hour", "requests", "hit rate", "wait mean", "p99", "max"}}
	for i := range r.ByHour {
		h := &r.ByHour[i]
		table.Add(h.Hour, count(h.Requests), percent(float64(h.HitRate)), millis(h.WaitMs.Mean), millis(h.WaitMs.P99), millis(h.WaitMs.Max))
	}
	return table
}

// counted lists counts by their names, in the order of the names; nothing when there are none.
func counted[K ~string](before string, counts map[K]int, after string) string {
	if len(counts) == 0 {
		return ""
	}
	var parts []string
	for name, n := range counts {
		parts = append(parts, fmt.Sprintf("%s %s", name, count(n)))
	}
	slices.Sort(parts)
	return before + strings.Join(parts, ", ") + after
}

// shownSizes bounds the pool sizes in a line.
const shownSizes = 6

// whyCold says why requests found no task ready, and with which minimum they would have, where the run can tell.
func whyCold(r *run.Result) string {
	if len(r.WhyCold) == 0 {
		return ""
	}
	why := "\nnot warm because " + counted("", r.WhyCold, "") + "\n"
	if len(r.PoolNeeded) == 0 {
		return why + "what a larger pool would have done is not to be told from this run: its starts were held back\n"
	}
	var sizes []string
	curve := r.PoolNeeded[1:]
	for i, n := range curve {
		if i < shownSizes-1 || i == len(curve)-1 {
			sizes = append(sizes, fmt.Sprintf("%d: %s", n.PoolMin, percent(float64(n.HitRate))))
		} else if i == shownSizes-1 {
			sizes = append(sizes, "...")
		}
	}
	return fmt.Sprintf("%shit rate with a minimum of %s\n", why, strings.Join(sizes, ", "))
}

// sparkline shows a few dozen values as bars of text.
func sparkline(values []float64) string {
	const width = 64
	bars := []rune(" ▁▂▃▄▅▆▇█")
	top := slices.Max(values)
	if top == 0 {
		top = 1
	}
	var text strings.Builder
	n := min(width, len(values))
	for i := range n {
		part := values[i*len(values)/n : (i+1)*len(values)/n]
		level := slices.Max(part) / top * float64(len(bars)-1)
		if level > 0 && level < 1 {
			level = 1
		}
		text.WriteRune(bars[int(level)])
	}
	return text.String()
}

// sparklines are pool and queue over time.
func sparklines(series []run.Point) string {
	if len(series) == 0 {
		return ""
	}
	line := func(name string, value func(run.Point) float64) string {
		values := make([]float64, len(series))
		for i, p := range series {
			values[i] = value(p)
		}
		return fmt.Sprintf("%-8s |%s| up to %.4g\n", name, sparkline(values), slices.Max(values))
	}
	return "\n" + line("ready", func(p run.Point) float64 { return p.Ready }) +
		line("starting", func(p run.Point) float64 { return p.Starting }) +
		line("waiting", func(p run.Point) float64 { return float64(p.MaxWaiting) })
}

// Flat is the table of results that the CSV format has, one row each, with numbers as they are.
func Flat(outcomes []run.Outcome) *Table {
	table := &Table{Columns: strings.Split("name,seed,seeds,poolMin,poolMax,replenishThreshold,hostSlots,hosts,requests,hits,hitRate,"+
		"hitRateLow,hitRateHigh,waitMeanMs,waitP50Ms,waitP90Ms,waitP95Ms,waitP99Ms,waitP99.9Ms,waitMaxMs,readyMeanMs,readyP50Ms,readyP90Ms,"+
		"readyP95Ms,readyP99Ms,readyP99.9Ms,readyMaxMs,instant,waited,warmHost,coldHost,failures,starts,failedStarts,taskHours,"+
		"idleTaskHours,hostHours,cost,monthlyCost,monthlyIdleCost,digest", ",")}
	for i := range outcomes {
		table.Add(flatRow(&outcomes[i])...)
	}
	return table
}

// number is a figure for scripts; nothing where it is not known.
func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// flatBound is a bound for scripts.
func flatBound(v *int) string {
	if v == nil {
		return "inf"
	}
	return strconv.Itoa(*v)
}

func flatRow(o *run.Outcome) []string {
	row := []string{
		o.Name, strconv.FormatUint(o.Seed, 10), strconv.Itoa(o.Seeds), strconv.Itoa(o.Config.PoolMin),
		flatBound(o.Config.PoolMax), strconv.Itoa(o.Config.ReplenishThreshold), flatBound(o.Config.HostSlots),
		flatBound(o.Config.Hosts),
		strconv.Itoa(o.Requests), strconv.Itoa(o.Hits), number(float64(o.HitRate)),
		number(o.HitRateInterval.Low), number(o.HitRateInterval.High),
	}
	for _, s := range []run.Summary{o.WaitMs, o.ReadyMs} {
		row = append(row, number(s.Mean), number(s.P50), number(s.P90), number(s.P95), number(s.P99), number(s.P999), number(s.Max))
	}
	for _, n := range []int{
		o.Paths.Instant, o.Paths.Waited, o.Paths.WarmHost, o.Paths.ColdHost, o.Failures, o.Starts, o.FailedStarts,
	} {
		row = append(row, strconv.Itoa(n))
	}
	return append(row, number(o.TaskHours), number(o.IdleTaskHours), number(o.HostHours), number(o.Cost), number(o.MonthlyCost),
		number(o.MonthlyIdleCost), o.Digest)
}
