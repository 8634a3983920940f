package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShadowFlags: a shadow's figures stand beside the run's, and flags that play no part without one, or a group of hosts, are refused.
func TestShadowFlags(t *testing.T) {
	text := ok(t, "run", "--rate", "20/m", "--duration", "1h", "--pool-min", "2", "--shadow", "fixed", "--shadow-min", "8", "--format", "json")
	var result struct {
		Requests, Hits int
		Shadow         struct {
			Policy         string
			Requests, Hits int
		}
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	if s := result.Shadow; s.Policy != "fixed" || s.Requests != result.Requests || s.Hits <= result.Hits {
		t.Errorf("%+v", result)
	}
	for _, args := range []string{
		"run --shadow-min 2", "run --shadow schedule", "run --shadow fixed --shadow-slo 99%", "run --shadow fixed --shadow-min 12",
		"run --target-capacity 90", "run --host-slots 4 --hosts 2 --target-capacity 0",
		"size --slo 0.99 --size-hosts", "size --slo 0.99 --host-slots 4 --size-hosts --warm-hosts 2",
	} {
		if _, _, code := sim(strings.Fields(args)...); code != exitUsage {
			t.Errorf("%s: exits with %d", args, code)
		}
	}
}

// TestPolicies: policies stand side by side with an oracle, on arrivals that were made up and taught beforehand.
func TestPolicies(t *testing.T) {
	before := filepath.Join(t.TempDir(), "before.csv")
	arrivals := ok(t, "arrivals", "--rate", "20/m", "--duration", "3h", "--seed", "3")
	if lines := strings.Count(arrivals, "\n"); !strings.HasPrefix(arrivals, "time\n2025-01-06T00:00:0") || lines < 3300 || lines > 3900 {
		t.Fatalf("%d lines: %.80q", lines, arrivals)
	}
	if err := os.WriteFile(before, []byte(arrivals), 0o600); err != nil {
		t.Fatal(err)
	}
	text := ok(t, "compare", "pool:8,inf", "slo", "oracle", "--pool-min", "0", "--pool-max", "inf", "--pool-slo", "99%", "--pool-trace", before,
		"--rate", "20/m", "--duration", "3h", "--seeds", "2", "--format", "json", "--plot", filepath.Join(t.TempDir(), "policies.png"))
	var result struct {
		Outcomes []struct {
			Name                           string
			HitRate                        float64
			MonthlyIdleCost, MonthlyRegret float64
			Config                         struct {
				Policy string
				SLO    float64
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	fixed, slo, oracle := result.Outcomes[0], result.Outcomes[1], result.Outcomes[2]
	if slo.Config.Policy != "slo" || slo.Config.SLO != 0.99 || slo.HitRate < 0.98 || slo.MonthlyIdleCost >= fixed.MonthlyIdleCost ||
		fixed.Config.Policy != "fixed" || oracle.HitRate != 1 || oracle.MonthlyRegret != 0 ||
		oracle.MonthlyIdleCost >= slo.MonthlyIdleCost || slo.MonthlyRegret >= fixed.MonthlyRegret {
		t.Errorf("%+v", result.Outcomes)
	}
	for _, args := range []string{
		"run --pool-trace " + before, "run --pool-slo 0.99 --pool-schedule " + before, "run --pool-slo 1.5", "compare oracle --start-failures 0.1",
		"compare pool:3 --pool-slo 0.9", "run --pool-slo 0.9 --pool-trace " + before + ".gone", "arrivals --rate 0/m", "compare fixed --pool-trace " + before,
	} {
		if _, _, code := sim(strings.Fields(args)...); code != exitUsage {
			t.Errorf("%s: exits with %d", args, code)
		}
	}
}
