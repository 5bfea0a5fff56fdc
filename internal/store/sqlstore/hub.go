package sqlstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/store"
)

type topicKind int

const (
	logTopic    topicKind = iota // id is an account's
	returnTopic                  // id is an attempt's
)

// topic is what can be listened to.
type topic struct {
	kind topicKind
	id   string
}

// cursor is how far the tables of both kinds have been seen.
type cursor struct{ events, returns int64 }

// pollFunc returns what was written after a cursor, and the cursor after it. A nil cursor asks for the end only.
type pollFunc func(ctx context.Context, after *cursor) (cursor, []topic, error)

// hub tells listeners that something was written: at once by this process, at the next tick by another. However many
// listen, one goroutine runs one statement per tick, and none runs while nobody listens.
type hub struct {
	poll  pollFunc
	ticks func() (<-chan time.Time, func())

	mu        sync.Mutex
	closed    bool
	listeners map[topic]map[*listener]struct{}
	count     int
	stop      context.CancelFunc // of the polling goroutine, nil while there is none
	polling   sync.WaitGroup
}

type listener struct {
	news   chan struct{} // holds one value: listeners are told that there is news, not how much
	forget func() bool
}

func newHub(poll pollFunc, ticks func() (<-chan time.Time, func())) *hub {
	return &hub{poll: poll, ticks: ticks, listeners: map[topic]map[*listener]struct{}{}}
}

func (h *hub) subscribe(ctx context.Context, t topic) (<-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, fmt.Errorf("%w: closed", store.ErrUnavailable)
	}
	if h.stop == nil {
		// From here on nothing may be missed, so the place to poll from is read before anybody is told to listen.
		from, _, err := h.poll(ctx, nil)
		if err != nil {
			return nil, err
		}
		run, stop := context.WithCancel(context.WithoutCancel(ctx))
		h.stop = stop
		h.polling.Go(func() { h.run(run, from) })
	}
	l := &listener{news: make(chan struct{}, 1)}
	if h.listeners[t] == nil {
		h.listeners[t] = map[*listener]struct{}{}
	}
	h.listeners[t][l] = struct{}{}
	h.count++
	l.forget = context.AfterFunc(ctx, func() { h.unsubscribe(t, l) })
	return l.news, nil
}

func (h *hub) unsubscribe(t topic, l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.listeners[t][l]; !ok {
		return // closed before
	}
	h.drop(t, l)
	if h.count == 0 {
		h.stop()
		h.stop = nil
	}
}

// drop ends one subscription. The lock is held.
func (h *hub) drop(t topic, l *listener) {
	delete(h.listeners[t], l)
	if len(h.listeners[t]) == 0 {
		delete(h.listeners, t)
	}
	h.count--
	close(l.news)
}

func (h *hub) publish(t topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners[t] {
		select {
		case l.news <- struct{}{}:
		default: // it has not yet taken the last value, which says the same
		}
	}
}

// run polls until its context ends. A failed poll is made up for by the next one: the cursor stays.
func (h *hub) run(ctx context.Context, from cursor) {
	ticks, stop := h.ticks()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		next, news, err := h.poll(ctx, &from)
		if err != nil {
			continue
		}
		from = next
		for _, t := range news {
			h.publish(t)
		}
	}
}

// close ends all subscriptions and waits for the polling goroutine.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	for t, of := range h.listeners {
		for l := range of {
			l.forget()
			h.drop(t, l)
		}
	}
	if h.stop != nil {
		h.stop()
		h.stop = nil
	}
	h.mu.Unlock()
	h.polling.Wait()
}
