package actors

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"hearth/messages/wire"
)

// Settings are the actors' numbers: the pool's policy and every deadline.
type Settings struct {
	// WarmPool switches the pool on. Without it each session gets a task that is started for it alone.
	WarmPool bool
	Sizing
	// Shadow is a sizing that is tried beside the one in force: it is counted what it would come to, and nothing is done; nil for none.
	Shadow *Sizing
	// LaunchConcurrency bounds the tasks that are starting at once.
	LaunchConcurrency int
	// ReadyTTL is how long a task may wait to be claimed, give or take a tenth. 0 is for ever.
	ReadyTTL time.Duration
	// SurplusTTL is how long tasks may be above the minimum that nobody needs, such as those of clients that have given up.
	SurplusTTL time.Duration
	// Placement says which of the ready tasks a claim takes.
	Placement Placement
	// AdoptionGrace is how long a gateway that has just begun waits for the bridges of tasks that run already, and how
	// long clients who ask for a session that it does not know wait with it.
	AdoptionGrace time.Duration
	// SweepInterval is how often the hosts are looked at.
	SweepInterval time.Duration
	// HostDrainGrace is how long ready tasks on a host that drains wait for their replacements.
	HostDrainGrace time.Duration
	// TaskSweepInterval is how often ECS's list of tasks is compared with what is known.
	TaskSweepInterval time.Duration
	// Boot says how long a host takes to have room for a task, told to waiting clients when no host has.
	Boot BootTimes
	// WorkspaceRoot is the directory of all workspaces, as the tasks see it.
	WorkspaceRoot string

	// StartTimeout is how long a client waits at most, from its hello to ready.
	StartTimeout time.Duration
	// AbandonGrace is how long a session that was never ready waits for its client to come back, once that has left.
	AbandonGrace time.Duration
	// ClaimAttempts is how many tasks a session is given, one after the other, before it is told start_failed.
	ClaimAttempts int
	// IdleTimeout ends a session in which for so long no data went either way and the agent did not ask for more time.
	IdleTimeout time.Duration
	// RequireToken ends a session once its user's newest token has been expired for TokenGrace.
	RequireToken bool
	TokenGrace   time.Duration
	// MaxSessionLifetime ends a session that is older, counted by the gateway that has it; 0 is for ever.
	MaxSessionLifetime time.Duration
	// MaxSessions and MaxSessionsPerUser bound the sessions that are taken.
	MaxSessions, MaxSessionsPerUser int
	// MaxSessionStartsPerSecond bounds how fast sessions begin; as many may do so at once. 0 is no bound.
	MaxSessionStartsPerSecond int

	// TaskStartTimeout is how long a task may take from its start to its bridge's hello.
	TaskStartTimeout time.Duration
	// DialGrace is how long ECS may call a task running before the missing hello is reported.
	DialGrace time.Duration
	// DialTimeout is how long it may do so before the start has failed.
	DialTimeout time.Duration
	// RedialGrace is how long a task may be without a socket once it had one.
	RedialGrace time.Duration
	// AcceptTimeout is how long a bridge may take to answer init_user with accepted.
	AcceptTimeout time.Duration
	// InitTimeout is how long a bridge may take from accepted to ready.
	InitTimeout time.Duration
	// StopGrace is how long an agent may take to end before it is killed.
	StopGrace time.Duration
	// TaskLease is how long an agent may run on without a gateway. Its bridge, which is told so, then suspends it, and no other agent
	// starts for its session before that. TaskOrphanTTL is when such a task ends.
	TaskLease, TaskOrphanTTL time.Duration
	// SettleTime is how long an agent has to run to be taken for one that works, whatever its end then is.
	SettleTime time.Duration
	// PollInterval is how often ECS is asked about a task that should have dialled.
	PollInterval time.Duration
	// BackoffBase and BackoffMax bound the pause after failed starts.
	BackoffBase, BackoffMax time.Duration
	// StartEstimate is told to waiting clients until this deployment has measured its own starts.
	StartEstimate time.Duration
	// HintInterval is how often a waiting client is told how long it will take. The wire contract promises every 2 s.
	HintInterval time.Duration
	// ExitLinger is how long an ended agent's session waits for its client to acknowledge the last output.
	ExitLinger time.Duration
}

// Placement says which of the ready tasks a claim takes.
type Placement string

// The placements.
const (
	// PlaceOldest takes the task that has been ready longest.
	PlaceOldest Placement = "oldest"
	// PlacePack takes one on the host with the most sessions, so that others become empty and can be scaled in.
	PlacePack Placement = "pack"
	// PlaceSpread takes one on the host with the fewest, so that the loss of a host hits fewer users.
	PlaceSpread Placement = "spread"
)

// BootTimes are how long hosts take to come into service, by how they wait.
type BootTimes struct {
	// Running, Hibernated and Stopped hosts are the EC2 warm pool's.
	Running, Hibernated, Stopped time.Duration
	// Cold is a host that has to be launched.
	Cold time.Duration
}

// DefaultSettings are the figures of the product. The start estimate is the source's measured median from start to
// ready, 5.4 s. The start timeout leaves room for a cold host, 81 s measured, and a start on it. The adoption grace leaves
// room for two of a bridge's attempts to dial, at most 5 s apart, and 5 s of handshake. The drain grace leaves room for a group that
// launches a cold host, and is well within the hour that Auto Scaling waits for a host to drain. What is above the minimum may stay
// for a minute: Fargate bills every task for that long in any case, and a user who gave up and tries again finds it ready. A session
// that was never ready is abandoned after the time that a lost connection takes to come back: a client that needs longer loses its
// turn, and nothing else.
func DefaultSettings() Settings {
	return Settings{
		WarmPool:          true,
		Sizing:            Sizing{Min: 3, Max: 10, Threshold: DefaultThreshold(3), Policy: PolicyFixed},
		LaunchConcurrency: 10,
		ReadyTTL:          time.Hour,
		SurplusTTL:        time.Minute,
		Placement:         PlaceOldest,
		AdoptionGrace:     15 * time.Second,
		SweepInterval:     10 * time.Second,
		HostDrainGrace:    10 * time.Minute,
		TaskSweepInterval: 5 * time.Minute,
		// Measured on t3.small: 81 s cold, 20 s stopped, 12 s wake and 5 s health check hibernated. A running host
		// registers up to a minute after it is in service: its agent asks once a minute; half of that on average.
		Boot: BootTimes{
			Running: 30 * time.Second, Hibernated: 17 * time.Second, Stopped: 20 * time.Second, Cold: 81 * time.Second,
		},
		WorkspaceRoot: "/mnt/efs",
		StartTimeout:  2 * time.Minute,
		AbandonGrace:  5 * time.Second,
		ClaimAttempts: 3,
		IdleTimeout:   15 * time.Minute,
		RequireToken:  true,
		TokenGrace:    time.Minute,
		MaxSessions:   10_000, MaxSessionsPerUser: 100, MaxSessionStartsPerSecond: 100,
		TaskStartTimeout: 4 * time.Minute,
		DialGrace:        5 * time.Second,
		DialTimeout:      30 * time.Second,
		RedialGrace:      15 * time.Second,
		AcceptTimeout:    time.Second,
		InitTimeout:      15 * time.Second,
		StopGrace:        5 * time.Second,
		TaskLease:        30 * time.Second,
		TaskOrphanTTL:    15 * time.Minute,
		SettleTime:       10 * time.Second,
		PollInterval:     2 * time.Second,
		BackoffBase:      500 * time.Millisecond, BackoffMax: 30 * time.Second,
		StartEstimate: 5400 * time.Millisecond,
		HintInterval:  1800 * time.Millisecond,
		ExitLinger:    30 * time.Second,
	}
}

// leaseMargin is what a gateway waits beyond a lease: the time that a bridge may take to notice that it is over, and an agent's
// processes to stop.
const leaseMargin = 5 * time.Second

// LeaseWait is how long a bridge must not have been heard before its agent is known to be suspended. The bridge counts its lease from
// when it sent what was answered, a gateway this from when it last heard the bridge, which was later.
func (s *Settings) LeaseWait() time.Duration { return s.TaskLease + leaseMargin }

// overlap is how long an earlier gateway may go on beside one that has just begun, and lose tasks that this one does not know:
// DRAIN_TIMEOUT's default.
const overlap = 30 * time.Second

// AdoptionFence is how long after its begin a gateway may not know whether a task that it has not heard is still in use.
func (s *Settings) AdoptionFence() time.Duration { return overlap + s.LeaseWait() }

// minTaskLease is the shortest lease: a hiccup of the network must not suspend an agent.
const minTaskLease = time.Second

// setting is a setting that a gateway's operator can change: its variable in the environment, and its value.
type setting[T any] struct {
	variable string
	value    T
}

func (s *Settings) counts() []setting[int] {
	return []setting[int]{
		{"LAUNCH_CONCURRENCY", s.LaunchConcurrency}, {"SESSION_START_ATTEMPTS", s.ClaimAttempts},
		{"MAX_SESSIONS", s.MaxSessions}, {"MAX_SESSIONS_PER_USER", s.MaxSessionsPerUser},
	}
}

func (s *Settings) durations() []setting[time.Duration] {
	return []setting[time.Duration]{
		{"SESSION_START_TIMEOUT", s.StartTimeout}, {"SESSION_IDLE_TIMEOUT", s.IdleTimeout}, {"TASK_START_TIMEOUT", s.TaskStartTimeout},
		{"ACCEPT_TIMEOUT", s.AcceptTimeout}, {"INIT_TIMEOUT", s.InitTimeout}, {"STOP_GRACE", s.StopGrace},
		{"HOST_SWEEP_INTERVAL", s.SweepInterval}, {"SESSION_ABANDON_GRACE", s.AbandonGrace}, {"WARM_POOL_SURPLUS_TTL", s.SurplusTTL},
		{"TOKEN_GRACE", s.TokenGrace}, {"TASK_SWEEP_INTERVAL", s.TaskSweepInterval},
		{"TASK_LEASE", s.TaskLease}, {"TASK_ORPHAN_TTL", s.TaskOrphanTTL},
	}
}

// Defaults are the default values of the settings that an operator can change, by their variables: what programs show, and
// take, where nothing is said.
func Defaults() map[string]string {
	s := DefaultSettings()
	defaults := map[string]string{
		"ENABLE_WARM_POOL": strconv.FormatBool(s.WarmPool), "CLAIM_PLACEMENT": string(s.Placement),
		"WARM_POOL_MIN_SIZE": strconv.Itoa(s.Min), "WARM_POOL_MAX_SIZE": strconv.Itoa(s.Max),
		"SESSION_REQUIRES_TOKEN": strconv.FormatBool(s.RequireToken), "MAX_SESSION_LIFETIME": brief(s.MaxSessionLifetime),
		"WARM_POOL_POLICY":    string(s.Policy),
		"WARM_POOL_READY_TTL": brief(s.ReadyTTL), "MAX_SESSION_STARTS_PER_SECOND": strconv.Itoa(s.MaxSessionStartsPerSecond),
	}
	for _, count := range s.counts() {
		defaults[count.variable] = strconv.Itoa(count.value)
	}
	for _, d := range s.durations() {
		defaults[d.variable] = brief(d.value)
	}
	return defaults
}

// brief writes a duration as people do: 1h, not 1h0m0s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Validate reports every setting that makes no sense, one error a setting, each naming it by its variable.
func (s Settings) Validate() error {
	var problems []error
	problem := func(format string, arguments ...any) { problems = append(problems, fmt.Errorf(format, arguments...)) }
	problems = append(problems, s.Sizing.validate(poolNames, s.WarmPool)...)
	if s.Shadow != nil {
		problems = append(problems, s.Shadow.validate(shadowNames, true)...)
	}
	for _, count := range s.counts() {
		if count.value < 1 {
			problem("%s %d must be at least 1", count.variable, count.value)
		}
	}
	internal := []setting[time.Duration]{ // these no operator changes
		{"redial grace", s.RedialGrace}, {"poll interval", s.PollInterval}, {"backoff base", s.BackoffBase},
		{"hint interval", s.HintInterval}, {"exit linger", s.ExitLinger}, {"dial grace", s.DialGrace},
		{"dial timeout", s.DialTimeout}, {"adoption grace", s.AdoptionGrace},
		{"host drain grace", s.HostDrainGrace}, {"settle time", s.SettleTime},
	}
	for _, d := range append(s.durations(), internal...) {
		if d.value <= 0 {
			problem("%s %v must be more than 0", d.variable, d.value)
		}
	}
	if s.TaskLease > 0 && s.TaskLease < minTaskLease {
		problem("TASK_LEASE %v must be at least %v", s.TaskLease, minTaskLease)
	}
	switch s.Placement {
	case PlaceOldest, PlacePack, PlaceSpread:
	default:
		problem("CLAIM_PLACEMENT %q is none of oldest, pack and spread", s.Placement)
	}
	if s.MaxSessionStartsPerSecond < 0 {
		problem("MAX_SESSION_STARTS_PER_SECOND %d must not be negative", s.MaxSessionStartsPerSecond)
	}
	if s.MaxSessionLifetime < 0 {
		problem("MAX_SESSION_LIFETIME %v must not be negative", s.MaxSessionLifetime)
	}
	if s.ReadyTTL < 0 {
		problem("WARM_POOL_READY_TTL %v must not be negative", s.ReadyTTL)
	}
	if !path.IsAbs(s.WorkspaceRoot) {
		problem("WORKSPACE_ROOT %q must be an absolute path", s.WorkspaceRoot)
	}
	return errors.Join(problems...)
}

// Workspace is a user's directory as the tasks see it.
func (s *Settings) Workspace(user wire.UserID) string {
	return path.Join(s.WorkspaceRoot, wire.WorkspaceName(user))
}
