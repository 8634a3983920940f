package model

import "time"

// provider is an ECS capacity provider's managed scaling: it looks at the group once in a while, scales out when tasks
// wait, and in when hosts were empty for long enough.
type provider struct {
	fleet   *fleet
	options *ProviderOptions
	// scaledOut is when it last did; ever says that it did.
	scaledOut time.Duration
	ever      bool
	// empty counts the looks in a row that found hosts to spare.
	empty int
}

// begin starts its looks.
func (p *provider) begin() {
	p.fleet.world.Later(p.options.Period, func() {
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
	if p.empty++; p.empty >= p.options.ScaleInAfter {
		p.empty = 0
		p.scaleIn(spare)
	}
}

// lacking is how many hosts the waiting tasks need beyond those that are coming, or as many as the target asks for.
func (p *provider) lacking() int {
	slots := p.fleet.options.Slots
	return max(0, (len(p.fleet.waiting)-p.fleet.coming*slots+slots-1)/slots, p.wanted()-p.hosts())
}

// hosts are those that the group has, or is getting.
func (p *provider) hosts() int { return len(p.fleet.present) + p.fleet.coming }

// wanted is how many hosts the target asks for: those that tasks need are to be so many percent of all.
func (p *provider) wanted() int {
	slots := p.fleet.options.Slots
	needed := (len(p.fleet.waiting) + slots - 1) / slots
	for _, h := range p.fleet.present {
		if h.state == hostInService && h.tasks > 0 {
			needed++
		}
	}
	return p.options.With(needed)
}

// scaleOut raises what the group is kept at. From no host at all it takes two, and it waits between two steps.
func (p *provider) scaleOut(lacking int) {
	now := p.fleet.world.Elapsed()
	if lacking == 0 || p.ever && now-p.scaledOut < p.options.Warmup {
		return
	}
	hosts := p.hosts()
	if hosts == 0 {
		lacking = max(lacking, 2)
	}
	if wanted := min(p.fleet.options.Max, hosts+lacking); wanted > p.fleet.desired {
		p.ever, p.scaledOut = true, now
		p.fleet.desired = wanted
		p.fleet.keep()
	}
}

// spare are the hosts that could go: the empty ones in service that the group has above its minimum and its target, the youngest first.
func (p *provider) spare() []*Host {
	var spare []*Host
	most := min(p.fleet.desired-p.fleet.options.Min, p.hosts()-p.wanted())
	for i := len(p.fleet.present) - 1; i >= 0 && len(spare) < most; i-- {
		if h := p.fleet.present[i]; h.state == hostInService && h.tasks == 0 {
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
	p.fleet.desired -= len(hosts)
	p.fleet.keep()
}
