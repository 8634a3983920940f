package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestAlertRules has Prometheus's own tool check the alerts, and play the ordinary and the bad days beside them.
func TestAlertRules(t *testing.T) {
	promtool, ok := debian(t, "promtool", "prometheus")
	if !ok {
		return
	}
	directory := filepath.Join(infra, "prometheus")
	run(t, directory, nil, promtool, "check", "rules", "--lint-fatal", "alerts.yml")
	run(t, directory, nil, promtool, "test", "rules", "alerts_test.yml")
}

// TestDashboardLayout: Grafana shows panels that overlap or lack a title, too, and nobody sees what is below.
func TestDashboardLayout(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(infra, "grafana", "hearth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		UID, Title string
		Panels     []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.UID == "" || dashboard.Title == "" || len(dashboard.Panels) < 20 {
		t.Fatalf("the dashboard is %+v", dashboard)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, panel := range dashboard.Panels {
		if panel.Title == "" || panel.Type == "" || ids[panel.ID] || panel.GridPos.X+panel.GridPos.W > 24 || panel.GridPos.H == 0 {
			t.Errorf("panel %+v", panel)
		}
		ids[panel.ID] = true
		for x := range panel.GridPos.W {
			for y := range panel.GridPos.H {
				cell := [2]int{panel.GridPos.X + x, panel.GridPos.Y + y}
				if other := taken[cell]; other != "" {
					t.Fatalf("%q is drawn over %q", panel.Title, other)
				}
				taken[cell] = panel.Title
			}
		}
	}
}
