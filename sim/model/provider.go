package model

import "time"

// provider is an ECS capacity provider's managed scaling: it looks at the group once in a while, scales out when tasks
// wait, and in when hosts were empty for long enough.
type provider struct {
	*fleet
	ProviderOptions
	// scaledOut is when it last did; ever says that it did.
	scaledOut time.Duration
	ever      bool
	// empty counts the looks in a row that found hosts to spare.
	empty int
}

// begin starts its looks.
func (p *provider) begin() {
	p.World.Later(p.Period, func() {
		p.look()
		p.begin()
	})
}

// look is one evaluation.
func (p *provider) look() {
	lacking, spare := p.lacking(), p.spare()
	if lacking > 0 || len(spare) == 0 {
		p.empty = 0
		p.scaleOut(lacking)
		return
	}
	if p.empty++; p.empty >= p.ScaleInAfter {
		p.empty = 0
		p.scaleIn(spare)
	}
}

// lacking is how many hosts the waiting tasks need beyond those that are coming.
func (p *provider) lacking() int {
	slots := p.options.Slots
	return max(0, (len(p.waiting)-p.coming*slots+slots-1)/slots)
}

// scaleOut raises what the group is kept at. From no host at all it takes two, and it waits between two steps.
func (p *provider) scaleOut(lacking int) {
	now := p.World.Elapsed()
	if lacking == 0 || p.ever && now-p.scaledOut < p.Warmup {
		return
	}
	hosts := len(p.present) + p.coming
	if hosts == 0 {
		lacking = max(lacking, 2)
	}
	if wanted := min(p.options.Max, hosts+lacking); wanted > p.desired {
		p.ever, p.scaledOut = true, now
		p.desired = wanted
		p.keep()
	}
}

// spare are the hosts that could go: the empty ones in service that the group has above its minimum, the youngest first.
func (p *provider) spare() []*Host {
	var spare []*Host
	for i := len(p.present) - 1; i >= 0 && len(spare) < p.desired-p.options.Min; i-- {
		if h := p.present[i]; h.state == hostInService && h.tasks == 0 {
			spare = append(spare, h)
		}
	}
	return spare
}

// scaleIn ends hosts that have no tasks.
func (p *provider) scaleIn(hosts []*Host) {
	for _, h := range hosts {
		h.leave()
	}
	p.desired -= len(hosts)
	p.keep()
}
