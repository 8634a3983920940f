package document

import (
	"fmt"
	"slices"
	"strings"

	"hearth/actors"
)

// States words an actor's states: a diagram of those that are told, and a table of all. told is the state as it is told outside,
// and meanings what each state is, by its value.
func States[S, T ~string](transitions *actors.Transitions[S], told func(S) T, meanings map[string]string) string {
	return diagram(transitions, told) + "\n" + table(transitions, told, meanings)
}

// diagram is drawn by whatever shows the document. States that are told alike are one in it.
func diagram[S, T ~string](transitions *actors.Transitions[S], told func(S) T) string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    direction LR\n")
	drawn := map[string]bool{}
	for _, each := range transitions.All() {
		from, to := string(told(each.From)), string(told(each.To))
		if each.From == "" {
			from = "[*]"
		}
		line := fmt.Sprintf("    %s --> %s\n", from, to)
		if from != to && !drawn[line] {
			drawn[line] = true
			b.WriteString(line)
		}
	}
	b.WriteString("```\n")
	return b.String()
}

func table[S, T ~string](transitions *actors.Transitions[S], told func(S) T, meanings map[string]string) string {
	var begins, ends []S // in the order in which they are first told of
	ways := map[S][]string{}
	for _, each := range transitions.All() {
		if !slices.Contains(begins, each.From) {
			begins = append(begins, each.From)
		}
		if !slices.Contains(ends, each.To) {
			ends = append(ends, each.To)
		}
		ways[each.From] = append(ways[each.From], fmt.Sprintf("**%s** when %s", each.To, each.When))
	}
	ends = slices.DeleteFunc(ends, func(state S) bool { return slices.Contains(begins, state) })
	var b strings.Builder
	b.WriteString("| state | told as | what it is | leads to |\n|---|---|---|---|\n")
	for _, state := range append(begins, ends...) {
		name, meaning := string(state), meanings[string(state)]
		if state == "" {
			name, meaning = "*(begin)*", "The actor was spawned."
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, told(state), meaning, strings.Join(ways[state], "<br>"))
	}
	return b.String()
}
