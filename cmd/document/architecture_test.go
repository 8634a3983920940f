package document

import (
	"flag"
	"maps"
	"slices"
	"testing"

	"hearth/actors"
	"hearth/actors/host"
	"hearth/actors/session"
	"hearth/actors/task"
	"hearth/messages"
)

// rewrite regenerates the document: go test ./cmd/document -run Architecture -rewrite
var rewrite = flag.Bool("rewrite", false, "write the states in docs/architecture.md anew")

// TestArchitectureDocument holds the states in docs/architecture.md to the actors' tables.
func TestArchitectureDocument(t *testing.T) {
	tasks := Meanings(t, "../../actors/task/states.go", "State")
	sessions := Meanings(t, "../../actors/session/states.go", "State")
	hosts := Meanings(t, "../../messages/host.go", "HostState")
	allStatesAreInTheTable(t, "a task", task.Transitions, tasks)
	allStatesAreInTheTable(t, "a session", session.Transitions, sessions)
	allStatesAreInTheTable(t, "a host", host.Transitions, hosts)

	const path = "../../docs/architecture.md"
	Section(t, path, "task", States(task.Transitions, task.State.Reported, tasks), *rewrite)
	Section(t, path, "session", States(session.Transitions, session.State.Reported, sessions), *rewrite)
	asItIs := func(s messages.HostState) messages.HostState { return s }
	Section(t, path, "host", States(host.Transitions, asItIs, hosts), *rewrite)
}

// allStatesAreInTheTable fails the test for a state that is declared and that no way leads to, and for the other way round.
func allStatesAreInTheTable[S ~string](t *testing.T, whose string, transitions *actors.Transitions[S], declared map[string]string) {
	t.Helper()
	reached := map[string]string{}
	for _, each := range transitions.All() {
		reached[string(each.To)] = each.When
	}
	for _, state := range slices.Sorted(maps.Keys(declared)) {
		if reached[state] == "" {
			t.Errorf("no way leads to %s's state %q", whose, state)
		}
	}
	for _, state := range slices.Sorted(maps.Keys(reached)) {
		if declared[state] == "" {
			t.Errorf("the state %q of %s is not declared with a comment", state, whose)
		}
	}
}
