package pool

import "testing"

func TestRecent(t *testing.T) {
	const bound = 100
	r := newRecent[int, int](bound)
	for k := range 1000 {
		r.add(k, -k)
		kept := 0
		for old := range k + 1 {
			if r.has(old) {
				kept++
				if r.get(old) != -old {
					t.Fatalf("%d is remembered as %d", old, r.get(old))
				}
			}
		}
		if kept > bound || kept < min(k+1, bound/2) || !r.has(max(0, k-bound/2+1)) {
			t.Fatalf("after %d, %d are remembered", k+1, kept)
		}
	}
	r.remove(999)
	r.remove(950)
	if r.has(999) || r.get(950) != 0 {
		t.Error("it remembers what it was told to forget")
	}
}
