package pool

// recent remembers the latest of something: at most as many as its bound, and at least half as many.
type recent[K comparable, V any] struct {
	bound int
	// young is what was added last. When that is half the bound it becomes old, and what was old is forgotten.
	young, old map[K]V
}

func newRecent[K comparable, V any](bound int) recent[K, V] {
	return recent[K, V]{bound: bound, young: map[K]V{}, old: map[K]V{}}
}

// get is what was remembered of k, the zero value when nothing is.
func (r *recent[K, V]) get(k K) V {
	if v, ok := r.young[k]; ok {
		return v
	}
	return r.old[k]
}

func (r *recent[K, V]) has(k K) bool {
	_, young := r.young[k]
	_, old := r.old[k]
	return young || old
}

func (r *recent[K, V]) add(k K, v V) {
	if len(r.young) >= r.bound/2 {
		r.young, r.old = r.old, r.young
		clear(r.young)
	}
	r.young[k] = v
}

// remove forgets k.
func (r *recent[K, V]) remove(k K) {
	delete(r.young, k)
	delete(r.old, k)
}
