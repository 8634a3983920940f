package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"hearth/sim/report"
	"hearth/sim/run"
)

// sizeCommand searches for a pool.
type sizeCommand struct {
	SLO       objective `name:"slo" required:"" placeholder:"OBJECTIVE" help:"A hit rate, such as 0.999 or 99.9%; or a bound on a percentile of the waits for a task, such as p99=500ms or p99.9=2s, or of the time from hello to ready, such as ready-p99=1s."`
	Schedule  string    `placeholder:"FILE" help:"Also draw up a schedule, the smallest minimum for each hour of a working day and a weekend's, and write it: for --pool-schedule and the gateway's WARM_POOL_SCHEDULE."`
	WorstHour bool      `help:"The objective must be met in each hour of the week that has enough requests to tell, not only over all."`
	SizeHosts bool      `group:"Hosts" help:"Also find the cheapest target capacity and EC2 warm pool for the objective, with hosts of --host-slots tasks, at least --hosts of them (1) and at most --hosts-max."`
	PoolMax   *limit    `group:"Pool" placeholder:"N" help:"Keep this maximum; without it one is recommended that never binds before the launch concurrency does: a maximum costs nothing while nobody waits."`
	MaxSeeds  int       `default:"40" help:"How many seeds at most decide whether a pool is enough, while the confidence interval contains the objective."`
	loadFlags
	worldFlags
	seedFlag
	seedsFlag
	outputFlags
}

// Help shows examples.
func (sizeCommand) Help() string {
	return `It computes from the traffic what every size would do, and plays the smallest that is enough, with confidence intervals. If a
limit holds starts back, it says which, and what to lift it to:

    sim size --slo 0.999 --rate 5/m
    sim size --slo p99=500ms --arrivals arrivals.csv --time-scale 30
    sim size --slo 0.999 --worst-hour --traffic diurnal --schedule week.json
    sim size --slo 99.9% --rate 20/m --traffic diurnal --duration 7d --start-time measured

Pool and hosts together: how many hosts are to stand empty (target capacity), how many to wait in the EC2 warm pool, at what cost:

    sim size --slo 0.999 --rate 5/m --host-slots 4 --size-hosts --instance-warmup 60s`
}

// Run is called by kong.
func (r *sizeCommand) Run(c *console) error {
	if r.SizeHosts {
		if err := r.groupOfAnySize(); err != nil {
			return err
		}
	}
	base, err := configure(r.Seed, r.loadFlags, r.worldFlags)
	if err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	if r.MaxSeeds < r.Seeds || r.MaxSeeds > maxSeeds {
		return fmt.Errorf("--max-seeds %d must be from --seeds %d to %d", r.MaxSeeds, r.Seeds, maxSeeds)
	}
	r.SLO.WorstHour = r.WorstHour
	sizer := run.Sizer{Base: base, Objective: r.SLO.Objective, Seeds: r.Seeds, MaxSeeds: r.MaxSeeds, Schedule: r.Schedule != "", OnHosts: r.SizeHosts}
	if r.PoolMax != nil {
		sizer.Base.Settings.Max, sizer.FixedMax = int(*r.PoolMax), true
	}
	said, done := c.steps()
	sizer.Said = said
	sizing, err := sizer.Search()
	done()
	if errors.Is(err, run.ErrUnreachable) {
		fmt.Fprintf(c.err, "sim: %v\n", err)
		return errFailed
	}
	if err != nil {
		return err
	}
	if r.Schedule != "" {
		if err := writeFile(r.Schedule, func(w io.Writer) error { return report.Indented(w, sizing.Schedule.Periods) }); err != nil {
			return fmt.Errorf("--schedule: %w", err)
		}
	}
	c.basis.About(&sizing.Config, seedsFrom(r.Seed, sizing.Best.Seeds))
	return r.show(c, sized(&sizing))
}

// manyHosts is the most that a group may have where nobody says how many.
const manyHosts = 1000

// groupOfAnySize completes the flags of a group of hosts that is to be sized.
func (r *sizeCommand) groupOfAnySize() error {
	switch {
	case r.HostSlots >= run.Unlimited:
		return errors.New("--size-hosts needs --host-slots: how many tasks a host takes")
	case r.WarmHosts > 0 || r.TargetCapacity != 100:
		return errors.New("--target-capacity and --warm-hosts are what --size-hosts looks for: leave them out")
	}
	r.Hosts = max(1, r.Hosts)
	if r.HostsMax == 0 {
		r.HostsMax = max(manyHosts, r.Hosts)
	}
	return nil
}

// seedsFrom are n seeds from the first on.
func seedsFrom(first uint64, n int) []uint64 {
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = first + uint64(i)
	}
	return seeds
}

// sized is the search's answer in every form.
func sized(s *run.Sizing) shown {
	table, charts := report.Trials(s), report.SizeCharts(s)
	sensitivity := report.Sensitivity(s)
	page := &report.Page{Title: "The smallest pool", Lead: strings.Join(report.Answer(s), " ")}
	page.Draw(charts)
	if sensitivity != nil {
		page.Tabulate("The minimum under other circumstances", sensitivity)
	}
	if s.Group != nil {
		page.Tabulate("Groups of hosts", report.Groups(s.Group))
	}
	page.Tabulate("What was simulated", table)
	return shown{
		text: func(w io.Writer) error {
			if _, err := fmt.Fprintf(w, "%s\n\n", strings.Join(report.Answer(s), "\n")); err != nil {
				return err
			}
			tables := []*report.Table{table}
			if s.Group != nil {
				tables = append(tables, report.Groups(s.Group))
			}
			if sensitivity != nil {
				tables = append(tables, sensitivity)
			}
			return report.Texts(w, tables...)
		},
		json: s, csv: report.FlatTrials(s), charts: charts, page: page,
	}
}
