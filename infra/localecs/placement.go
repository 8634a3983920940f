package localecs

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
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

// placement is what a RunTask call says of where its tasks go.
type placement struct {
	group       string
	strategies  []strategy
	constraints []constraint
}

// place chooses an instance for a task; see place.
func (t *task) place(active []*instance, shuffle shuffler) (*instance, []failure) {
	var allowed []*instance
	var failures []failure
	for _, i := range active {
		if t.placement.allows(i) {
			allowed = append(allowed, i)
		} else {
			failures = append(failures, failure{Arn: i.arn, Reason: "MemberOf placement constraint unsatisfied."})
		}
	}
	on, obstacles := place(allowed, t.need, t.placement.group, t.placement.strategies, shuffle)
	return on, append(failures, obstacles...)
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

// constraint is one placement constraint of a RunTask call.
type constraint struct {
	Type       string `json:"type"`
	Expression string `json:"expression"`
}

const maxConstraints = 10

// memberOf is what is understood of the cluster query language: an attribute that is, or is not, one of some values.
var memberOf = regexp.MustCompile(`^\s*attribute:([A-Za-z0-9._/-]+)\s*(==|!=|in|!in|not_in|equals|not_equals)\s*\[?([^\[\]]+)\]?\s*$`)

func checkConstraints(constraints []constraint) *apiError {
	if len(constraints) > maxConstraints {
		return invalidParameter("There can be at most %d placement constraints.", maxConstraints)
	}
	for _, c := range constraints {
		switch {
		case c.Type == "distinctInstance" && c.Expression == "":
		case c.Type == "memberOf" && memberOf.MatchString(c.Expression):
		case c.Type == "memberOf":
			return invalidParameter("localecs understands attribute:NAME ==, !=, in or !in VALUES only, not %q.", c.Expression)
		default:
			return invalidParameter("Invalid placement constraint: %s %q.", c.Type, c.Expression)
		}
	}
	return nil
}

// allows reports whether an instance meets every constraint.
func (p placement) allows(i *instance) bool {
	return !slices.ContainsFunc(p.constraints, func(c constraint) bool { return !c.allows(i, p.group) })
}

func (c constraint) allows(i *instance, group string) bool {
	if c.Type == "distinctInstance" {
		return !slices.ContainsFunc(i.tasks, func(t *task) bool { return t.placement.group == group })
	}
	parts := memberOf.FindStringSubmatch(c.Expression)
	member := false
	for value := range strings.SplitSeq(parts[3], ",") {
		member = member || slices.Contains(i.attributes(), attribute{parts[1], strings.TrimSpace(value)})
	}
	negated := strings.HasPrefix(parts[2], "!") || strings.HasPrefix(parts[2], "not_")
	return member != negated
}
