package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// given are the flags that somebody typed, and what they and the others are.
type given struct {
	command string
	set     map[string]bool
	value   map[string]any
}

func newGiven(parsed *kong.Context) given {
	command, _, _ := strings.Cut(parsed.Command(), " ")
	g := given{command: command, set: map[string]bool{}, value: map[string]any{}}
	for _, path := range parsed.Path {
		if path.Flag != nil {
			g.set[path.Flag.Name] = true
		}
	}
	for _, flag := range parsed.Flags() {
		g.value[flag.Name] = parsed.FlagValue(flag)
	}
	return g
}

// recorded reports whether the traffic is a file's.
func (g given) recorded() bool { return g.command == "replay" || g.set["arrivals"] }

// shape is the shape of made-up traffic.
func (g given) shape(shape string) bool { return !g.recorded() && g.value["traffic"] == shape }

// idleFlags are flags that play no part unless something else is so.
var idleFlags = []struct {
	flags string
	need  string
	part  func(given) bool
}{
	{"rate traffic from peak peak-at peak-length burst-on burst-off", "no --arrivals", func(g given) bool { return !g.recorded() }},
	{"column time-unit every time-scale session-column session-unit", "--arrivals", given.recorded},
	{"from", "--traffic diurnal", func(g given) bool { return g.shape("diurnal") }},
	{"peak peak-at peak-length", "--traffic flash", func(g given) bool { return g.shape("flash") }},
	{"burst-on burst-off", "--traffic bursts", func(g given) bool { return g.shape("bursts") }},
	{"session", "no --session-column", func(g given) bool { return !g.set["session-column"] }},
	{"session-unit", "--session-column", func(g given) bool { return g.set["session-column"] }},
	{"shadow-min shadow-max", "--shadow", func(g given) bool { return g.set["shadow"] }},
	{"shadow-slo", "--shadow slo", func(g given) bool { return g.value["shadow"] == "slo" }},
	{"shadow-schedule", "--shadow schedule", func(g given) bool { return g.value["shadow"] == "schedule" }},
	{"pool-min pool-max pool-schedule pool-slo pool-trace replenish-threshold ready-ttl", "a pool: no --no-warm-pool", func(g given) bool {
		warm, is := g.value["warm-pool"].(bool)
		return !is || warm || !g.set["warm-pool"]
	}},
	{"pool-min pool-schedule pool-slo pool-trace replenish-threshold warm-pool", "the strategy phase2, fixed, schedule or slo", func(g given) bool {
		return g.command != "compare" || g.playsPool(false)
	}},
	{"pool-max ready-ttl", "a strategy with a pool", func(g given) bool { return g.command != "compare" || g.playsPool(true) }},
	{"pool-slo", "no --pool-schedule, but in compare", func(g given) bool { return g.command == "compare" || !g.set["pool-schedule"] }},
	{"pool-trace", "--pool-slo, --shadow slo or the strategy slo", func(g given) bool {
		return g.set["pool-slo"] || g.value["shadow"] == "slo" || g.plays("slo")
	}},
	{"target-capacity instance-warmup", "--hosts", func(g given) bool {
		return g.set["hosts"] || g.set["hosts-max"] || g.set["host-counts"] || g.set["size-hosts"]
	}},
	{"warm-state wake-time", "--warm-hosts", func(g given) bool { return g.set["warm-hosts"] || g.set["size-hosts"] || g.command == "" }},
}

// plays reports whether a comparison has a strategy.
func (g given) plays(name string) bool {
	strategies, _ := g.value["strategies"].([]string)
	return slices.Contains(strategies, name)
}

// playsPool reports whether a comparison has a strategy with the pool that the flags describe, or any pool.
func (g given) playsPool(any bool) bool {
	strategies, _ := g.value["strategies"].([]string)
	return len(strategies) == 0 || slices.ContainsFunc(strategies, func(s string) bool {
		return slices.Contains([]string{"phase2", "fixed", "schedule", "slo", "oracle"}, s) || any && strings.HasPrefix(s, "pool:")
	})
}

// refuseIdle refuses flags that would play no part in what was asked: whoever typed them thinks that they do.
func refuseIdle(parsed *kong.Context) error {
	g := newGiven(parsed)
	if selected := parsed.Selected(); selected != nil {
		for _, argument := range selected.Positional {
			g.value[argument.Name] = argument.Target.Interface()
		}
	}
	for _, idle := range idleFlags {
		for _, flag := range strings.Fields(idle.flags) {
			if g.set[flag] && !idle.part(g) {
				return fmt.Errorf("--%s plays no part here: it needs %s", flag, idle.need)
			}
		}
	}
	if g.command == "run" && g.set["cold"] && fmt.Sprint(g.value["cold"]) == "-" && fmt.Sprint(g.value["trace"]) == "-" {
		return errors.New("--trace - and --cold -: standard output takes one of them")
	}
	return nil
}
