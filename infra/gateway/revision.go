package gateway

import (
	"cmp"
	"time"

	"hearth/messages"
)

const defaultRevisionSweep = time.Minute

// followRevision tells the pool what tasks are started with, and looks for another revision until the gateway is closed.
func (g *Gateway) followRevision() {
	sweep := time.NewTicker(cmp.Or(g.cfg.ECS.RevisionSweep, defaultRevisionSweep))
	defer sweep.Stop()
	var told messages.Revision
	for {
		if revision := g.launcher.Revision(); revision != told {
			g.deliver(g.pool, &messages.RevisionFound{Revision: revision})
			told = revision
		}
		select {
		case <-sweep.C:
		case <-g.closing.Done():
			return
		}
		// Its failure is in the log already: the revision of before stays.
		_ = g.launcher.LookForRevision(g.closing)
	}
}
