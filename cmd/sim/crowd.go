package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"hearth/sim/model"
	"hearth/sim/report"
	"hearth/sim/run"
)

// crowdCommand plays a crowd that comes at once to several gateways.
type crowdCommand struct {
	Sessions int  `default:"10000" help:"How many users come."`
	Within   span `default:"1s" placeholder:"1s" help:"The time within which they come (1s)."`
	Gateways int  `default:"10" help:"How many gateways share them out."`
	Ready    int  `default:"0" help:"How many tasks stand ready before, at all gateways together."`

	LaunchConcurrency int     `default:"${LAUNCH_CONCURRENCY}" help:"The most tasks that each gateway has starting at once."`
	AccountRate       float64 `default:"40" help:"Starts and stops of tasks a second that the account allows, with a burst of two and a half times as many; 0 for any number."`
	ModifyRate        float64 `default:"40" help:"Those a second that each gateway holds itself to (its ECS_MODIFY_RATE); 0 for any number."`
	Prices            string  `default:"fargate" placeholder:"NAME|FILE" help:"A price list, as for sim run (fargate)."`
	seedFlag
	Format string `default:"table" enum:"table,json" help:"table or json."`
}

// Help shows examples.
func (crowdCommand) Help() string {
	return `Ten thousand users within a second, for ten gateways as they are delivered, on an account as AWS makes it:

    sim crowd --sessions 10000

A hundred thousand of whom each finds a task ready, and what it costs to have these stand there:

    sim crowd --sessions 100000 --gateways 50 --ready 100000

Gateways do not give up and users neither: the time until the last is served is what is asked for.`
}

// Run is called by kong.
func (r *crowdCommand) Run(c *console) error {
	prices, err := run.LoadPrices(r.Prices)
	if err != nil {
		return fmt.Errorf("--prices: %w", err)
	}
	crowd := run.DefaultCrowd()
	crowd.Seed, crowd.Sessions, crowd.Within, crowd.Gateways, crowd.Ready = r.Seed, r.Sessions, time.Duration(r.Within), r.Gateways, r.Ready
	crowd.LaunchConcurrency, crowd.Prices = r.LaunchConcurrency, prices
	crowd.Rates = model.Rates{Account: rateOf(r.AccountRate), Gateway: rateOf(r.ModifyRate)}
	result, err := run.RunCrowd(crowd)
	if err != nil {
		return err
	}
	if r.Format == "json" {
		return report.JSON(c.out, c.basis, result)
	}
	return crowdTable(c.out, &result)
}

// rateOf is AWS's shape of a rate: a burst of two and a half seconds.
func rateOf(perSecond float64) model.Rate {
	return model.Rate{PerSecond: perSecond, Burst: int(perSecond * 2.5)}
}

// crowdTable tells people what came of a crowd.
func crowdTable(w io.Writer, r *run.CrowdResult) error {
	for _, line := range [][2]string{
		{"users", fmt.Sprintf("%d, for %d gateways with %d tasks ready", r.Sessions, r.Gateways, r.Ready)},
		{"found a task ready", strconv.Itoa(r.Warm)},
		{"connect to ready", fmt.Sprintf("p50 %.1f s, p99 %.1f s", r.P50, r.P99)},
		{"all served after", fmt.Sprintf("%.1f s", r.All)},
		{"served within the start timeout", fmt.Sprintf("%.2f %%", 100*r.InTime)},
		{"bound by", string(r.Bound)},
		{"starts a second that it allows", fmt.Sprintf("%.1f", r.Starts)},
		{"calls that ECS throttled", strconv.Itoa(r.Throttled)},
		{"cost until all were served", fmt.Sprintf("$%.2f", r.Cost)},
		{"cost of an hour of all", fmt.Sprintf("$%.2f", r.Hourly)},
		{"cost of an hour of those ready", fmt.Sprintf("$%.2f", r.Standby)},
		{"filling the pools took", fmt.Sprintf("%.1f s", r.FillSeconds)},
	} {
		if _, err := fmt.Fprintf(w, "%-33s %s\n", line[0], line[1]); err != nil {
			return err
		}
	}
	return nil
}
