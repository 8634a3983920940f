package localecs

import (
	"cmp"
	"slices"
)

const zoneAttribute = "ecs.availability-zone"

// strategy is one placement strategy of a RunTask call. Several are applied in turn: a later one decides between
// instances that are equal to those before it.
type strategy struct {
	Type  string `json:"type"`
	Field string `json:"field"`
}

const maxStrategies = 5

// binpackMemory is what a call gets that asks for no strategy: it keeps whole instances free, which is what a pool wants
// that pays by the instance.
var binpackMemory = []strategy{{Type: "binpack", Field: "memory"}}

func checkStrategies(strategies []strategy) *apiError {
	if len(strategies) > maxStrategies {
		return invalidParameter("There can be at most %d placement strategies.", maxStrategies)
	}
	for _, st := range strategies {
		switch {
		case st.Type == "random" && st.Field == "":
		case st.Type == "binpack" && (st.Field == "cpu" || st.Field == "memory"):
		case st.Type == "spread" && (st.Field == "instanceId" || st.Field == "host" || st.Field == "attribute:"+zoneAttribute):
		default:
			return invalidParameter("Invalid placement strategy: %s %q.", st.Type, st.Field)
		}
	}
	return nil
}

// shuffler is rand.Shuffle of the one seeded source.
type shuffler func(n int, swap func(i, j int))

// place chooses an instance for a task of that need and group: nil if none will do, and then why, instance by instance.
func place(instances []*instance, need resources, group string, strategies []strategy, shuffle shuffler) (*instance, []failure) {
	var fit []*instance
	var failures []failure
	for _, i := range instances {
		if reason := obstacle(i, need); reason != "" {
			failures = append(failures, failure{Arn: i.arn, Reason: reason})
		} else {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return nil, failures
	}
	if len(strategies) == 0 {
		strategies = binpackMemory
	}
	if slices.ContainsFunc(strategies, func(st strategy) bool { return st.Type == "random" }) {
		shuffle(len(fit), func(a, b int) { fit[a], fit[b] = fit[b], fit[a] })
	}
	return slices.MinFunc(fit, func(a, b *instance) int {
		for _, st := range strategies {
			if order := cmp.Compare(st.rank(a, group, instances), st.rank(b, group, instances)); order != 0 {
				return order
			}
		}
		return 0
	}), nil
}

// obstacle is why a task of that need cannot go on an active instance, in the words of ECS, or "".
func obstacle(i *instance, need resources) string {
	switch {
	case !i.connected:
		return "AGENT"
	case i.free.cpu < need.cpu:
		return "RESOURCE:CPU"
	case i.free.memory < need.memory:
		return "RESOURCE:MEMORY"
	}
	return ""
}

// rank is lower for the instance that the strategy prefers.
func (st strategy) rank(i *instance, group string, all []*instance) int {
	switch {
	case st.Type == "binpack" && st.Field == "cpu":
		return i.free.cpu
	case st.Type == "binpack":
		return i.free.memory
	case st.Type == "random":
		return 0 // the order was shuffled already
	}
	peers := 0 // spread: the fewest tasks of the same group, on the instance or in its zone
	for _, other := range all {
		if other == i || st.Field == "attribute:"+zoneAttribute && other.zone == i.zone {
			for _, t := range other.tasks {
				if t.view.Group == group {
					peers++
				}
			}
		}
	}
	return peers
}
