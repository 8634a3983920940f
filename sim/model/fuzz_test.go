package model

import (
	"math/rand/v2"
	"testing"
)

// FuzzDistribution takes anything for a distribution: it is refused with a reason, or its draws are lengths of time, and it
// is read again as what it calls itself.
func FuzzDistribution(f *testing.F) {
	for _, text := range []string{
		"3s", "fixed:250ms", "exp:3s", "lognormal:3s,0.5", "measured", "lognormal:3s", "lognormal:87600h,10", "exp:87600h", "exp:-1s", "nan",
		"lognormal:1s,NaN", "lognormal:1s,1e309", "exp:", ":", "", "uniform:1s,2s", "exp: 3s ", "fixed:9223372036854775807ns",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDistribution(text)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			if at := d.Draw(random); at < 0 || at > longest {
				t.Fatalf("%q draws %v", text, at)
			}
		}
		again, err := ParseDistribution(d.String())
		if err != nil || again.String() != d.String() || again.Mean() != d.Mean() {
			t.Fatalf("%q is called %q, which is read as %v, %v", text, d, again, err)
		}
	})
}
