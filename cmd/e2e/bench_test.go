package e2e

import (
	"slices"
	"testing"
	"time"

	"hearth/messages/wire"
)

// BenchmarkWarmConnectToReady is what a user waits for who finds a ready task: real processes on both sides of real
// sockets, one user at a time. Each phase is reported in milliseconds, as its median and its 99th percentile:
//
//	handshake                 TCP and the upgrade, until hello is written
//	claim                     until a task is the session's own
//	workspace, token, agent   in the task; agent is the start of the agent's process
//	init                      from init_user to the task's ready, less those three: the bridge's socket, there and back
//	rest                      what is left of the time between hello and ready
//	own                       everything but agent. The goal is a median under 15 ms.
//
// What gateway and bridge measure comes in whole milliseconds, cut off.
func BenchmarkWarmConnectToReady(b *testing.B) {
	g := startGateway(b, sharedDir(b), "LOG_LEVEL=warn", "LOCAL_BRIDGE="+program("bridge"), "AGENT_COMMAND=cat")
	phases := map[string][]float64{}
	for b.Loop() {
		g.awaitReady(3)
		g.measure(b, phases)
	}
	b.ReportMetric(0, "ns/op") // most of it is the wait for a full pool
	for phase, took := range phases {
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2], phase+"-p50-ms")
		b.ReportMetric(took[len(took)*99/100], phase+"-p99-ms")
	}
}

// measure begins one session, notes how long its phases took, and ends it.
func (g realGateway) measure(b *testing.B, phases map[string][]float64) {
	b.Helper()
	began := time.Now()
	w, status := openWire(b, g.ws+"/ws?user=ann", nil)
	if w == nil {
		b.Fatalf("HTTP %d", status)
	}
	w.says(wire.Hello{})
	greeted := time.Now()
	ready := hears(w, "ready", func(wire.Ready) bool { return true })
	if ready.Path != wire.PathWarm {
		b.Fatalf("%+v", ready)
	}
	over := heardAt[wire.Ready](w)
	w.says(wire.Close{})
	w.bye(wire.ByeClosed)
	w.closed(wire.CloseNormal)

	t, waited := ready.Timings, over.Sub(greeted).Seconds()*1000
	handshake := greeted.Sub(began).Seconds() * 1000
	for phase, took := range map[string]float64{
		"handshake": handshake, "claim": float64(t.ClaimMs), "workspace": float64(t.WorkspaceMs), "token": float64(t.TokenMs),
		"agent": float64(t.AgentMs), "init": float64(t.InitMs - t.WorkspaceMs - t.TokenMs - t.AgentMs),
		"rest": waited - float64(t.ClaimMs+t.InitMs), "own": handshake + waited - float64(t.AgentMs),
		"total": handshake + waited,
	} {
		phases[phase] = append(phases[phase], took)
	}
}
