package run

import (
	"fmt"
	"slices"

	"hearth/sim/model"
)

// Group is a group of hosts with the pool on it: what an Auto Scaling group's capacity provider and warm pool are to be set to.
type Group struct {
	// TargetCapacity is how many percent of the hosts are to have tasks, WarmHosts how many wait in the EC2 warm pool.
	TargetCapacity int   `json:"targetCapacity"`
	WarmHosts      int   `json:"warmHosts"`
	Trial          Trial `json:"trial"`
}

// GroupSizing is what a search for a group found.
type GroupSizing struct {
	// Best is the cheapest group that meets the objective; Plain the one that has no host to spare and the pool that is enough where
	// hosts never lack.
	Best  Group `json:"best"`
	Plain Group `json:"plain"`
	// Tried are all groups that were played, in the search's order.
	Tried []Group `json:"tried"`
}

// What a search for a group tries. A task that waits idle, a host that waits paused and one that waits empty all help against hosts that
// come late, and it is the prices that tell which of them is the cheapest.
var (
	targetsTried = []int{100, 95, 90, 85, 80, 70, 60, 50}
	warmTried    = []int{0, 2, 5}
	poolsTried   = []float64{1, 1.5, 2, 3, 5}
)

// groupRequests bounds how many requests a group is played with at first, and sureRequests with how many one that is enough by them.
const groupRequests, sureRequests = 60_000, 150_000

// group finds the cheapest group of hosts for the objective, and the pool on it, beginning with the pool that is enough where hosts
// never lack.
func (s *Sizer) group(pool *Trial, on Config) (*GroupSizing, error) {
	few := max(1, min(s.Seeds, groupRequests/max(1, s.requests)))
	many := max(few, min(s.MaxSeeds, sureRequests/max(1, s.requests)))
	play := func(g *Group, times float64) error {
		minimum := int(float64(pool.PoolMin)*times + 0.5)
		if err := s.playGroup(g, on, minimum, few); err != nil || !g.Trial.Meets || many == few {
			return err
		}
		return s.playGroup(g, on, minimum, many)
	}
	most := Group{TargetCapacity: slices.Min(targetsTried), WarmHosts: slices.Max(warmTried)}
	if err := play(&most, slices.Max(poolsTried)); err != nil {
		return nil, err
	}
	if !most.Trial.Meets {
		return nil, s.noGroup(&most.Trial, pool.PeakTasks, &on.Cloud.Fleet)
	}
	found := &GroupSizing{Best: most}
	// dearer is, by how many hosts are warm, the first of the targets that is not worth a try: a pool that is no larger did with no more
	// warm hosts and none more to spare, or cost as much as the best already.
	dearer := slices.Repeat([]int{len(targetsTried)}, len(warmTried))
	for _, times := range poolsTried {
		for w, warm := range warmTried {
			for i, target := range targetsTried[:dearer[w]] {
				g := Group{TargetCapacity: target, WarmHosts: warm}
				if err := play(&g, times); err != nil {
					return nil, err
				}
				found.Tried = append(found.Tried, g)
				isCheaper := g.Trial.Cost.Mean < found.Best.Trial.Cost.Mean
				if isCheaper && !g.Trial.Meets {
					continue
				}
				if isCheaper {
					found.Best = g
				}
				for more := w; more < len(warmTried); more++ {
					dearer[more] = min(dearer[more], i)
				}
				break // more hosts to spare only cost more
			}
		}
	}
	found.Plain = found.Tried[0]
	if maximum := found.Best.Trial.PoolMin + *pool.LaunchConcurrency; !s.FixedMax { // as for any pool: see recommend
		found.Best.Trial.PoolMax = &maximum
	}
	return found, nil
}

// noGroup says why none meets the objective, not even the one with the most of everything.
func (s *Sizer) noGroup(most *Trial, peakTasks int, fleet *model.FleetOptions) error {
	why := "hosts come too late for this traffic"
	if needs := (peakTasks + fleet.Slots - 1) / fleet.Slots; needs > fleet.Max {
		why = fmt.Sprintf("at its busiest there are %d tasks, room on %d hosts, and the group has %d at most (--hosts-max)", peakTasks, needs, fleet.Max)
	}
	return fmt.Errorf("%w on hosts: %s: a target capacity of %d %%, %d hosts in the warm pool and a minimum of %d reach %.4g %%: %s",
		ErrUnreachable, s.Objective, slices.Min(targetsTried), slices.Max(warmTried), most.PoolMin, 100*most.InTime.Mean, why)
}

// playGroup plays a pool on a group.
func (s *Sizer) playGroup(g *Group, on Config, minimum, seeds int) error {
	c := s.pool(minimum)
	provider := *on.Cloud.Fleet.Provider
	provider.Target = g.TargetCapacity
	c.HostSlots, c.Cloud.Fleet, c.Cloud.Pull = on.HostSlots, on.Cloud.Fleet, on.Cloud.Pull
	c.Cloud.Fleet.Provider, c.Cloud.Fleet.WarmSize = &provider, g.WarmHosts
	what := fmt.Sprintf("playing a target capacity of %d %%, %d in the warm pool, a minimum of %d", g.TargetCapacity, g.WarmHosts, minimum)
	results, err := Many(WithSeeds(c, seeds), func(share float64) { s.say(what, share) })
	if err == nil {
		g.Trial = s.trial(&c, results)
	}
	return err
}
