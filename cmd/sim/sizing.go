package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"hearth/sim/report"
	"hearth/sim/run"
)

// sweepCommand plays a grid of pools.
type sweepCommand struct {
	PoolMin            counts `default:"0..8" group:"Pool" help:"Minimum sizes: 3, 1..6, 2,4,8."`
	PoolMax            counts `default:"inf" group:"Pool" help:"Maximum sizes; inf for none."`
	ReplenishThreshold counts `placeholder:"LIST" group:"Pool" help:"Thresholds; without them each minimum less one."`
	loadFlags
	worldFlags
	Slots      counts `name:"slots" placeholder:"LIST" group:"World" help:"How many tasks a host takes, as a list in place of --host-slots."`
	HostCounts counts `placeholder:"LIST" group:"Hosts" help:"How many hosts there are at first and at least, as a list in place of --hosts."`
	seedFlag
	seedsFlag
	outputFlags
}

// Help shows examples.
func (sweepCommand) Help() string {
	return `Sizes with and without a maximum, and what the threshold does to traffic in bursts:

    sim sweep --pool-min 1..8 --pool-max 10,inf --rate 20/m
    sim sweep --pool-min 6 --replenish-threshold 0..5 --traffic bursts --format csv
    sim sweep --pool-min 3 --slots 4,7 --host-counts 20,40,60`
}

// Run is called by kong.
func (r *sweepCommand) Run(c *console) error {
	configs, err := r.configs()
	if err != nil {
		return err
	}
	bar, done := c.progress(fmt.Sprintf("simulating %d pools", len(configs)))
	outcomes, err := run.Outcomes(configs, r.Seeds, bar)
	done()
	if err != nil {
		return err
	}
	c.basis.About(&outcomes[0].Config, outcomes[0].SeedsUsed)
	table, charts := report.List(outcomes), report.SweepCharts(outcomes)
	page := &report.Page{Title: "Pools compared", Lead: fmt.Sprintf("%d pools, %d seeds each", len(outcomes), r.Seeds)}
	page.Draw(charts)
	page.Tabulate("Figures", table)
	return r.show(c, shown{
		text: table.Text, csv: report.Flat(outcomes), charts: charts, page: page,
		json: struct {
			Outcomes []run.Outcome `json:"outcomes"`
		}{outcomes},
	})
}

// configs are the pools of the grid. Of a list in place of a single flag, one value stands in for it while the flags are
// looked at.
func (r *sweepCommand) configs() ([]run.Config, error) {
	switch {
	case len(r.Slots) > 0 && r.HostSlots < run.Unlimited:
		return nil, errors.New("--slots is in place of --host-slots: give one of them")
	case len(r.HostCounts) > 0 && r.Hosts > 0:
		return nil, errors.New("--host-counts is in place of --hosts: give one of them")
	case slices.Contains(r.Slots, 0), slices.Contains(r.HostCounts, 0):
		return nil, errors.New("--slots and --host-counts: there is at least 1 host, and it takes at least 1 task")
	case slices.Contains(r.HostCounts, run.Unlimited):
		return nil, errors.New("--host-counts: inf is no number of hosts")
	case r.HostsMax > 0 && len(r.HostCounts) > 0 && slices.Max(r.HostCounts) > r.HostsMax:
		return nil, fmt.Errorf("--host-counts: %d is over --hosts-max %d", slices.Max(r.HostCounts), r.HostsMax)
	}
	if len(r.Slots) > 0 {
		r.HostSlots = limit(r.Slots[0])
	}
	if len(r.HostCounts) > 0 {
		r.Hosts = slices.Min(r.HostCounts)
	}
	base, err := configure(r.Seed, r.loadFlags, r.worldFlags)
	if err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	grid := run.Grid{Min: r.PoolMin, Max: r.PoolMax, Threshold: r.ReplenishThreshold, Hosts: r.HostCounts}
	for _, slots := range r.Slots {
		if slots == run.Unlimited {
			slots = 0
		}
		if slots == 0 && base.Cloud.Fleet.Slots > 0 {
			return nil, errors.New("--slots inf: a host that is simulated takes so many tasks")
		}
		grid.HostSlots = append(grid.HostSlots, slots)
	}
	return grid.Configs(base)
}

// frontierCommand draws cost against wait.
type frontierCommand struct {
	PoolMax limit `default:"inf" group:"Pool" help:"The most tasks that are ready or starting at once; inf for no maximum."`
	loadFlags
	worldFlags
	seedFlag
	seedsFlag
	outputFlags
}

// Help shows examples.
func (frontierCommand) Help() string {
	return `The curve for Poisson arrivals, and for your own traffic and prices:

    sim frontier --rate 20/m --plot frontier.png
    sim frontier --arrivals arrivals.csv.gz --time-scale 30 --prices fargate.json --html frontier.html`
}

// Run is called by kong.
func (r *frontierCommand) Run(c *console) error {
	base, err := configure(r.Seed, r.loadFlags, r.worldFlags)
	if err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	base.Settings.Max = int(r.PoolMax)
	bar, done := c.progress("simulating")
	points, err := run.Frontier(base, r.Seeds, bar)
	done()
	if err != nil {
		return err
	}
	outcomes := make([]run.Outcome, len(points))
	for i := range points {
		outcomes[i] = points[i].Outcome
	}
	c.basis.About(&outcomes[0].Config, outcomes[0].SeedsUsed)
	table, charts := report.Frontier(points), report.FrontierCharts(points)
	flat := report.Flat(outcomes)
	flat.Columns = append(flat.Columns, "best")
	for i := range points {
		flat.Rows[i] = append(flat.Rows[i], strconv.FormatBool(points[i].Best))
	}
	page := &report.Page{Title: "Cost against wait", Lead: fmt.Sprintf("%d pools, %d seeds each", len(points), r.Seeds)}
	page.Draw(charts)
	page.Tabulate("Pools; * nothing is cheaper and faster", table)
	return r.show(c, shown{
		text: table.Text, csv: flat, charts: charts, page: page,
		json: struct {
			Points []run.FrontierPoint `json:"points"`
		}{points},
	})
}
