package chaos

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"hearth/sim/world"
)

// rapidDice draws every choice from rapid, which shrinks a storm that breaks something to the least that still does.
type rapidDice struct{ t *rapid.T }

func (d rapidDice) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "dice") }

// The same storms as a state machine: every parameter, every action and every pick of the schedule is rapid's. A failure is
// shrunk, and replayed by the flag that rapid prints.
func TestStormsShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDice{t}
		w := draw(rapid.Uint64().Draw(t, "seed"), d)
		w.options.Schedule = d.IntN
		w.options.Rethrow = world.FromTest
		var story bytes.Buffer
		s := newStorm(d, w, Options{Story: &story})
		defer s.model.Close()
		plays := map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if s.oracle.failed() {
					t.Fatalf("%s%v\nwith %s", story.String(), s.oracle.broken, s.weather.String())
				}
			},
		}
		for i, a := range actions {
			if w.weights[i] > 0 {
				plays[a.name] = func(*rapid.T) {
					a.play(s)
					s.pass()
					s.oracle.afterStep()
				}
			}
		}
		t.Repeat(plays)
		s.settle()
		if s.oracle.failed() {
			t.Fatalf("%s%v\nwith %s", story.String(), s.oracle.broken, s.weather.String())
		}
	})
}
