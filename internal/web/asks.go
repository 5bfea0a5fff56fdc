package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// askers bounds how often one session has the provider asked. It forgets sessions in generations, so many of them
// cannot grow it.
type askers struct {
	every time.Duration

	mu            sync.Mutex
	recent, older map[string]*rate.Limiter
}

const (
	asksAtOnce = 3
	maxAskers  = 10_000
)

func newAskers(every time.Duration) *askers {
	return &askers{every: every, recent: map[string]*rate.Limiter{}}
}

// take returns how long to wait; zero if the provider may be asked now.
func (a *askers) take(session string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	bucket, ok := a.recent[session]
	if !ok {
		if bucket, ok = a.older[session]; !ok {
			bucket = rate.NewLimiter(rate.Every(a.every), asksAtOnce)
		}
		if len(a.recent) >= maxAskers {
			a.recent, a.older = map[string]*rate.Limiter{}, a.recent
		}
		a.recent[session] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	return a.every
}
