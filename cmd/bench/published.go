package main

import (
	"fmt"
	"strings"

	"hearth/cmd/bench/relays"
)

// published are figures of others for shapes that are measured here as well, each with its set-up.
var published = []struct {
	row string
	// of is what the case here has in its name.
	of     string
	who    string
	theirs string
	ours   string
}{
	{
		"claims", "300 at once on 300", "kubernetes-sigs/agent-sandbox, `claims-warm` of its stress test: claim to ready, of pods on a Kubernetes cluster",
		"p50 1,271 to 1,465, p90 about 3,200 ms", "connect to ready, loopback, tasks without containers",
	},
	{
		"claims", "45/s at random", "agent-sandbox: claim to ready at 45 claims a second, of pods on a Kubernetes cluster",
		"p50 92, p99 376 ms", "connect to ready, loopback, tasks without containers",
	},
	{
		"interactive", sequentially, "Daytona, first of ComputeSDK's board in April 2026: create to a command's output, over the internet, virtual machines",
		"p50 110, p95 280, p99 290 ms", "connect to a command's output, loopback, processes in namespaces, taken from a pool",
	},
	{
		"crowd", "100,000 users, 10 gateways: an account", "Northflank, ComputeSDK's invitational of June 2026: 100,000 sandboxes, real",
		"all live in 24 s; allocation p50 321, p99 566 ms", "simulated: the gateway's own actors, and an ECS that starts tasks as measured",
	},
}

// beside is a table of published figures and of ours, with both set-ups: how far apart those are is for the reader to see.
func (r *Results) beside() string {
	var b strings.Builder
	b.WriteString("| theirs | | ours | |\n|---|---|---|---|\n")
	for _, p := range published {
		for _, size := range r.cases(p.row) {
			if !strings.Contains(size, p.of) {
				continue
			}
			if ours := r.percentiles(p.row, size); ours != "" {
				fmt.Fprintf(&b, "| %s | %s | %s: %s | %s |\n", p.who, p.theirs, size, p.ours, ours)
			}
		}
	}
	return b.String()
}

// percentiles are those of a case of Hearth's, and the time until all were served.
func (r *Results) percentiles(row, size string) string {
	var parts []string
	for _, f := range r.of(row) {
		if f.Case != size || f.Subject == bareAgent {
			continue
		}
		switch {
		case f.Subject == relays.Hearth && (f.Metric == medianTime || f.Metric == "p90" || f.Metric == "p95" || f.Metric == p99Time):
			parts = append(parts, f.Metric+" "+number(f.Median))
		case strings.HasPrefix(f.Metric, "until all"):
			parts = append(parts, "all after "+number(f.Median))
		default:
			continue
		}
		parts[len(parts)-1] += " " + f.Unit
	}
	return strings.Join(parts, ", ")
}
