package api

import (
	"context"
	"sync"
	"time"
)

// noteEvery is how often at most a key's use is written down.
const noteEvery = time.Minute

// keyUses remembers when the use of a key was last written down.
type keyUses struct {
	mu    sync.Mutex
	noted map[string]time.Time
}

// due reports whether a use is to be written down, and takes it as written: of many requests at once one does.
func (u *keyUses) due(id string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if since := now.Sub(u.noted[id]); since >= 0 && since < noteEvery {
		return false
	}
	if len(u.noted) >= maxKeys {
		u.noted = map[string]time.Time{}
	}
	u.noted[id] = now
	return true
}

// noteUse writes down, at most once a minute, that a key was used. The request does not wait for it, and goes on if it fails.
func (s *Server) noteUse(ctx context.Context, id string) {
	now := s.cfg.Now()
	if !s.uses.due(id, now) || !s.tasks.Begin() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	go func() {
		defer s.tasks.Done()
		defer cancel()
		if err := s.cfg.Store.TouchKey(ctx, id, now); err != nil {
			s.cfg.Logger.Warn("the use of a key was not written down", "key", id, "error", err)
		}
	}()
}
