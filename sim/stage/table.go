package stage

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"hearth/actors"
	"hearth/messages"
)

// rewrite writes down anew what actors do: go test ./actors/task ./actors/session ./actors/host -rewrite
var rewrite = flag.Bool("rewrite", false, "write testdata/states.txt anew")

// Input is something that may happen to an actor.
type Input struct {
	Name string
	// Give has it happen. It reports whether it can: a timer that is not set does not ring.
	Give func(*Stage) bool
}

// Tell is a message that comes.
func Tell(name string, message any) Input {
	return Input{Name: name, Give: func(s *Stage) bool {
		s.Tell(message)
		return true
	}}
}

// Ring is a timer that rings.
func Ring(timer messages.Timer) Input {
	return Input{Name: string(timer) + " rings", Give: func(s *Stage) bool { return s.Ring(timer) }}
}

// Scene is how an actor comes into a state: how it begins, and what happens to it then, by the inputs' names.
type Scene[S ~string] struct {
	State S
	Spawn Spawn
	Path  []string
}

// Play is what may happen to an actor, and where.
type Play[S ~string] struct {
	// Name is the actor's among the pool's children.
	Name   string
	Scenes []Scene[S]
	Inputs []Input
	// State is where the actor stands.
	State func(*Stage) S
}

// Check has every input happen in the state that each scene leads to. It fails the test unless what comes of it is written down in
// testdata/states.txt, and every way in the actor's table is gone.
func (p *Play[S]) Check(t *testing.T, transitions *actors.Transitions[S]) {
	t.Helper()
	gone := map[[2]S]bool{}
	var b strings.Builder
	for _, scene := range p.Scenes {
		title := strings.TrimSuffix(string(scene.State)+", after "+strings.Join(scene.Path, "; "), ", after ")
		b.WriteString(title + "\n")
		for _, input := range p.Inputs {
			s := p.Enter(t, scene, gone)
			if !input.Give(s) {
				continue
			}
			before, after := scene.State, p.State(s)
			gone[[2]S{before, after}] = true
			arrow := ""
			if after != before {
				arrow = "-> " + string(after)
			}
			line := fmt.Sprintf("    %-28s %-22s %s", input.Name, arrow, s.Said())
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	writtenDown(t, "testdata/states.txt", b.String())
	for _, each := range transitions.All() {
		if !gone[[2]S{each.From, each.To}] {
			t.Errorf("nothing here leads from %q to %q", each.From, each.To)
		}
	}
}

// Enter is a stage on which the actor has come into a scene's state. The ways that it went are added to gone.
func (p *Play[S]) Enter(t *testing.T, scene Scene[S], gone map[[2]S]bool) *Stage {
	t.Helper()
	s := Begin(p.Name, scene.Spawn)
	gone[[2]S{"", p.State(s)}] = true
	for _, step := range scene.Path {
		before := p.State(s)
		if !p.input(t, step).Give(s) {
			t.Fatalf("%s: %s cannot happen in state %s", scene.State, step, before)
		}
		gone[[2]S{before, p.State(s)}] = true
	}
	if is := p.State(s); is != scene.State {
		t.Fatalf("the way to %s leads to %s", scene.State, is)
	}
	s.Said()
	return s
}

func (p *Play[S]) input(t *testing.T, name string) Input {
	t.Helper()
	for _, input := range p.Inputs {
		if input.Name == name {
			return input
		}
	}
	t.Fatalf("there is no input %q", name)
	return Input{}
}

// writtenDown fails the test unless the file is what it should be, or makes it so.
func writtenDown(t *testing.T, path, want string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(string(text), "\n"), strings.Split(want, "\n")
	for i, line := range wanted {
		if i >= len(got) || got[i] != line {
			t.Fatalf("%s is not what the actor does, from line %d on: %q; run this test with -rewrite and look at the difference", path, i+1, line)
		}
	}
	if len(got) != len(wanted) {
		t.Fatalf("%s has more lines than there are", path)
	}
}
