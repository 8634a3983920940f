package model

import "time"

const ms = time.Millisecond

// The measured figures that the defaults are built from. All come from the system that Hearth replaces.
var (
	// MeasuredRun is from RunTask to RUNNING with the image on the host: 1,971 to 3,903 ms with a mean of 2,645 ms over four
	// runs on a staging cluster.
	MeasuredRun = Empirical{Name: "measured-run", Quantiles: []time.Duration{1971 * ms, 2150 * ms, 2513 * ms, 3903 * ms}}

	// MeasuredStart is from the decision to start a task until it is ready: a median of 5.4 s and a 90th percentile of 8.6 s
	// over one day of staging logs. The ends are not in the logs; they are drawn on in the same shape.
	MeasuredStart = Empirical{Name: "measured", Quantiles: []time.Duration{
		3000 * ms, 3700 * ms, 4100 * ms, 4500 * ms, 4900 * ms, 5400 * ms, 5900 * ms, 6500 * ms, 7300 * ms, 8600 * ms, 12000 * ms,
	}}

	// MeasuredPull is the image pull of a new host's first task without a pre-pull: 44 s in production.
	MeasuredPull = Fixed(44 * time.Second)

	// MeasuredDial is from RUNNING to the bridge's hello: 200 to 500 ms in the replaced system.
	MeasuredDial = Uniform{200 * ms, 500 * ms}

	// MeasuredWorkspace and MeasuredToken are mkdir and write on EFS: 14 and 10 ms, five runs in a container.
	MeasuredWorkspace = Uniform{11 * ms, 17 * ms}
	MeasuredToken     = Uniform{8 * ms, 12 * ms}

	// MeasuredAgent is from the agent's start to ready: 234 to 282 ms, three runs in a container.
	MeasuredAgent = Uniform{234 * ms, 282 * ms}

	// MeasuredRunCall is the RunTask call itself: 200 ms in the replaced system.
	MeasuredRunCall = Uniform{150 * ms, 250 * ms}

	// MeasuredPrePulled is the image pull of a new host's first task with a pre-pull: under 1 s in production.
	MeasuredPrePulled = Uniform{0, time.Second}

	// MeasuredBoot is from a host's launch until it is in service: 81 s on t3.small. GoldenBoot is the same with a golden
	// AMI and slim cloud-init, 55 s in the source's measurements; PlannedBoot is what was planned for, 180 s.
	MeasuredBoot = Fixed(81 * time.Second)
	GoldenBoot   = Fixed(55 * time.Second)
	PlannedBoot  = Fixed(180 * time.Second)

	// WakeStopped is a Stopped host of the warm pool: 20 s to in service in one run on t3.small, 30 to 40 s in another.
	// WakeHibernated is 15 to 17 s: 12 s to wake, 5 s of health check. WakeRunning was not measured: such a host's ECS agent
	// asks once a minute whether it is in service, and registers then.
	WakeStopped    = Uniform{20 * time.Second, 40 * time.Second}
	WakeHibernated = Uniform{15 * time.Second, 17 * time.Second}
	WakeRunning    = Uniform{0, time.Minute}
)

// The tasks on a host in the source's plans: four on a t3.small, seven when each has 256 MiB.
const (
	SmallSlots = 4
	LeanSlots  = 7
)

// ManagedScaling is what ECS documents of a capacity provider: evaluated every minute, an instance warm-up of 300 s by
// default, and an alarm for scale-in that needs fifteen one-minute points.
func ManagedScaling() *ProviderOptions {
	return &ProviderOptions{Period: time.Minute, Warmup: 300 * time.Second, ScaleInAfter: 15}
}

// ProdFleet is the source's production group: two hosts, at most fifteen, and five in the warm pool.
func ProdFleet() FleetOptions {
	return FleetOptions{
		Slots: SmallSlots, Min: 2, Desired: 2, Max: 15, WarmSize: 5, Warm: OriginHibernated,
		Wake: WakeHibernated, Boot: MeasuredBoot, Provider: ManagedScaling(),
	}
}
