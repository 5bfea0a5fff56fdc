package rehearsal

import (
	"slices"
	"sort"
	"time"
)

// ticks are the instants at which something runs by schedule; only the marked ones have anything to do.
type ticks struct {
	at     []time.Time // ascending, without doubles
	marked []bool
	first  int // of those that are still to come
	sought int // none before it is marked
}

func newTicks(at []time.Time) *ticks {
	slices.SortFunc(at, time.Time.Compare)
	at = slices.CompactFunc(at, time.Time.Equal)
	return &ticks{at: at, marked: make([]bool, len(at))}
}

// mark says that something may have to be done from the instant on: at the first tick that is not before it and is
// still to come.
func (t *ticks) mark(from time.Time) {
	i := max(t.first, sort.Search(len(t.at), func(i int) bool { return !t.at[i].Before(from) }))
	if i < len(t.at) {
		t.marked[i] = true
		t.sought = min(t.sought, i)
	}
}

// next returns the next marked instant, zero if there is none.
func (t *ticks) next() time.Time {
	for t.sought < len(t.at) && !t.marked[t.sought] {
		t.sought++
	}
	if t.sought == len(t.at) {
		return time.Time{}
	}
	return t.at[t.sought]
}

// take passes the instant that next returned.
func (t *ticks) take() {
	t.sought++
	t.first = t.sought
}
