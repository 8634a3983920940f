package run

import (
	"time"

	"hearth/messages/wire"
	"hearth/sim/model"
)

// hostFacts are what a world with hosts of its own knows of them; see model.FleetOptions. Without hosts, host-hours are
// counted as if tasks were packed onto as few as there can be.
type hostFacts struct {
	cloud *model.Cloud
	// running and paused are the hours when the traffic began.
	running, paused float64
}

// begin leaves out what the hosts cost before the traffic.
func (h *hostFacts) begin() {
	if h.cloud != nil {
		h.running, h.paused = h.cloud.HostHours()
	}
}

// close takes the hours at the traffic's end into the result.
func (h *hostFacts) close(r *Result) {
	if h.cloud != nil {
		running, paused := h.cloud.HostHours()
		r.HostHours, r.PausedHostHours = rounded(running-h.running, 1e6), rounded(paused-h.paused, 1e6)
	}
}

// waitedFor is the kind of host that a request which came at a time had to wait for before its task could be placed.
func (h *hostFacts) waitedFor(task wire.TaskID, since time.Duration) model.Origin {
	if h.cloud == nil {
		return model.OriginNone
	}
	if t := h.cloud.Task(task); t != nil {
		return t.WaitedFor(since)
	}
	return model.OriginNone
}

// miss counts a request that had to wait by what it waited for.
func (p *Paths) miss(origin model.Origin) {
	switch {
	case origin == model.OriginCold:
		p.ColdHost++
	case origin.Warm():
		p.WarmHost++
	default:
		p.Waited++
	}
}
