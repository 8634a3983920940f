package actors

import (
	"fmt"
	"slices"
)

// Transition is one way from one state of an actor to another.
type Transition[S ~string] struct {
	// From is empty where an actor's life begins.
	From, To S
	// When says in words what leads there. The documents have it.
	When string
}

// Transitions are all the ways between an actor's states. A way that is not among them is a mistake in the actor.
type Transitions[S ~string] struct {
	all []Transition[S]
	// allowed has, for each state, those to which a way leads.
	allowed map[S][]S
}

// NewTransitions makes the table of an actor's transitions. Each may be in it once.
func NewTransitions[S ~string](all []Transition[S]) *Transitions[S] {
	t := &Transitions[S]{all: all, allowed: map[S][]S{}}
	for _, each := range all {
		if slices.Contains(t.allowed[each.From], each.To) {
			panic(fmt.Sprintf("actors: %q to %q is in the table twice", each.From, each.To))
		}
		t.allowed[each.From] = append(t.allowed[each.From], each.To)
	}
	return t
}

// All are the transitions in the order in which they were given.
func (t *Transitions[S]) All() []Transition[S] { return t.all }

// Check panics unless an actor may go from one state to the other: it has crashed then, and is stopped.
func (t *Transitions[S]) Check(from, to S) {
	if !slices.Contains(t.allowed[from], to) {
		panic(fmt.Sprintf("actors: no way leads from state %q to %q", from, to))
	}
}
