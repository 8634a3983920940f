package messages

// HostID is a container instance's ARN.
type HostID string

// HostState is where a container instance stands.
type HostState string

// The states of a host.
const (
	// HostInService: tasks may be placed on it.
	HostInService HostState = "in_service"
	// HostDraining: its tasks run on, and no more are placed; it will go.
	HostDraining HostState = "draining"
	// HostLost: it is gone, and so are its tasks.
	HostLost HostState = "lost"
)

// HostSeen is what a sweep saw of a container instance.
type HostSeen struct {
	Host HostID
	// Draining is set by an operator, a scale-in or a spot interruption.
	Draining bool
	// Slots is how many more of our tasks have room on it. 0 while its ECS agent is away.
	Slots int
}

// HostsListed answers a sweep over the container instances.
type HostsListed struct {
	Hosts []HostSeen
	// Prepared counts the hosts of the EC2 warm pool by their state.
	Prepared PreparedHosts
	Err      *LaunchError
}

// PreparedHosts counts the hosts that an EC2 warm pool can bring into service, by how they wait.
type PreparedHosts struct {
	Running, Hibernated, Stopped int
}

// HostMissing tells a host's actor that a sweep did not see it.
type HostMissing struct{}

// HostPlaced tells the actor of a host that draining was seen of that ECS has placed a task there: it is in service.
type HostPlaced struct{}

// HostChanged tells the pool that a host is in another state.
type HostChanged struct {
	Host  HostID
	State HostState
}

// HostLeaving tells a session that its task's host is going out of service.
type HostLeaving struct{}
