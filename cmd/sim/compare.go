package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"hearth/actors"
	"hearth/sim/report"
	"hearth/sim/run"
)

// compareCommand plays strategies side by side.
type compareCommand struct {
	Strategies []string `arg:"" optional:"" help:"baseline (an access point and a task definition for each user, no pool), phase1 (shared ones, no pool), phase2 (with the pool that the flags describe, its policy among them); fixed, schedule and slo, the same with that policy; an oracle, which knows the future and has each task ready just in time; or a fixed pool:MIN[,MAX[,THRESHOLD]]. Without any: the first three."`
	loadFlags
	poolFlags
	worldFlags
	seedFlag
	seedsFlag
	outputFlags
}

// Help shows examples.
func (compareCommand) Help() string {
	return `What the replaced system's authors expected, beside what the simulation gives:

    sim compare baseline phase1 phase2

What following the calendar or the demand would save against a fixed size, and what is left to save:

    sim compare pool:8,inf schedule slo oracle --pool-min 1 --pool-max inf --pool-schedule week.json --traffic diurnal

Three pools on the traffic of your own:

    sim compare pool:3 pool:5,20 pool:8,20,4 --arrivals arrivals.csv --time-scale 30`
}

// Run is called by kong.
func (r *compareCommand) Run(c *console) error {
	base, err := configure(r.Seed, r.loadFlags, r.poolFlags, r.worldFlags)
	if err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	if len(r.Strategies) == 0 {
		r.Strategies = []string{"baseline", "phase1", "phase2"}
	}
	var configs []run.Config
	for _, name := range r.Strategies {
		config, err := r.strategy(name, base)
		if err != nil {
			return err
		}
		configs = append(configs, config)
	}
	bar, done := c.progress("simulating")
	outcomes, err := run.Outcomes(configs, r.Seeds, bar)
	done()
	if err != nil {
		return err
	}
	c.basis.About(&outcomes[0].Config, outcomes[0].SeedsUsed)
	return r.show(c, comparison(outcomes))
}

// strategy is a scenario by its name, or a pool.
func (r *compareCommand) strategy(name string, base run.Config) (run.Config, error) {
	if config, ok := run.Scenario(name, base); ok {
		return config, nil
	}
	config := base
	config.Name = name
	switch name {
	case "fixed":
		config.Fixes()
		return config, nil
	case "schedule":
		if r.PoolSchedule.Schedule == nil {
			return base, errors.New("the strategy schedule needs --pool-schedule")
		}
		config.Fixes()
		config.Settings.Policy, config.Settings.Schedule = actors.PolicySchedule, r.PoolSchedule.Schedule
		return config, nil
	case "oracle":
		config.Fixes()
		config.Oracle = true
		return config, nil
	case "slo":
		return config, r.follow(&config)
	}
	sizes, isPool := strings.CutPrefix(name, "pool:")
	if !isPool {
		return base, fmt.Errorf("%q is no strategy: it may be baseline, phase1, phase2, fixed, schedule, slo, oracle or pool:MIN[,MAX[,THRESHOLD]]", name)
	}
	var numbers counts
	if err := numbers.UnmarshalText([]byte(sizes)); err != nil || len(numbers) > 3 {
		return base, fmt.Errorf("%q: a pool is pool:MIN[,MAX[,THRESHOLD]] with numbers, or inf for MAX", name)
	}
	config.Fixes()
	config.Settings.WarmPool = true
	config.Settings.Min, config.Settings.Threshold = numbers[0], actors.DefaultThreshold(numbers[0])
	if len(numbers) > 1 {
		config.Settings.Max = numbers[1]
	} else {
		config.Settings.Max = max(config.Settings.Max, numbers[0]) // who names a size only wants that size
	}
	if len(numbers) > 2 {
		config.Settings.Threshold = numbers[2]
	}
	if err := config.Validate(); err != nil {
		return base, fmt.Errorf("%q: %s", name, settingFlags.Replace(err.Error()))
	}
	return config, nil
}

// comparison is outcomes side by side in every form.
func comparison(outcomes []run.Outcome) shown {
	side, expected := report.Side(outcomes), report.Expected(outcomes)
	page := &report.Page{Title: "Strategies side by side", Lead: fmt.Sprintf("%d seeds each", outcomes[0].Seeds)}
	page.Tabulate("Figures", side)
	if expected != nil {
		page.Tabulate("Expected and simulated", expected)
	}
	charts := report.CompareCharts(outcomes)
	page.Draw(charts)
	return shown{
		text: func(w io.Writer) error {
			if expected != nil {
				if err := expected.Text(w); err != nil {
					return err
				}
				fmt.Fprintln(w)
			}
			return side.Text(w)
		},
		json: struct {
			Outcomes []run.Outcome     `json:"outcomes"`
			Expected []run.Expectation `json:"expected"`
		}{outcomes, run.Expectations},
		csv: report.Flat(outcomes), charts: charts, page: page,
	}
}
