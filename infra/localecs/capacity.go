package localecs

import (
	"time"
)

// Where tasks run, by ECS's names.
const (
	launchEC2      = "EC2"
	launchFargate  = "FARGATE"
	launchExternal = "EXTERNAL"
	networkAwsvpc  = "awsvpc"
)

// fargateProviders are the capacity providers that every cluster has.
var fargateProviders = map[string]bool{"FARGATE": true, "FARGATE_SPOT": true}

// defaultPlacementTimeout is within the 10 to 30 minutes that ECS takes.
const defaultPlacementTimeout = 15 * time.Minute

// venue is what a RunTask call asks for: a host now (the launch type EC2), one whenever there is room (a capacity
// provider), or none at all (Fargate).
type venue struct {
	provider string
	fargate  bool
}

func (v venue) mayWait() bool { return v.provider != "" && !v.fargate }

// venueOf reads a call. One that names neither a launch type nor a provider gets the cluster's default strategy.
func (c *cluster) venueOf(in runTaskIn, d *definition) (venue, *apiError) {
	strategy := in.CapacityProviders
	if in.LaunchType == "" && len(strategy) == 0 {
		strategy = c.strategy
	}
	v := venue{fargate: in.LaunchType == launchFargate}
	if len(strategy) > 0 {
		v.provider = heaviest(strategy)
		v.fargate = fargateProviders[v.provider]
	}
	if v.fargate && len(d.parsed.compatibilities()) < 3 {
		return v, invalidParameter("Task definition does not support launch_type FARGATE.")
	}
	if v.fargate && (len(in.PlacementStrategy) > 0 || len(in.PlacementConstraints) > 0) {
		return v, invalidParameter("Placement strategies and constraints are not supported with FARGATE launch type.")
	}
	return v, nil
}

// heaviest is the provider of a strategy that takes the first task: one with a base, else the one with most weight.
func heaviest(strategy []providerItem) string {
	best := strategy[0]
	for _, item := range strategy[1:] {
		if item.Base > best.Base || item.Base == best.Base && item.Weight > best.Weight {
			best = item
		}
	}
	return best.CapacityProvider
}

// active are the instances that take tasks, agents that are away included.
func (c *cluster) active() (active []*instance) {
	for _, i := range c.instances {
		if i.status == statusActive {
			active = append(active, i)
		}
	}
	return active
}

// putOn gives a task its place. The caller holds s.mu.
func (t *task) putOn(i *instance) {
	t.on = i
	t.view.ContainerInstanceArn, t.view.AvailabilityZone = i.arn, i.zone
	i.tasks = append(i.tasks, t)
	i.free = i.free.minus(t.need)
	i.version++
}

// changed tells tasks that wait for room, or for an agent, that something has changed. The caller holds s.mu.
func (s *Server) capacityChanged() {
	close(s.capacity)
	s.capacity = make(chan struct{})
}

// settle waits until a task has a place. It reports false for one that has to end before, for want of room in the end.
func (s *Server) settle(t *task) bool {
	deadline := time.NewTimer(time.Duration(valueOr(s.faults.task().PlacementTimeout, Duration(defaultPlacementTimeout))))
	defer deadline.Stop()
	for {
		s.mu.Lock()
		obstacle := s.tryToPlace(t)
		changed := s.capacity
		s.mu.Unlock()
		if obstacle == "" {
			return true
		}
		select {
		case <-changed:
		case <-t.ending:
			return false
		case <-deadline.C:
			s.failStart(t, -1, stopNotStarted+": "+obstacle, "")
			return false
		}
	}
}

// tryToPlace gives a task a place if there is one, or says why there is none. The caller holds s.mu.
func (s *Server) tryToPlace(t *task) string {
	switch {
	case t.on != nil || t.venue.fargate:
		return ""
	case len(t.cluster.instances) == 0:
		return "EMPTY CAPACITY PROVIDER"
	}
	active := t.cluster.active()
	if len(active) == 0 {
		return "NO ACTIVE INSTANCES"
	}
	on, obstacles := t.place(active, s.faults.shuffle)
	if on == nil {
		return obstacles[0].Reason
	}
	t.putOn(on)
	t.view.Version++
	return ""
}

// awaitAgent waits for the agent of a task's host. Until it is back nobody can stop the task, and nobody hears of its end.
func (s *Server) awaitAgent(t *task) {
	for {
		s.mu.Lock()
		away := t.on != nil && !t.on.connected
		changed := s.capacity
		s.mu.Unlock()
		if !away {
			return
		}
		select {
		case <-changed:
		case <-t.killed:
			return
		case <-s.closing:
			return
		}
	}
}
