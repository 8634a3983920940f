package world

import "slices"

// cell is one place in a fifo. The world keeps those that are free, so that a message costs no garbage.
type cell struct {
	value any
	next  *cell
}

// fifo is a first-in first-out queue of messages.
type fifo struct {
	first, last *cell
	size        int
}

func (q *fifo) push(w *World, value any) {
	c := w.free
	if c == nil {
		c = new(cell)
	} else {
		w.free = c.next
	}
	c.value, c.next = value, nil
	if q.size == 0 {
		q.first = c
	} else {
		q.last.next = c
	}
	q.last = c
	q.size++
}

// pop takes the oldest message. The queue must not be empty.
func (q *fifo) pop(w *World) any {
	c := q.first
	value := c.value
	q.first = c.next
	q.size--
	if q.size == 0 {
		q.last = nil
	}
	c.value, c.next = nil, w.free
	w.free = c
	return value
}

// runQueue holds the mailboxes that have a message to handle, oldest first.
type runQueue struct {
	// waiting[first:] is the queue; what is before first is nil.
	waiting []*mailbox
	first   int
}

func (q *runQueue) size() int { return len(q.waiting) - q.first }

func (q *runQueue) push(m *mailbox) {
	if len(q.waiting) == cap(q.waiting) && q.first > len(q.waiting)/2 {
		n := copy(q.waiting, q.waiting[q.first:])
		clear(q.waiting[n:])
		q.waiting, q.first = q.waiting[:n], 0
	}
	q.waiting = append(q.waiting, m)
}

// take removes the i-th oldest and keeps the others in their order, by moving whichever side of it is shorter.
func (q *runQueue) take(i int) *mailbox {
	queue := q.waiting[q.first:]
	taken, last := queue[i], len(queue)-1
	if i <= last/2 {
		copy(queue[1:i+1], queue[:i])
		queue[0] = nil
		q.first++
		return taken
	}
	copy(queue[i:], queue[i+1:])
	queue[last] = nil
	q.waiting = q.waiting[:len(q.waiting)-1]
	return taken
}

// drop removes a node's mailboxes.
func (q *runQueue) drop(n *Node) {
	q.waiting = slices.DeleteFunc(q.waiting[q.first:], func(m *mailbox) bool { return m.node == n })
	q.first = 0
}
