package world

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

// runQueue holds the mailboxes that have a message to handle, oldest first, in a ring.
type runQueue struct {
	// slots' length is zero or a power of two.
	slots []*mailbox
	first int
	size  int
}

func (q *runQueue) slot(i int) **mailbox { return &q.slots[(q.first+i)&(len(q.slots)-1)] }

func (q *runQueue) push(m *mailbox) {
	if q.size == len(q.slots) {
		bigger := make([]*mailbox, max(16, 2*len(q.slots)))
		n := copy(bigger, q.slots[q.first:])
		copy(bigger[n:], q.slots[:q.first])
		q.slots, q.first = bigger, 0
	}
	*q.slot(q.size) = m
	q.size++
}

// take removes the i-th oldest and keeps the others in their order, by moving up whichever side of it is shorter.
func (q *runQueue) take(i int) *mailbox {
	taken := *q.slot(i)
	if i < q.size/2 {
		for ; i > 0; i-- {
			*q.slot(i) = *q.slot(i - 1)
		}
		*q.slot(0) = nil
		q.first = (q.first + 1) & (len(q.slots) - 1)
	} else {
		for ; i < q.size-1; i++ {
			*q.slot(i) = *q.slot(i + 1)
		}
		*q.slot(q.size - 1) = nil
	}
	q.size--
	return taken
}

// drop removes a node's mailboxes.
func (q *runQueue) drop(n *Node) {
	for range q.size {
		if m := q.take(0); m.node != n {
			q.push(m)
		}
	}
}
