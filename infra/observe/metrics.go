package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hearth/messages"
)

// startBuckets resolve a warm start's milliseconds and a cold host's minutes.
var startBuckets = []float64{
	.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160,
}

// metrics are the actors' facts as Prometheus counts them. No label has a user, a session or a task as its value.
type metrics struct {
	// hour is told the lengths of phases, too.
	hour      *hour
	tasks     *prometheus.GaugeVec
	waiters   prometheus.Gauge
	bounds    *prometheus.GaugeVec
	target    prometheus.Gauge
	revision  *prometheus.GaugeVec
	claims    *prometheus.CounterVec
	cold      *prometheus.CounterVec
	phases    *prometheus.HistogramVec
	sessions  *prometheus.GaugeVec
	hosts     *prometheus.GaugeVec
	isolation *prometheus.GaugeVec
	ended     *prometheus.CounterVec
	starts    prometheus.Counter
	failures  *prometheus.CounterVec
	failed    *prometheus.CounterVec
	requeued  *prometheus.CounterVec
	delayed   prometheus.Counter
	failing   prometheus.Gauge
	fenced    prometheus.Counter
	resumed   prometheus.Counter
	exits     *prometheus.CounterVec
	atOnce    prometheus.Counter
	restarts  prometheus.Counter
	evicted   *prometheus.CounterVec
	refused   *prometheus.CounterVec
	detached  prometheus.Counter
	abandoned prometheus.Counter
	odd       prometheus.Counter
	calls     *prometheus.HistogramVec
	callsLost *prometheus.CounterVec
	incidents *prometheus.CounterVec
	revisions *revisions
}

func newMetrics(registry prometheus.Registerer, hour *hour) *metrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	counter := func(name, help string) prometheus.Counter { return counters(name, help).WithLabelValues() }
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		registry.MustRegister(g)
		return g
	}
	gauges := func(name, help, label string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{label})
		registry.MustRegister(g)
		return g
	}
	histograms := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: startBuckets}, labels)
		registry.MustRegister(h)
		return h
	}
	m := &metrics{
		hour:      hour,
		tasks:     gauges("hearth_pool_tasks", "Tasks by state.", "state"),
		waiters:   gauge("hearth_pool_waiters", "Sessions that wait for a task."),
		bounds:    gauges("hearth_pool_bound_tasks", "The pool's minimum and maximum.", "bound"),
		target:    gauge("hearth_pool_target_tasks", "Tasks that the pool is refilled to: the minimum, or what the policy makes of it; 0 when it is switched off."),
		revision:  gauges("hearth_pool_revision_info", "The revision of their definition that tasks are started with.", "revision"),
		claims:    counters("hearth_claims_total", "Claims by how they ended.", "result"),
		failed:    counters("hearth_claims_failed_total", "Claims that ended as failed, by why.", "reason"),
		cold:      counters("hearth_cold_claims_total", "Claims that found no ready task, by why.", "why"),
		phases:    histograms("hearth_start_phase_seconds", "Phases of a start: launch and boot of a task; claim, init, workspace, token, agent and total of a session, and from then to its first output.", "phase"),
		sessions:  gauges("hearth_sessions", "Sessions by state.", "state"),
		hosts:     gauges("hearth_hosts", "Container instances by state.", "state"),
		isolation: gauges("hearth_isolated_tasks", "Tasks by the levels that keep their agents apart.", "isolation"),
		ended:     counters("hearth_sessions_ended_total", "Sessions that ended, by why.", "reason"),
		starts:    counter("hearth_task_starts_total", "Tasks that were asked of ECS."),
		failures:  counters("hearth_task_start_failures_total", "Tasks that did not become ready or died while they waited, by why and by the ECS error's kind.", "reason", "kind"),
		requeued:  counters("hearth_claims_requeued_total", "Tasks that failed their session between claim and ready, by why.", "reason"),
		delayed:   counter("hearth_claims_delayed_total", "Claims that were put off because agents of their user could not be started, or ended at once."),
		exits:     counters("hearth_agent_exits_total", "Agents that ended by themselves, by their exit code or the signal that ended them.", "exit"),
		atOnce:    counter("hearth_agents_ended_at_once_total", "Agents that ended as soon as they had started, and of no use to anybody."),
		failing:   gauge("hearth_agents_failing", "1 while agents cannot be started for one user after the other, else 0."),
		fenced:    counter("hearth_fenced_waits_total", "Sessions that waited because an earlier agent of their user could still write to the workspace."),
		resumed:   counter("hearth_agent_suspensions_total", "Agents that went on after they had been suspended, because their bridges had no gateway."),
		restarts:  counter("hearth_session_restarts_total", "Active tasks that were lost with their session going on in another."),
		evicted:   counters("hearth_pool_evictions_total", "Tasks without a session that were given up though their start had not failed, by why.", "cause"),
		refused:   counters("hearth_refused_total", "Clients and bridges that were turned away, by why.", "reason"),
		detached:  counter("hearth_task_detached_total", "Sockets of active tasks that dropped."),
		abandoned: counter("hearth_tasks_abandoned_total", "Tasks that ECS could not be made to stop."),
		odd:       counter("hearth_unexpected_messages_total", "Messages that an actor's state had no use for; the log names them."),
		calls:     histograms("hearth_ecs_call_seconds", "ECS calls with their retries, by operation.", "op"),
		callsLost: counters("hearth_ecs_call_failures_total", "ECS calls that failed after their retries, by operation and the error's kind.", "op", "kind"),
		revisions: newRevisions(gauges("hearth_tasks_by_revision", "Tasks by the revision of their definition, as far as it is known.", "revision")),
		incidents: counters("hearth_actor_incidents_total", "Crashes, overflows and dead letters of the actor system.", "kind"),
	}
	return m.preset()
}

// claimFailed is the result of a claim that came to neither a warm nor a cold start.
const claimFailed = "failed"

// pool takes in how many tasks and waiters there are.
func (m *metrics) pool(c *messages.Census) {
	set := func(state messages.TaskState, n int) { m.tasks.WithLabelValues(string(state)).Set(float64(n)) }
	set(messages.TaskStateReady, c.Ready)
	set(messages.TaskStateStarting, c.Starting)
	set(messages.TaskStateAssigned, c.Assigned)
	set(messages.TaskStateStopping, c.Stopping)
	m.waiters.Set(float64(c.Waiting))
	m.bounds.WithLabelValues("min").Set(float64(c.Min))
	m.bounds.WithLabelValues("max").Set(float64(c.Max))
	m.target.Set(float64(c.Target))
}

// count takes in a fact.
func (m *metrics) count(e messages.Event) {
	if e.Census != nil {
		m.pool(e.Census)
	}
	switch e.Kind {
	case messages.EventStarting:
		m.starts.Inc()
	case messages.EventLaunched:
		m.phase("launch", e.Took)
	case messages.EventReady:
		if e.Took > 0 {
			m.phase("boot", e.Took)
		}
	case messages.EventStartFailed:
		m.failures.WithLabelValues(string(e.Failure), string(e.Fault)).Inc()
	case messages.EventClaimed:
		m.phase("claim", e.Took)
		if e.Why != "" {
			m.cold.WithLabelValues(string(e.Why)).Inc()
		}
	case messages.EventActive:
		m.phase("init", e.Took)
	case messages.EventRequeued:
		m.requeued.WithLabelValues(string(e.Failure)).Inc()
	case messages.EventDelayed:
		m.delayed.Inc()
	case messages.EventFenced:
		m.fenced.Inc()
	case messages.EventResumed:
		m.resumed.Inc()
	case messages.EventAgentsFail:
		m.failing.Set(1)
	case messages.EventAgentsStart:
		m.failing.Set(0)
	case messages.EventEvicted:
		m.evicted.WithLabelValues(string(e.Cause)).Inc()
	case messages.EventRefused:
		m.refused.WithLabelValues(e.Reason).Inc()
	case messages.EventDetached:
		m.detached.Inc()
	case messages.EventRuns:
		m.revisions.add(e.Revision, 1)
	case messages.EventGone:
		m.revisions.add(e.Revision, -1)
	case messages.EventHost:
		move(m.hosts, e.Was, e.Phase, string(messages.HostLost))
	case messages.EventAbandoned:
		m.abandoned.Inc()
	case messages.EventUnexpected:
		m.odd.Inc()
	case messages.EventRevision:
		m.revision.Reset()
		m.revision.WithLabelValues(string(e.Revision)).Set(1)
	default:
		m.countSession(e)
	}
}

// countSession takes in a fact of a session's.
func (m *metrics) countSession(e messages.Event) {
	switch e.Kind {
	case messages.EventSessionState:
		move(m.sessions, e.Was, e.Phase, string(messages.SessionStateEnded))
	case messages.EventSessionReady:
		m.claims.WithLabelValues(string(e.Path)).Inc()
		m.phase("workspace", time.Duration(e.Timings.WorkspaceMs)*time.Millisecond)
		m.phase("token", time.Duration(e.Timings.TokenMs)*time.Millisecond)
		m.phase("agent", time.Duration(e.Timings.AgentMs)*time.Millisecond)
		m.phase("total", e.Took)
	case messages.EventFirstOutput:
		m.phase("output", e.Took)
	case messages.EventAgentEnded:
		m.exits.WithLabelValues(e.Exit).Inc()
		if e.Reason != "" {
			m.atOnce.Inc()
		}
	case messages.EventRestarting:
		m.restarts.Inc()
	case messages.EventSessionEnded:
		m.ended.WithLabelValues(e.Reason).Inc()
		if claimHasFailed(e) {
			m.claims.WithLabelValues(claimFailed).Inc()
			m.failed.WithLabelValues(string(e.Failure)).Inc()
		}
	}
}

// claimHasFailed reports whether a session ended because it got no agent.
func claimHasFailed(e messages.Event) bool {
	reason := messages.EndReason(e.Reason)
	return reason == messages.EndStartFailed || reason == messages.EndTimeout
}

// isolated takes in which levels are in force in a task.
func (m *metrics) isolated(e messages.Event) { move(m.isolation, e.Was, e.Phase, "") }

// move takes one from a state, unless it has just begun, to another, unless that is its last.
func move(gauge *prometheus.GaugeVec, was, is, last string) {
	if was != "" {
		gauge.WithLabelValues(was).Dec()
	}
	if is != last {
		gauge.WithLabelValues(is).Inc()
	}
}

func (m *metrics) phase(name string, took time.Duration) {
	m.phases.WithLabelValues(name).Observe(took.Seconds())
	m.hour.phase(name, took)
}

// Call counts an ECS call; it fits the launcher's OnCall.
func (o *Observer) Call(op string, took time.Duration, kind messages.LaunchErrorKind) {
	o.metrics.calls.WithLabelValues(op).Observe(took.Seconds())
	if kind != "" {
		o.metrics.callsLost.WithLabelValues(op, string(kind)).Inc()
	}
}

// Incident counts what should not have happened in the actor system.
func (o *Observer) Incident(kind string) { o.metrics.incidents.WithLabelValues(kind).Inc() }
