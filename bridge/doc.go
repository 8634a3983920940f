// Package bridge is the container's side of Hearth: the command of every task. It dials the gateway, waits for its user,
// makes the workspace, writes the token file, starts the agent and relays lines both ways with end-to-end sequence
// numbers (docs/protocol.md, "Bridge to gateway" and "Agent").
//
// One goroutine, the loop in bridge.go, owns all state and never blocks. Sockets, the agent and timers have goroutines of
// their own and hand the loop closures. Two structures are shared between goroutines, each behind its own lock: the
// [outbox], which the agent fills and a socket's writer empties at its own pace, and the [inbox], which the loop fills and
// the agent's stdin empties. Neither is ever waited for by the loop, so a slow socket or an agent that does not read can
// hold up nothing but itself.
//
// The package is for Linux, as the containers are.
package bridge
