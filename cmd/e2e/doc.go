// Package e2e holds the end-to-end tests: real sockets, the real AWS SDK, real tasks, bridges and agents. It has no code.
//
// A site is a gateway in the test's own process, so that the race detector sees it, whose tasks are real processes. Where
// the process itself matters (signals, exit codes, what is left behind) the gateway is a real one, too. Every test has a
// directory of its own, which is in the command line or the environment of each process that it starts: what is still
// there in the end is found by that, never by a name.
package e2e
