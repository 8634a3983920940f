package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"hearth/actors"
)

// settingsOf is what arguments come to, with their checks.
func settingsOf(t *testing.T, args string) (actors.Settings, error) {
	t.Helper()
	var f flags
	parser := kong.Must(&f, kong.Name("gateway"), kong.Vars(actors.Defaults()), kong.Vars{"version": "1.2.3"})
	if _, err := parser.Parse(strings.Fields(args)); err != nil {
		t.Fatal(err)
	}
	f.WorkspaceRoot = "/workspaces"
	s := f.settings()
	return s, s.Validate()
}

// TestShadowSettings: a shadow has the pool's bounds and the distance of its threshold where it has none of its own, and what plays no
// part is refused by the name of its variable.
func TestShadowSettings(t *testing.T) {
	s, err := settingsOf(t, "--warm-pool-min-size=6 --warm-pool-max-size=9 --warm-pool-replenish-threshold=3 --warm-pool-shadow=slo --warm-pool-shadow-min-size=2 --warm-pool-shadow-slo=99%")
	if err != nil || s.Forecast != nil {
		t.Fatalf("%v, or the pool itself follows the demand", err)
	}
	if z := s.Shadow; z.Min != 2 || z.Max != 9 || z.Threshold != 0 || z.Policy != actors.PolicySLO || z.Forecast == nil {
		t.Errorf("%+v", z)
	}
	s, err = settingsOf(t, "--warm-pool-policy=slo --warm-pool-max-size=20 --warm-pool-shadow=fixed --warm-pool-shadow-min-size=8")
	if err != nil || s.Forecast == nil || s.Shadow.Forecast != nil || s.Shadow.Threshold != 7 || s.Shadow.Max != 20 {
		t.Errorf("%v, %+v", err, s.Shadow)
	}
	if s, err = settingsOf(t, "--warm-pool-slo=99%"); err == nil || s.Shadow != nil {
		t.Errorf("%v, %+v", err, s.Shadow)
	}
	for args, says := range map[string]string{
		"--warm-pool-shadow-min-size=4":                                           `WARM_POOL_SHADOW "" is none of fixed, schedule and slo`,
		"--warm-pool-shadow=schedule":                                             "WARM_POOL_SHADOW schedule needs a WARM_POOL_SHADOW_SCHEDULE",
		"--warm-pool-shadow=fixed --warm-pool-shadow-slo=99%":                     "WARM_POOL_SHADOW_SLO plays no part with WARM_POOL_SHADOW fixed",
		"--warm-pool-shadow=fixed --warm-pool-shadow-min-size=30":                 "WARM_POOL_SHADOW_MIN_SIZE 30 is over WARM_POOL_SHADOW_MAX_SIZE 10",
		"--warm-pool-shadow=fixed --warm-pool-slo=99%":                            "WARM_POOL_SLO and WARM_POOL_TRACE play no part with WARM_POOL_POLICY fixed",
		"--warm-pool-shadow=slo --warm-pool-shadow-max-size=0 --no-use-shared-ap": "WARM_POOL_SHADOW_MAX_SIZE 0 must be at least 1",
	} {
		if _, err := settingsOf(t, args); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
