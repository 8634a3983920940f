package main

import (
	"os"
	"strings"
	"testing"
)

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

// TestWhereToConnectIsSaidAtEachLevel: LOG_LEVEL is the log's, and whoever starts a gateway needs its address.
func TestWhereToConnectIsSaidAtEachLevel(t *testing.T) {
	for _, format := range []string{"console", formatJSON} {
		for _, level := range []string{"debug", "info", "warn", "error"} {
			const line = "clients connect to ws://127.0.0.1:1/ws"
			if got := onStderr(t, func() { say(&flags{LogFormat: format, LogLevel: level}, line) }); !strings.Contains(got, line) {
				t.Errorf("%s at %s: %q", format, level, got)
			}
		}
	}
}

// onStderr is what do writes to standard error.
func onStderr(t *testing.T, do func()) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	before := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = before }()
	do()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
