package actors

// recent remembers the latest of something, up to a bound; the oldest is forgotten first.
type recent[K comparable, V any] struct {
	bound  int
	values map[K]V
	order  []K
}

func newRecent[K comparable, V any](bound int) recent[K, V] {
	return recent[K, V]{bound: bound, values: map[K]V{}}
}

// get is what was remembered of k, the zero value when nothing is.
func (r *recent[K, V]) get(k K) V { return r.values[k] }

func (r *recent[K, V]) has(k K) bool {
	_, ok := r.values[k]
	return ok
}

func (r *recent[K, V]) add(k K, v V) {
	if len(r.order) == r.bound {
		delete(r.values, r.order[0])
		r.order = r.order[1:]
	}
	r.values[k] = v
	r.order = append(r.order, k)
}

// remove forgets k. Its place in the order stays, and at worst has it forgotten early when it is added again.
func (r *recent[K, V]) remove(k K) { delete(r.values, k) }
