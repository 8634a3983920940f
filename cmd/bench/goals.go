package main

import (
	"slices"
	"strings"

	"hearth/cmd/bench/relays"
)

// goal is what a figure, or what two are to each other, is to reach.
type goal struct {
	Row, What, Goal string
	Value           float64
	met             bool
}

func (g goal) verdict() string {
	if g.met {
		return "met"
	}
	return "missed"
}

// judge collects goals of what was measured; what was not is passed over.
type judge struct {
	results *Results
	all     []goal
}

// goals are those that can be judged by what was measured.
func (r *Results) goals() []goal {
	j := &judge{results: r}
	j.relay()
	for _, size := range r.cases("latency") {
		j.ratio("latency", size, p99Time, relays.Hearth, relays.Nginx, atMost(1.25))
	}
	j.claims()
	j.interactive()
	for _, size := range r.cases("starts") {
		j.figure("starts", size, relays.Hearth, startRate, atLeast(100))
	}
	j.bridge()
	j.figure("memory", idleCase, relays.Hearth, "RSS-KiB", atMost(24))
	for _, size := range r.cases("simulator") {
		const year, goal = 365 * 24 * 60 * 5, 45 // sessions of the planning load, and seconds
		j.figure("simulator", size, theSimulator, oneCore, atLeast(year/goal))
		j.figure("simulator", size, theSimulator, twoOfOne, atLeast(1.9))
	}
	for _, size := range r.cases("soak") {
		j.figure("soak", size, relays.Hearth, linesLost, atMost(0))
		j.figure("soak", size, relays.Hearth, p99Added, atMost(5))
		j.figure("soak", size, relays.Hearth, memoryGrowth, atMost(1.05))
	}
	return j.all
}

func (j *judge) relay() {
	for _, size := range j.results.cases("relay") {
		small := strings.HasSuffix(size, " 200 B")
		if small {
			j.ratio("relay", size, cpuPerLine, relays.Hearth, relays.Nginx, atMost(1.9))
			j.ratio("relay", size, cpuPerLine, relays.Hearth, relays.Bare, atMost(1.3))
			j.ratio("relay", size, linesPerSecond, relays.Hearth, relays.Nginx, atLeast(0.75))
		} else {
			j.ratio("relay", size, cpuPerLine, relays.Hearth, relays.Nginx, atMost(2))
		}
		j.ratio("relay", size, cpuPerLine, relays.Hearth, relays.Node, atMost(1./3))
	}
}

func (j *judge) claims() {
	for _, size := range j.results.cases("claims") {
		if _, drained := j.results.find("claims", size, relays.Hearth, worstWait); drained {
			j.figure("claims", size, relays.Hearth, worstWait, atMost(1))
		} else if strings.Contains(size, "at once") {
			j.figure("claims", size, relays.Hearth, p99Time, atMost(100))
		} else {
			j.figure("claims", size, relays.Hearth, p99Time, atMost(10))
		}
	}
	for _, size := range j.results.cases("sustained") {
		j.figure("sustained", size, relays.Hearth, failedClaims, atMost(0))
		j.figure("sustained", size, relays.Hearth, p99Time, atMost(50))
	}
}

func (j *judge) interactive() {
	for _, size := range j.results.cases("interactive") {
		switch {
		case strings.HasSuffix(size, sequentially):
			j.figure("interactive", size, relays.Hearth, medianTime, atMost(15))
		case strings.HasSuffix(size, together):
			ours, ok := j.results.find("interactive", size, relays.Hearth, p99Time)
			alone, also := j.results.find("interactive", size, bareAgent, p99Time)
			if ok && also {
				j.add("interactive", size, "p99 beyond that of the agents alone, ms", ours-alone, atMost(100))
			}
		}
	}
}

func (j *judge) bridge() {
	for _, each := range []struct {
		metric string
		limit  float64
	}{{bridgeStart, 12}, {bridgeMemory, 10}, {bridgeProgram, 8}} {
		j.figure("bridge", "", ourBridge, each.metric, atMost(each.limit))
		j.ratio("bridge", "", each.metric, ourBridge, nodeBridge, atMost(1./4))
	}
}

// bound is what a value is held to.
type bound struct {
	limit float64
	most  bool
}

func atMost(limit float64) bound  { return bound{limit, true} }
func atLeast(limit float64) bound { return bound{limit, false} }

func (j *judge) add(row, size, what string, value float64, b bound) {
	if size != "" {
		what = size + ": " + what
	}
	g := goal{Row: row, What: what, Goal: "≥ " + number(b.limit), Value: value, met: value >= b.limit}
	if b.most {
		g.Goal, g.met = "≤ "+number(b.limit), value <= b.limit
	}
	j.all = append(j.all, g)
}

// figure holds a figure to a bound.
func (j *judge) figure(row, size, subject, metric string, b bound) {
	if value, ok := j.results.find(row, size, subject, metric); ok {
		j.add(row, size, metric, value, b)
	}
}

// ratio holds a figure, divided by another subject's, to a bound.
func (j *judge) ratio(row, size, metric, subject, against string, b bound) {
	ours, ok := j.results.find(row, size, subject, metric)
	theirs, also := j.results.find(row, size, against, metric)
	if ok && also && theirs > 0 {
		j.add(row, size, metric+", of that of "+against, ours/theirs, b)
	}
}

// cases are the sizes of a row, in order.
func (r *Results) cases(row string) (sizes []string) {
	for _, f := range r.Figures {
		if f.Row == row && !slices.Contains(sizes, f.Case) {
			sizes = append(sizes, f.Case)
		}
	}
	return sizes
}
