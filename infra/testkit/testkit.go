// Package testkit is what tests of several packages wait with.
package testkit

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what should come at once; the machine may be busy.
const Patience = 20 * time.Second

// Eventually polls until something is so, and fails the test when it takes longer than Patience.
func Eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	Within(t, Patience, what, so)
}

// Within is Eventually with a limit of its own.
func Within(t testing.TB, limit time.Duration, what string, so func() bool) {
	t.Helper()
	poll(t, limit, so, func() string { return what })
}

// Explained is Eventually for what only the last look can explain: otherwise says how it was instead.
func Explained(t testing.TB, so func() bool, otherwise func() string) {
	t.Helper()
	poll(t, Patience, so, otherwise)
}

func poll(t testing.TB, limit time.Duration, so func() bool, otherwise func() string) {
	t.Helper()
	for deadline := time.Now().Add(limit); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, otherwise())
		}
	}
}

// Receive takes one value from a channel, or its closing, within Patience.
func Receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(Patience):
		t.Fatal("nothing came in time")
		panic("unreachable")
	}
}
