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

// hearFunc begins to hear of what other processes write. The channel is closed when nothing is heard any more, at the
// latest when the context ends.
type hearFunc func(ctx context.Context) (<-chan []topic, error)

// hub tells listeners that something was written: at once by this process and, where the database passes on what others
// say, by them; otherwise at the next tick. However many listen, one goroutine runs one statement per tick, and none runs
// while nobody listens. What is heard needs no statement, but for one every seldomPolls ticks: whoever wrote may have
// died before it said so.
type hub struct {
	poll  pollFunc
	hear  hearFunc // nil: nobody tells
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

const seldomPolls = 10

func newHub(poll pollFunc, hear hearFunc, ticks func() (<-chan time.Time, func())) *hub {
	return &hub{poll: poll, hear: hear, ticks: ticks, listeners: map[topic]map[*listener]struct{}{}}
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

// run listens and polls until its context ends.
func (h *hub) run(ctx context.Context, from cursor) {
	ticks, stop := h.ticks()
	defer stop()
	heard := h.listen(ctx, &from)
	for quiet := 0; ; {
		select {
		case <-ctx.Done():
			for heard != nil && <-heard != nil { // until it is closed
			}
			return
		case news, ok := <-heard:
			if !ok {
				heard = nil
			}
			h.tell(news)
		case <-ticks:
			switch quiet++; {
			case heard == nil:
				if heard = h.listen(ctx, &from); heard != nil {
					continue // it has polled
				}
			case quiet%seldomPolls != 0:
				continue
			}
			h.look(ctx, &from)
		}
	}
}

// listen begins to hear, and looks for what was written before; nil if there is nothing to hear.
func (h *hub) listen(ctx context.Context, from *cursor) <-chan []topic {
	if h.hear == nil {
		return nil
	}
	heard, err := h.hear(ctx)
	if err != nil {
		return nil
	}
	h.look(ctx, from)
	return heard
}

// look polls once. A failed poll is made up for by the next one: the cursor stays.
func (h *hub) look(ctx context.Context, from *cursor) {
	next, news, err := h.poll(ctx, from)
	if err != nil {
		return
	}
	*from = next
	h.tell(news)
}

func (h *hub) tell(news []topic) {
	for _, t := range news {
		h.publish(t)
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
