package api

import (
	"context"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// maxKeys bounds the keys that are remembered.
const maxKeys = 10_000

// keyCache remembers keys for a moment, so that a busy account service does not cost a read per request. A key that was
// disabled goes on for no longer than that; ids that nobody has are asked for every time.
type keyCache struct {
	load func(ctx context.Context, id string) (store.Key, error)
	now  func() time.Time
	age  time.Duration

	mu    sync.Mutex
	known map[string]knownKey
}

type knownKey struct {
	key store.Key
	at  time.Time
}

func newKeyCache(load func(context.Context, string) (store.Key, error), now func() time.Time, age time.Duration) *keyCache {
	return &keyCache{load: load, now: now, age: age, known: map[string]knownKey{}}
}

// key returns a key, and whether it is remembered rather than read just now.
func (c *keyCache) key(ctx context.Context, id string) (key store.Key, remembered bool, err error) {
	now := c.now()
	c.mu.Lock()
	k, ok := c.known[id]
	c.mu.Unlock()
	if since := now.Sub(k.at); ok && since >= 0 && since < c.age {
		return k.key, true, nil
	}
	key, err = c.load(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		delete(c.known, id)
		return key, false, err
	}
	if len(c.known) >= maxKeys {
		c.known = map[string]knownKey{}
	}
	c.known[id] = knownKey{key, now}
	return key, false, nil
}

// forget asks for a key again at its next use.
func (c *keyCache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, id)
}
