package chaos

import (
	"flag"
	"testing"
)

var (
	first   = flag.Uint64("chaos.first", 1, "the first seed")
	seeds   = flag.Uint64("chaos.seeds", 200, "how many seeds")
	explain = flag.Uint64("chaos.explain", 0, "tell the story of this seed")
)

func TestStorms(t *testing.T) {
	if *explain > 0 {
		story, r := Explain(*explain, Options{})
		t.Logf("%s%s", story, r.String())
		return
	}
	failed := 0
	for seed := *first; seed < *first+*seeds; seed++ {
		if r := Run(seed, Options{}); !r.Clean() {
			t.Error(r.String())
			if failed++; failed == 5 {
				return
			}
		}
	}
}
