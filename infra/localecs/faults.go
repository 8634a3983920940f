package localecs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Faults are what goes wrong on purpose, for tests and for operators. The zero Faults is a good day.
type Faults struct {
	// API has the faults of operations by name ("RunTask"); "*" is for all that are not named.
	API map[string]APIFault `json:"api,omitempty"`
	// Task has the delays and failures in a task's life; they apply to tasks that come to that point from now on.
	Task TaskFault `json:"task"`
	// Files has what EFS does.
	Files FileFault `json:"files,omitzero"`
	// Strict rejects a call as a whole that has a malformed id, or an ARN of another Region or account, as ECS does.
	// Without it such a thing is only not found.
	Strict bool `json:"strict,omitempty"`
	// RateLimits throttles calls by AWS's token buckets for an account and Region. They are full when this is turned on.
	RateLimits bool `json:"rateLimits,omitempty"`
}

// FileFault is what happens to access points.
type FileFault struct {
	// CreationDelay is how long a new one is in state creating.
	CreationDelay Duration `json:"creationDelay,omitempty"`
	// AccessPointLimit is the quota of a file system; 0 is EFS's own, 10,000.
	AccessPointLimit int `json:"accessPointLimit,omitempty"`
}

// APIFault is what happens to calls of an operation, in the order of its fields. Rates are probabilities from 0 to 1.
type APIFault struct {
	// Delay is before anything else happens to the call.
	Delay Duration `json:"delay,omitempty"`
	// Hang keeps the call waiting until the client leaves, the fault is lifted (the call is then carried out) or Close.
	Hang bool `json:"hang,omitempty"`
	// Denied answers AccessDeniedException.
	Denied bool `json:"denied,omitempty"`
	// Error is the code that every call is answered with, such as ExpiredTokenException, and Message goes with it.
	Error   string `json:"error,omitempty"`
	Message string `json:"message,omitempty"`
	// ThrottleRate of calls is answered ThrottlingException.
	ThrottleRate float64 `json:"throttleRate,omitempty"`
	// FailureRate of calls is answered ServerException (HTTP 500), and not carried out.
	FailureRate float64 `json:"failureRate,omitempty"`
	// LostAnswerRate of calls is carried out, and the connection dropped instead of an answer.
	LostAnswerRate float64 `json:"lostAnswerRate,omitempty"`
}

// TaskFault is what happens to tasks: how long each phase of a life takes, and how many starts fail.
type TaskFault struct {
	// VisibilityDelay is how long after RunTask DescribeTasks (MISSING) and ListTasks don't know of a task: ECS is eventually
	// consistent.
	VisibilityDelay   Duration `json:"visibilityDelay,omitempty"`
	ProvisioningDelay Duration `json:"provisioningDelay,omitempty"` // in PROVISIONING
	PullDelay         Duration `json:"pullDelay,omitempty"`         // in PENDING, until pullStoppedAt
	StartDelay        Duration `json:"startDelay,omitempty"`        // in PENDING, after the pull
	// StopVisibilityDelay is how long after RunTask StopTask does not know of a task, though it runs.
	StopVisibilityDelay Duration `json:"stopVisibilityDelay,omitempty"`
	// PullFailureRate of starts cannot pull their image: CannotPullContainerError.
	PullFailureRate float64 `json:"pullFailureRate,omitempty"`
	// FailureRate of starts end as STOPPED with stopCode TaskFailedToStart.
	FailureRate float64 `json:"failureRate,omitempty"`
	// PlacementTimeout is how long a task of a capacity provider waits for room before it is STOPPED; default 15 minutes. ECS
	// takes 10 to 30.
	PlacementTimeout    Duration `json:"placementTimeout,omitempty"`
	DeactivatingDelay   Duration `json:"deactivatingDelay,omitempty"`   // in DEACTIVATING, before SIGTERM
	DeprovisioningDelay Duration `json:"deprovisioningDelay,omitempty"` // in DEPROVISIONING, after the processes' end
}

// Duration is a time.Duration that is written like "1.5s" in JSON.
type Duration time.Duration

// MarshalText gives Go's notation.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads Go's notation.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// maxDelay bounds every delay: nothing here waits for ever.
const maxDelay = Duration(time.Hour)

func (f Faults) validate() error {
	known := operations()
	for name, api := range f.API {
		if name != "*" && known[name] == nil && autoScalingOperations[name] == nil && queueOperations[name] == nil && !slices.Contains(fileOperations, name) {
			return fmt.Errorf("faults: there is no operation %q", name)
		}
		if err := errors.Join(checkDelay(api.Delay), checkRates(api.ThrottleRate, api.FailureRate, api.LostAnswerRate)); err != nil {
			return fmt.Errorf("faults of %s: %w", name, err)
		}
	}
	t := f.Task
	err := checkRates(t.FailureRate, t.PullFailureRate)
	for _, d := range []Duration{t.VisibilityDelay, t.StopVisibilityDelay, t.ProvisioningDelay, t.PullDelay, t.StartDelay,
		t.PlacementTimeout, t.DeactivatingDelay, t.DeprovisioningDelay, f.Files.CreationDelay} {
		err = errors.Join(err, checkDelay(d))
	}
	if err != nil {
		return fmt.Errorf("faults of tasks: %w", err)
	}
	return nil
}

func checkDelay(d Duration) error {
	if d < 0 || d > maxDelay {
		return fmt.Errorf("a delay is between 0 and %s, not %s", time.Duration(maxDelay), time.Duration(d))
	}
	return nil
}

func checkRates(rates ...float64) error {
	for _, r := range rates {
		if !(r >= 0 && r <= 1) { // so that NaN is refused
			return fmt.Errorf("a rate is between 0 and 1, not %v", r)
		}
	}
	return nil
}

// SetFaults replaces the faults in force. Calls that hang are looked at again.
func (s *Server) SetFaults(f Faults) error {
	if err := f.validate(); err != nil {
		return err
	}
	s.faults.set(f)
	return nil
}

// Faults are the faults in force.
func (s *Server) Faults() Faults { return s.faults.current() }

// faultInjector holds the faults in force and the one source of chance.
type faultInjector struct {
	mu      sync.Mutex
	faults  Faults // replaced, never changed
	changed chan struct{}
	rng     *rand.Rand
	// buckets are AWS's, nil unless they are in force.
	buckets map[string]*rate.Limiter
}

func newFaultInjector(seed uint64, f Faults) *faultInjector {
	i := &faultInjector{changed: make(chan struct{}), rng: rand.New(rand.NewPCG(seed, 0))}
	i.set(f)
	return i
}

func (i *faultInjector) set(f Faults) {
	f.API = maps.Clone(f.API)
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case !f.RateLimits:
		i.buckets = nil
	case i.buckets == nil:
		i.buckets = fullBuckets()
	}
	i.faults = f
	close(i.changed)
	i.changed = make(chan struct{})
}

func (i *faultInjector) current() Faults {
	i.mu.Lock()
	defer i.mu.Unlock()
	f := i.faults
	f.API = maps.Clone(f.API)
	return f
}

func (i *faultInjector) files() FileFault {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.faults.Files
}

func (i *faultInjector) strict() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.faults.Strict
}

func (i *faultInjector) task() TaskFault {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.faults.Task
}

// of is the fault of an operation, and a channel that is closed when it may have changed.
func (i *faultInjector) of(operation string) (APIFault, <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f, named := i.faults.API[operation]
	if !named {
		f = i.faults.API["*"]
	}
	return f, i.changed
}

// roll is true with that probability. It takes nothing from the source of chance when there is nothing to decide.
func (i *faultInjector) roll(rate float64) bool {
	if rate <= 0 {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.rng.Float64() < rate
}

func (i *faultInjector) shuffle(n int, swap func(a, b int)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rng.Shuffle(n, swap)
}

// beforeCall lets a call of an operation suffer what is in force. An error is the call's answer; otherwise the call is to
// be carried out, under the fault returned.
func (i *faultInjector) beforeCall(ctx context.Context, closing <-chan struct{}, operation string) (APIFault, error) {
	f, changed := i.of(operation)
	if f.Delay > 0 && !waitFor(ctx, closing, time.After(time.Duration(f.Delay))) {
		return f, serverException("The endpoint is shutting down.")
	}
	for f.Hang {
		if !waitFor(ctx, closing, changed) {
			return f, serverException("The endpoint is shutting down.")
		}
		f, changed = i.of(operation)
	}
	switch {
	case f.Error != "":
		return f, fault(f.Error, "%s", valueOr(f.Message, "Injected fault"))
	case i.exceeds(operation):
		return f, fault("ThrottlingException", "Rate exceeded")
	case f.Denied:
		return f, fault("AccessDeniedException", "User is not authorized to perform: ecs:%s (injected fault)", operation)
	case i.roll(f.ThrottleRate):
		return f, fault("ThrottlingException", "Rate exceeded")
	case i.roll(f.FailureRate):
		return f, serverException("Injected fault")
	}
	return f, nil
}

// waitFor waits for an event; false when the client left or the endpoint closes first.
func waitFor[T any](ctx context.Context, closing <-chan struct{}, event <-chan T) bool {
	select {
	case <-event:
		return true
	case <-ctx.Done():
		return false
	case <-closing:
		return false
	}
}
