package actors

import "testing"

func TestTransitions(t *testing.T) {
	type state string
	table := NewTransitions([]Transition[state]{{From: "", To: "a"}, {From: "a", To: "b"}, {From: "b", To: "b"}})
	for _, c := range []struct {
		from, to state
		allowed  bool
	}{{"", "a", true}, {"a", "b", true}, {"b", "b", true}, {"a", "a", false}, {"b", "a", false}, {"", "b", false}, {"a", "c", false}} {
		if panics(func() { table.Check(c.from, c.to) }) == c.allowed {
			t.Errorf("from %q to %q: allowed is not %v", c.from, c.to, c.allowed)
		}
	}
	if !panics(func() { NewTransitions([]Transition[state]{{To: "a"}, {To: "a", When: "again"}}) }) {
		t.Error("a way is in the table twice")
	}
}

func panics(do func()) (did bool) {
	defer func() { did = recover() != nil }()
	do()
	return false
}
