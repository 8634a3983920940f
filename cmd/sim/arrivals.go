package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"hearth/sim/traffic"
)

// arrivalsCommand writes made-up traffic.
type arrivalsCommand struct {
	syntheticFlags
	Duration length `placeholder:"8h" group:"Traffic" help:"How long the traffic lasts, such as 8h, 7d. Without it 8h, diurnal traffic a week."`
	seedFlag
}

// Help shows examples.
func (arrivalsCommand) Help() string {
	return `Its times are those of a week that begins on a Monday. What a policy that follows the demand makes of a month that was much like this week:

    sim arrivals --rate 5/m --traffic diurnal --duration 28d --seed 7 > before.csv
    sim run --pool-slo 99.9% --pool-trace before.csv --rate 5/m --traffic diurnal --pool-min 1 --pool-max inf`
}

// Run is called by kong.
func (r *arrivalsCommand) Run(c *console) error {
	made, err := r.made()
	if err != nil {
		return err
	}
	source, err := made.Open(rand.New(rand.NewPCG(r.Seed, 0)))
	if err != nil {
		return err
	}
	source = traffic.Until(source, cmp.Or(time.Duration(r.Duration), made.Period(), defaultDuration))
	begin := time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC).Add(made.From)
	out := bufio.NewWriter(c.out)
	fmt.Fprintln(out, "time") // what cannot be written shows at Flush
	for {
		arrival, err := source.Next()
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(out, begin.Add(arrival.At).Format(time.RFC3339Nano))
	}
}
