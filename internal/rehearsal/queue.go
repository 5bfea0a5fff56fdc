package rehearsal

import (
	"slices"
	"time"
)

// queue is events by instant.
type queue struct {
	all  []Event
	next int // those before it were taken
}

func (q *queue) empty() bool { return q.next == len(q.all) }

// begin is the instant of the first event, zero if there is none.
func (q *queue) begin() time.Time {
	if q.empty() {
		return time.Time{}
	}
	return q.all[q.next].At
}

func (q *queue) take() Event {
	e := q.all[q.next]
	q.next++
	return e
}

// giveBack puts the last events that were taken, or some of them, in front again.
func (q *queue) giveBack(events []Event) {
	q.next -= len(events)
	copy(q.all[q.next:], events)
}

// fill puts the events of a day into an empty queue.
func (q *queue) fill(events []Event) { *q = queue{all: events} }

// put puts an event behind those of its instant.
func (q *queue) put(e Event) {
	q.all = slices.Delete(q.all, 0, q.next)
	q.next = 0
	place, _ := slices.BinarySearchFunc(q.all, e.At, func(a Event, at time.Time) int {
		if a.At.After(at) {
			return 1
		}
		return -1
	})
	q.all = slices.Insert(q.all, place, e)
}
