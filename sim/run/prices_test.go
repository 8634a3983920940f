package run

import (
	"strings"
	"testing"
)

// TestPriceLists: each list that comes along is whole, dated, and says where from.
func TestPriceLists(t *testing.T) {
	entries, err := lists.ReadDir("prices")
	if err != nil || len(entries) < 4 {
		t.Fatalf("%d lists, %v", len(entries), err)
	}
	for _, entry := range entries {
		p, err := LoadPrices(strings.TrimSuffix(entry.Name(), ".json"))
		if err != nil || p.Date == "" || p.Source == "" || p.Name+".json" != entry.Name() || p.HostHour+p.TaskHour == 0 {
			t.Errorf("%s: %+v, %v", entry.Name(), p, err)
		}
	}
}
