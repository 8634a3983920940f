package chaos

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"hearth/sim/model"
)

// Options say how a storm is played. The zero Options are what CI plays.
type Options struct {
	// Steps is the number of things that happen; 0 draws it.
	Steps int
	// Story is told everything that happens, line by line. May be nil.
	Story io.Writer
	// Break changes the model before the storm begins: for faults that the hunt must find. May be nil.
	Break func(*model.Options)
}

// Result is what came of a storm.
type Result struct {
	Seed uint64
	// Steps is how many things were to happen.
	Steps int
	// Broken are the promises that were broken, the first first; none is the aim.
	Broken []string
	// Parameters are what the swarm drew, for people.
	Parameters string
	// Digest is a hash of the history.
	Digest string
	// Clients, Tasks and Events count what there was.
	Clients, Tasks, Events int
	// ClientFaults and BridgeFaults count what went wrong on the sockets, Kills and Deploys the gateways that were killed and
	// replaced.
	ClientFaults, BridgeFaults model.Faults
	Kills, Deploys             int
	// Cuts counts the tasks that nobody reached for a while, neither gateways nor ECS.
	Cuts int
	// Captures counts the bridges that their agents took over.
	Captures int
	// Delays counts the claims that were put off for their users' failures, AgentsFail how often agents failed for everybody.
	Delays, AgentsFail int
}

// Clean reports whether nothing was broken.
func (r *Result) Clean() bool { return len(r.Broken) == 0 }

// String says how it went, and for a storm that broke something how to see it again.
func (r *Result) String() string {
	if r.Clean() {
		return fmt.Sprintf("seed %d: clean, %d clients, %d tasks, %d facts", r.Seed, r.Clients, r.Tasks, r.Events)
	}
	return fmt.Sprintf("seed %d: %d broken\n  %s\n  with %s\n  see: sim explain --seed %d --steps %d",
		r.Seed, len(r.Broken), strings.Join(r.Broken, "\n  "), r.Parameters, r.Seed, r.Steps)
}

// Run plays the storm of a seed.
func Run(seed uint64, options Options) Result {
	dice := rand.New(rand.NewPCG(seed, 0x5bd1e995))
	weather := draw(seed, dice)
	if options.Steps > 0 {
		weather.steps = options.Steps
	}
	s := newStorm(dice, weather, options)
	defer s.model.Close()
	for range weather.steps {
		s.step()
		if s.oracle.failed() {
			break
		}
	}
	if !s.oracle.failed() {
		s.settle()
	}
	return s.result(seed)
}

// Shorten finds the shortest storm of a failed one's seed that breaks a promise too. It is the failed one itself when all
// of it is needed.
func Shorten(failed Result, options Options) Result {
	for options.Steps = 1; options.Steps < failed.Steps; options.Steps++ {
		if r := Run(failed.Seed, options); !r.Clean() {
			return r
		}
	}
	return failed
}

// Explain is the story of a seed's storm, and its result.
func Explain(seed uint64, options Options) (string, Result) {
	var story bytes.Buffer
	options.Story = &story
	result := Run(seed, options)
	return story.String(), result
}
