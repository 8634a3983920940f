package observe

import (
	"hearth/actors/pool"
	"hearth/actors/task"
	"hearth/infra/ecs"
	"hearth/infra/engine"
	"hearth/messages"
	"hearth/messages/wire"
)

// The values that labels can have. A series that begins with its first event hides that event from rate() and increase(): all
// have to be there from the start, at 0. Tests hold these lists to the code.
var (
	phases  = []string{"launch", "boot", "claim", "init", "workspace", "token", "agent", "total", "output"}
	results = []string{string(wire.PathWarm), string(wire.PathCold), claimFailed}
	whys    = []wire.ColdReason{
		wire.WhyPoolEmpty, wire.WhyPoolDisabled, wire.WhyAllStarting, wire.WhyNoCapacity, wire.WhyClaimFailed, wire.WhyFenced,
	}
	ends = []messages.EndReason{
		messages.EndClosed, messages.EndExited, messages.EndIdle, messages.EndAbandoned, messages.EndStartFailed, messages.EndTimeout,
		messages.EndTaskLost, messages.EndDraining, messages.EndToken, messages.EndLifetime, messages.EndOperator, messages.EndCrashed,
	}
	evictions = []messages.Eviction{
		messages.EvictedExpired, messages.EvictedSurplus, messages.EvictedOutdated, messages.EvictedHostDraining,
		messages.EvictedHostLost, messages.EvictedDrain, messages.EvictedMoved, messages.EvictedStopped, messages.EvictedUnproved,
		messages.EvictedStray,
	}
	failures = []messages.Failure{
		messages.FailedLaunch, messages.FailedDial, messages.FailedUnproved, messages.FailedSocket, messages.FailedInit,
		messages.FailedStopped, messages.FailedHost, messages.FailedTold, messages.FailedCrashed, messages.FailedAssigned,
		messages.FailedWorkspace, messages.FailedToken, messages.FailedAgent, messages.FailedIsolation, messages.FailedSettings,
		messages.FailedTimeout, messages.FailedDraining, messages.FailedOther,
	}
	// exits are those that agents mostly have: success, errors, a program that is not there or not to be executed, and signals.
	exits  = []string{"0", "1", "2", "126", "127", "SIGHUP", "SIGINT", "SIGABRT", "SIGKILL", "SIGSEGV", "SIGTERM"}
	faults = []messages.LaunchErrorKind{
		messages.LaunchThrottled, messages.LaunchUnavailable, messages.LaunchTimeout, messages.LaunchNoCapacity,
		messages.LaunchDenied, messages.LaunchInvalid,
	}
	// refusals are error codes, what is wrong with a bridge, and the drain.
	refusals = []string{
		string(wire.CodeForbidden), string(wire.CodeTooManySessions), string(wire.CodeOverCapacity), string(wire.CodeSessionNotFound),
		string(wire.CodeRateLimited), string(wire.ByeDraining), task.DoubtSession, task.DoubtNoPass, task.DoubtBadPass, pool.UnknownTask,
	}
	sessionStates = []messages.SessionState{
		messages.SessionStateWaiting, messages.SessionStateStarting, messages.SessionStateActive, messages.SessionStateParked,
		messages.SessionStateExited,
	}
	hostStates = []messages.HostState{messages.HostInService, messages.HostDraining}
	incidents  = []engine.IncidentKind{
		engine.IncidentCrash, engine.IncidentOverflow, engine.IncidentDeadLetter, engine.IncidentNil,
	}
)

// preset makes the series exist from the start.
func (m *metrics) preset() *metrics {
	m.pool(&messages.Census{})
	each(phases, func(phase string) { m.phases.WithLabelValues(phase) })
	each(results, func(result string) { m.claims.WithLabelValues(result) })
	each(whys, func(why string) { m.cold.WithLabelValues(why) })
	each(ends, func(reason string) { m.ended.WithLabelValues(reason) })
	each(evictions, func(cause string) { m.evicted.WithLabelValues(cause) })
	each(refusals, func(reason string) { m.refused.WithLabelValues(reason) })
	each(sessionStates, func(state string) { m.sessions.WithLabelValues(state) })
	each(hostStates, func(state string) { m.hosts.WithLabelValues(state) })
	each(incidents, func(kind string) { m.incidents.WithLabelValues(kind) })
	each(failures, func(reason string) {
		m.failed.WithLabelValues(reason)
		m.requeued.WithLabelValues(reason)
		m.failures.WithLabelValues(reason, "")
	})
	each(exits, func(exit string) { m.exits.WithLabelValues(exit) })
	each(faults, func(kind string) { m.failures.WithLabelValues(string(messages.FailedLaunch), kind) })
	for _, op := range ecs.Operations {
		m.calls.WithLabelValues(op)
		each(faults, func(kind string) { m.callsLost.WithLabelValues(op, kind) })
	}
	return m
}

// each hands over values of a label.
func each[S ~string](values []S, to func(string)) {
	for _, value := range values {
		to(string(value))
	}
}
