package run

import (
	"fmt"
	"math"
	"strings"
	"time"

	"hearth/actors"
	"hearth/sim/model"
	"hearth/sim/theory"
	"hearth/sim/traffic"
)

// ValidationCase is one pool under Poisson load for which there is an exact answer.
type ValidationCase struct {
	// Capped has the maximum be the size, which is Erlang's queue; else there is none, which is the base-stock model.
	Capped bool
	Size   int
	// PerMinute is the rate of requests.
	PerMinute float64
	Start     model.Distribution
	// Seed is the first of the case's own, so that one row's luck is not another's.
	Seed uint64
}

// Validation is a case with what theory says and what was simulated.
type Validation struct {
	ValidationCase
	Theory theory.Answer
	// HitRate and MeanWaitMs are over independent runs.
	HitRate, MeanWaitMs Interval
	Requests            int
}

// ValidationCases are pools of several sizes at loads from a quarter of a start under way to five, with starts that all
// take the same time, that are exponential, and as they were measured.
func ValidationCases() []ValidationCase {
	starts := []model.Distribution{model.Fixed(3 * time.Second), model.Exponential(3 * time.Second), model.MeasuredStart}
	var cases []ValidationCase
	for _, start := range starts {
		// Requests a minute for a load of 1.
		one := 60 / start.Mean().Seconds()
		for _, c := range []struct {
			size int
			load float64
		}{{1, 0.25}, {2, 0.25}, {2, 1}, {4, 1}, {5, 5}, {8, 5}} {
			cases = append(cases, ValidationCase{Size: c.size, PerMinute: one * c.load, Start: start})
		}
	}
	for _, c := range []struct {
		size int
		load float64
	}{{1, 0.25}, {2, 1}, {4, 2}, {8, 5}} {
		cases = append(cases, ValidationCase{Capped: true, Size: c.size, PerMinute: 20 * c.load, Start: starts[1]})
	}
	for i := range cases {
		cases[i].Seed = uint64(1 + 1000*i)
	}
	return cases
}

// Validate plays a case with so many seeds, each with about so many requests.
func (v ValidationCase) Validate(seeds, requests int) (Validation, error) {
	perSecond := v.PerMinute / 60
	c := DefaultConfig()
	c.Seed = v.Seed
	c.Traffic = traffic.Synthetic{Shape: traffic.Poisson, Rate: perSecond}
	c.Duration = time.Duration(float64(requests) / perSecond * float64(time.Second))
	c.Session = model.Fixed(time.Second)
	c.StartTakes(v.Start)
	c.Settings.Min, c.Settings.Max, c.Settings.Threshold, c.Settings.ReadyTTL = v.Size, unlimited, actors.DefaultThreshold(v.Size), 0
	load := theory.Load{Rate: perSecond, Start: v.Start.Mean()}
	answer := theory.BaseStock(v.Size, load)
	if v.Capped {
		c.Settings.Max = v.Size
		answer = theory.ErlangC(v.Size, load)
	}
	results, err := Many(WithSeeds(c, seeds), nil)
	if err != nil {
		return Validation{}, err
	}
	validation := Validation{
		ValidationCase: v, Theory: answer,
		HitRate:    Average(results, func(r *Result) float64 { return float64(r.HitRate) }),
		MeanWaitMs: Average(results, func(r *Result) float64 { return r.WaitMs.Mean }),
	}
	for i := range results {
		validation.Requests += results[i].Requests
	}
	return validation, nil
}

// widened is how much wider a 99.9 % interval is than one of 95 %, for averages of 10 runs: the quotient of Student's
// quantiles with 9 degrees of freedom, 4.781 and 2.262. Of the dozens of comparisons that are made, some must be outside of
// 95 %.
const widened = 4.781 / 2.262

// Holds reports whether both figures agree with theory within the 99.9 % interval of 10 runs.
func (v *Validation) Holds() bool {
	agrees := func(i Interval, exact float64) bool {
		return math.Abs(i.Mean-exact) <= widened*(i.High-i.Mean)
	}
	return agrees(v.HitRate, v.Theory.HitRate) && agrees(v.MeanWaitMs, float64(v.Theory.MeanWait)/float64(time.Millisecond))
}

// ValidationTable is the validations as a table in Markdown.
func ValidationTable(validations []Validation) string {
	var text strings.Builder
	text.WriteString("| maximum | start time | load | size | hit rate: exact | simulated, 95 % | mean wait, ms: exact | simulated, 95 % |\n")
	text.WriteString("|---|---|---|---|---|---|---|---|\n")
	for i := range validations {
		v := &validations[i]
		maximum := "none"
		if v.Capped {
			maximum = fmt.Sprint(v.Size)
		}
		exact := float64(v.Theory.MeanWait) / float64(time.Millisecond)
		fmt.Fprintf(&text, "| %s | %s | %.3g | %d | %.4f | %.4f ± %.4f | %.4g | %.4g ± %.2g |\n",
			maximum, v.Start, v.PerMinute/60*v.Start.Mean().Seconds(), v.Size,
			v.Theory.HitRate, v.HitRate.Mean, v.HitRate.High-v.HitRate.Mean,
			exact, v.MeanWaitMs.Mean, v.MeanWaitMs.High-v.MeanWaitMs.Mean)
	}
	return text.String()
}
