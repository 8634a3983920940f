package main

import (
	"testing"

	"github.com/alecthomas/kong"

	"hearth/actors"
	"hearth/infra/api"
)

// TestEffectiveSettings: each says its value and where it is from, and a secret only whether it is set.
func TestEffectiveSettings(t *testing.T) {
	t.Setenv("LOG_LEVEL", "debug")
	t.Setenv("WARM_POOL_MIN_SIZE", "7")
	t.Setenv("ECS_TAGS", "b=2,a=1")
	t.Setenv("WARM_POOL_SCHEDULE", `[{"timezone":"UTC","startCron":"0 8 * * *","duration":"1h","bufferSize":4}]`)
	t.Setenv("JWT_SECRET", "not to be shown")
	var f flags
	parser := kong.Must(&f, kong.Name("gateway"), kong.Vars(actors.Defaults()), kong.Vars{"version": "1.2.3"})
	parsed, err := parser.Parse([]string{"--warm-pool-min-size=5", "--allowed-origins=https://a,https://b", "--no-use-shared-ap"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]api.Setting{}
	for _, setting := range effective(parsed) {
		got[setting.Name] = setting
	}
	for name, want := range map[string][2]string{ // the value, and its origin
		"LOG_LEVEL":          {"debug", "environment"},
		"LOG_FORMAT":         {"console", "default"},
		"WARM_POOL_MIN_SIZE": {"5", "flag"},
		"ALLOWED_ORIGINS":    {"https://a,https://b", "flag"},
		"USE_SHARED_AP":      {"false", "flag"},
		"ECS_TAGS":           {"a=1,b=2", "environment"},
		"DRAIN_TIMEOUT":      {"25s", "default"},
		"WARM_POOL_SCHEDULE": {`[{"timezone":"UTC","startCron":"0 8 * * *","duration":"1h","bufferSize":4}]`, "environment"},
		"JWT_SECRET":         {masked, "environment"},
		"OPERATOR_TOKEN":     {"", "default"},

		"WARM_POOL_REPLENISH_THRESHOLD": {"", "default"},
	} {
		if s := got[name]; s.Value != want[0] || s.Origin != want[1] {
			t.Errorf("%s: %+v, want %q", name, s, want)
		}
	}
	if len(got) < 60 {
		t.Errorf("only %d settings", len(got))
	}
}
