package observe

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"hearth/messages"
)

// revisions counts tasks by what they run. A revision that no task runs any more has no series: every roll-out would leave one.
type revisions struct {
	gauge *prometheus.GaugeVec
	mu    sync.Mutex
	tasks map[messages.Revision]int
}

func newRevisions(gauge *prometheus.GaugeVec) *revisions {
	return &revisions{gauge: gauge, tasks: map[messages.Revision]int{}}
}

func (r *revisions) add(revision messages.Revision, n int) {
	if revision == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tasks[revision] += n; r.tasks[revision] > 0 {
		r.gauge.WithLabelValues(string(revision)).Set(float64(r.tasks[revision]))
		return
	}
	delete(r.tasks, revision)
	r.gauge.DeleteLabelValues(string(revision))
}
