package engine

// A ring keeps a buffer of at most keepSlots slots when it runs empty; a bigger one goes back to the heap, so that a burst
// does not cost memory for the rest of an actor's life.
const (
	firstSlots = 4
	keepSlots  = 32
)

// ring is a first-in first-out queue that grows as needed. The zero ring is empty and holds no memory.
type ring[T any] struct {
	// slots' length is zero or a power of two.
	slots []T
	// first is the index of the oldest element.
	first int
	size  int
}

func (r *ring[T]) push(v T) {
	if r.size == len(r.slots) {
		r.grow()
	}
	r.slots[(r.first+r.size)&(len(r.slots)-1)] = v
	r.size++
}

// pop takes the oldest element. The ring must not be empty.
func (r *ring[T]) pop() T {
	var none T
	v := r.slots[r.first]
	r.slots[r.first] = none
	r.first = (r.first + 1) & (len(r.slots) - 1)
	r.size--
	if r.size == 0 && len(r.slots) > keepSlots {
		r.slots = nil
		r.first = 0
	}
	return v
}

func (r *ring[T]) grow() {
	bigger := make([]T, max(firstSlots, 2*len(r.slots)))
	n := copy(bigger, r.slots[r.first:])
	copy(bigger[n:], r.slots[:r.first])
	r.slots, r.first = bigger, 0
}
