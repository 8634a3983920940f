// Package host is the actor of one container instance. Its states are in states.go.
//
// # Messages
//
// It takes these; who sends each, and what follows:
//
//   - HostMissing, from the pool: a sweep did not see the host; after two in a row HostChanged follows: it is lost.
//   - HostPlaced, from the pool: ECS has placed a task on the host, which it does on none that drains; HostChanged follows if it did.
//   - HostSeen, from the pool: what a sweep saw of the host; HostChanged follows if it drains, or does not any more.
package host
