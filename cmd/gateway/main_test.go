package main

import "testing"

// TestUnknownIsolationIsRefusedAtOnce: what only the bridges read is checked before there is any.
func TestUnknownIsolationIsRefusedAtOnce(t *testing.T) {
	for _, levels := range []string{"foo", "chroot"} {
		if code := run(&flags{Isolation: levels, LogLevel: "info"}, nil); code != exitUsage {
			t.Errorf("ISOLATION=%s: exit code %d, want %d", levels, code, exitUsage)
		}
	}
}
