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

// TestJanitorTellsWrongSettingsFromAFailure: of what it lacks each has a name, and the exit code is that of a wrong setting.
func TestJanitorTellsWrongSettingsFromAFailure(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	for _, f := range []flags{
		{Backend: "ecs", LogLevel: "info"},
		{Backend: "local", ECSCluster: "c", ECSTaskDefinition: "d", ECSContainerName: "bridge", LogLevel: "info"},
	} {
		if code := clean(&f); code != exitUsage {
			t.Errorf("%+v: exit code %d, want %d", f, code, exitUsage)
		}
	}
}
