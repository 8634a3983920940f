package run

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"hearth/actors"
)

// Grid is the pools that a sweep compares: every combination that makes sense. An empty list keeps what the base has;
// without thresholds each pool has its minimum less one.
type Grid struct {
	Min, Max, Threshold, HostSlots []int
	// Hosts are how many hosts there are at first and at least; the base must have hosts.
	Hosts []int
}

// gridBound bounds the number of configurations of a sweep.
const gridBound = 10_000

// Configs are the combinations in the order of their minimum, maximum, threshold, slots and hosts. Those of which the
// threshold is not below the minimum, or the minimum is over the maximum, are left out; if that leaves none, it is an error.
func (g Grid) Configs(base Config) ([]Config, error) {
	or := func(list []int, value int) []int {
		if len(list) == 0 {
			return []int{value}
		}
		return list
	}
	mins, maxes := or(g.Min, base.Settings.Min), or(g.Max, base.Settings.Max)
	slots, hosts := or(g.HostSlots, base.HostSlots), or(g.Hosts, base.Cloud.Fleet.Desired)
	if n := len(mins) * len(maxes) * max(1, len(g.Threshold)) * len(slots) * len(hosts); n > gridBound {
		return nil, fmt.Errorf("the grid has %d configurations; it may have %d", n, gridBound)
	}
	var configs []Config
	for _, minimum := range mins {
		for _, maximum := range maxes {
			for _, threshold := range or(g.Threshold, actors.DefaultThreshold(minimum)) {
				c := base
				c.Settings.Min, c.Settings.Max, c.Settings.Threshold = minimum, maximum, threshold
				if c.Validate() == nil {
					configs = append(configs, c.onHosts(slots, hosts)...)
				}
			}
		}
	}
	if len(configs) == 0 {
		return nil, errors.New("no combination makes sense: each threshold must be below its minimum, each minimum at most its maximum")
	}
	return configs, nil
}

// onHosts is the configuration on each number of hosts of each size. A group never has more hosts than the base's most, or
// than it begins with.
func (c Config) onHosts(slots, hosts []int) []Config {
	most := c.Cloud.Fleet.Max
	var configs []Config
	for _, slot := range slots {
		for _, n := range hosts {
			c.HostSlots = slot
			c.Cloud.Fleet.Min, c.Cloud.Fleet.Desired, c.Cloud.Fleet.Max = n, n, max(n, most)
			configs = append(configs, c)
		}
	}
	return configs
}

// frontierPoints bounds the pools that a frontier tries.
const frontierPoints = 24

// Frontier plays pools from none to the one in which no request would have waited, without a maximum unless the base has
// one, and marks those that no other beats in both the cost and the wait.
func Frontier(base Config, seeds int, progress func(share float64)) ([]FrontierPoint, error) {
	largest, err := base.largest()
	if err != nil {
		return nil, err
	}
	largest = min(largest, base.Settings.Max)
	var configs []Config
	for i := range frontierPoints {
		// Small pools differ most: the steps grow.
		share := float64(i) / (frontierPoints - 1)
		size := int(math.Round(float64(largest) * share * share))
		if largest < frontierPoints {
			size = min(i, largest)
		}
		c := base
		c.Settings.Min, c.Settings.Threshold = size, actors.DefaultThreshold(size)
		if n := len(configs); n == 0 || configs[n-1].Settings.Min != size {
			configs = append(configs, c)
		}
	}
	outcomes, err := Outcomes(configs, seeds, progress)
	if err != nil {
		return nil, err
	}
	points := make([]FrontierPoint, len(outcomes))
	for i, o := range outcomes {
		points[i] = FrontierPoint{Outcome: o}
		points[i].Best = !slices.ContainsFunc(outcomes, func(other Outcome) bool {
			return other.MonthlyCost <= o.MonthlyCost && other.WaitMs.P99 <= o.WaitMs.P99 &&
				(other.MonthlyCost < o.MonthlyCost || other.WaitMs.P99 < o.WaitMs.P99)
		})
	}
	return points, nil
}

// largest is a size in which no request would have waited but for the limits: by the curve of one seed, or, where there is none,
// as many as were ever asked for at once in a pool of one.
func (c Config) largest() (int, error) {
	if c.hasCurve() {
		curve, err := c.curve(Objective{})
		if err != nil {
			return 0, err
		}
		return curve.largest(), nil
	}
	c.Settings.Min, c.Settings.Threshold = min(1, c.Settings.Max), actors.DefaultThreshold(1)
	probe, err := Run(c)
	if err != nil {
		return 0, err
	}
	queue := 0
	for _, p := range probe.Series {
		queue = max(queue, p.MaxWaiting)
	}
	return probe.PeakPool + queue, nil
}

// FrontierPoint is one pool of a frontier.
type FrontierPoint struct {
	Outcome
	// Best says that no other pool is both cheaper and faster.
	Best bool `json:"best"`
}
