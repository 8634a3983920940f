package chaos

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/sim/model"
)

var (
	first   = flag.Uint64("chaos.first", 1, "the first seed")
	seeds   = flag.Uint64("chaos.seeds", 200, "how many seeds")
	explain = flag.Uint64("chaos.explain", 0, "tell the story of this seed instead")
)

// enough is how many storms may break something before the hunt stops: the next ones would say the same.
const enough = 5

func TestStorms(t *testing.T) {
	if *explain > 0 {
		story, r := Explain(*explain, Options{})
		t.Logf("%s%s", story, r.String())
		return
	}
	failed := 0
	for seed := *first; seed < *first+*seeds && failed < enough; seed++ {
		if r := Run(seed, Options{}); !r.Clean() {
			t.Error(r.String())
			failed++
		}
	}
}

// found are seeds of storms that broke something once, in the order in which they did. What they draw has changed since, but
// they stay worth playing; the stories in sim/scenario tell what each had found.
var found = []uint64{
	2, 14, 618, // an ARN that was never learnt; a start that was given up; outputs taken for holes for ever
	158, 233, 255, 497, // adoption: a place not filled, an init that fails
	1791, 2148, // a host's first word after its loss
	4816,           // a gap over outputs that were sent
	926, 2421, 359, // a token, a loss and a replay that nobody was told of
	6606, 7374, // a deploy: an output told twice, a task claimed that was leaving
	7676,           // a client turned away by a gateway that is full for longer than lines are waited for
	8212, 68, 5291, // a client sent away as soon as it was ready, or told ready and never served
	858, 55, 13, // a captured bridge that was given another user
	3389,                // a task for a user whose claims were just being put off
	69674, 75069, 87955, // a drain taken back: tasks that were adopted and never heard
	77023, 102743, // a task that another gateway serves, stopped because its actor crashed as it left
	34032, 49375, // a start that is answered after its task has left and come back
	876, 1342, 2015, // an acknowledgement that came with an input and was not passed on
}

func TestStormsThatFoundSomething(t *testing.T) {
	for _, seed := range found {
		if r := Run(seed, Options{}); !r.Clean() {
			t.Error(r.String())
		}
	}
}

func TestTheSameSeedIsTheSameStorm(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		once, again := Run(seed, Options{}), Run(seed, Options{})
		if once.Digest != again.Digest || once.Parameters != again.Parameters {
			t.Errorf("seed %d: %s and %s", seed, once.Digest, again.Digest)
		}
		if other := Run(seed+1, Options{}); other.Digest == once.Digest {
			t.Errorf("seeds %d and %d are the same storm", seed, seed+1)
		}
	}
}

// A storm that does not do what it is for proves nothing by being clean.
func TestStormsAreStorms(t *testing.T) {
	var clients, bridges model.Faults
	kills, deploys, captures, cuts, delays, agents := 0, 0, 0, 0, 0, 0
	for seed := uint64(1); seed <= 200; seed++ {
		r := Run(seed, Options{})
		clients.Add(r.ClientFaults)
		bridges.Add(r.BridgeFaults)
		kills += r.Kills
		captures += r.Captures
		cuts += r.Cuts
		deploys += r.Deploys
		delays += r.Delays
		agents += r.AgentsFail
	}
	t.Logf("clients' sockets: %+v; bridges' sockets: %+v; gateways killed: %d, replaced: %d; bridges captured: %d, cut off: %d; claims put off: %d, agents that failed for everybody: %d",
		clients, bridges, kills, deploys, captures, cuts, delays, agents)
	for _, count := range []int{
		clients.Vanished, clients.Twice, clients.Late, bridges.Vanished, bridges.Twice, bridges.Late, kills, deploys, captures, cuts, delays, agents,
	} {
		if count < 10 {
			t.Error("something hardly ever happens")
		}
	}
}

func TestTellingAStoryChangesNothing(t *testing.T) {
	story, told := Explain(3, Options{})
	if untold := Run(3, Options{}); told.Digest != untold.Digest {
		t.Error("a storm that is told is another one")
	}
	for _, line := range []string{"starting", "arrives", "is told", "the storm is over", "drained"} {
		if !strings.Contains(story, line) {
			t.Errorf("the story has no %q", line)
		}
	}
}

func TestAFailureSaysHowToSeeItAgain(t *testing.T) {
	options := Options{Break: launching(func(*launcherMutant, *actor.PID, messages.RunTask) {})}
	failed := Run(1, options)
	if failed.Clean() {
		t.Fatal("a pool that starts nothing is clean")
	}
	short := Shorten(failed, options)
	if short.Clean() || short.Steps >= failed.Steps {
		t.Errorf("%d steps were shortened to %d: %s", failed.Steps, short.Steps, short.String())
	}
	if want := fmt.Sprintf("sim explain --seed 1 --steps %d", short.Steps); !strings.Contains(short.String(), want) {
		t.Errorf("%q is not in %s", want, short.String())
	}
}
