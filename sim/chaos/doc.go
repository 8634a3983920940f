// Package chaos plays storms against the gateway's actors and looks for broken promises.
//
// A storm is everything that can go wrong, in an order that a seed decides: clients arrive in bursts, drop and return,
// tasks die or are stopped, sockets drop half-open, frames come late or twice, calls to ECS fail or are carried out without
// an answer, operators change the pool's size, actors crash, the gateway is killed, or replaced by another that
// takes over from it. Its parameters are drawn as well (swarm), so that each seed is a different kind of bad day.
//
// An oracle watches from outside of the actors. It sees what they did, at their ports and in the facts that they
// report, keeps books of its own, and compares. First comes a phase with faults, in which nothing unsafe may happen.
// Then the faults stop, and everything must come right within a bound: the pool at its target, every client served or
// told why not, every line delivered, every task known or stopped, every byte credited.
//
// Same seed, same storm: a failure names the seed, and the seed tells the story (Options.Story).
package chaos
