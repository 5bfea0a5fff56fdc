package api_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
)

// halting is the store with somebody who is slow: the first write of a key or an operator waits, before it or after it.
type halting struct {
	api.Store
	first       sync.Once
	after       bool // the write is done when it waits
	begun, free chan struct{}
}

func (h *halting) halt(write func() error) (err error) {
	mine := false
	h.first.Do(func() { mine = true })
	if !mine {
		return write()
	}
	if h.after {
		err = write()
	}
	close(h.begun)
	<-h.free
	if !h.after {
		err = write()
	}
	return err
}

func (h *halting) PutKey(ctx context.Context, k store.Key) error {
	return h.halt(func() error { return h.Store.PutKey(ctx, k) })
}

func (h *halting) AddOperator(ctx context.Context, o store.Operator) error {
	return h.halt(func() error { return h.Store.AddOperator(ctx, o) })
}

// TestDoubleClicksMakeOne: a second request that overtakes the first, or comes while it is not yet answered, finds what
// the first has made or leaves it to find; the secret is shown to one of the two.
func TestDoubleClicksMakeOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, made, secret string
		body               object
	}{
		"key": {"/v1/keys", "key", "secret", object{"label": "label service", "scopes": []string{"decisions:read"}, "reason": "new"}},
		"operator": {"/v1/operators", "operator", "password",
			object{"login": "anna", "name": "Anna", "role": "viewer", "reason": "new"}},
	} {
		for when, after := range map[string]bool{"overtaken": false, "unanswered": true} {
			t.Run(name+"/"+when, func(t *testing.T) {
				t.Parallel()
				slow := &halting{after: after, begun: make(chan struct{}), free: make(chan struct{})}
				f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { slow.Store, c.Store = c.Store, slow })
				admin := f.admins()
				first := make(chan answer, 1)
				go func() { first <- f.post(c.path, c.body, admin, idempotent("press")) }()
				<-slow.begun
				second := f.post(c.path, c.body, admin, idempotent("press")).is(http.StatusCreated)
				close(slow.free)
				one := (<-first).is(http.StatusCreated)
				require.Equal(t, one[c.made], second[c.made])
				require.NotEqual(t, one[c.secret] == nil, second[c.secret] == nil, "it is shown once")
				require.Equal(t, after, second[c.secret] == nil)
				f.post(c.path, c.body, admin, idempotent("press")).is(http.StatusCreated)
				if name == "key" {
					require.NotEqual(t, one[c.made], f.post(c.path, c.body, admin, idempotent("another")).is(http.StatusCreated)[c.made])
				} else {
					f.post(c.path, c.body, admin, idempotent("another")).problem(http.StatusConflict, api.CodeLoginTaken)
				}
			})
		}
	}
}
