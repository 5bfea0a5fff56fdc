package vaulttest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/vault"
)

// Keys keeps data keys in memory.
type Keys struct {
	mu   sync.Mutex
	byID map[string]vault.DataKey
}

var _ vault.Keys = (*Keys)(nil)

// NewKeys returns an empty place for data keys.
func NewKeys() *Keys { return &Keys{byID: map[string]vault.DataKey{}} }

func (m *Keys) find(fits func(vault.DataKey) bool) []vault.DataKey {
	all := slices.SortedFunc(maps.Values(m.byID), func(a, b vault.DataKey) int { return cmp.Compare(a.ID, b.ID) })
	return slices.DeleteFunc(all, func(k vault.DataKey) bool { return !fits(k) })
}

func (m *Keys) current(accountID string, kind vault.Kind) (vault.DataKey, error) {
	there := m.find(func(k vault.DataKey) bool { return k.AccountID == accountID && k.Kind == kind && k.Current })
	if len(there) == 0 {
		return vault.DataKey{}, vault.ErrNotFound
	}
	return there[0], nil
}

// CurrentKey implements vault.Keys.
func (m *Keys) CurrentKey(_ context.Context, accountID string, kind vault.Kind) (vault.DataKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current(accountID, kind)
}

// DataKey implements vault.Keys.
func (m *Keys) DataKey(_ context.Context, id string) (vault.DataKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.byID[id]
	if !ok {
		return k, vault.ErrNotFound
	}
	return k, nil
}

// AddKey implements vault.Keys.
func (m *Keys) AddKey(_ context.Context, k vault.DataKey, instead string) (vault.DataKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if there, err := m.current(k.AccountID, k.Kind); err == nil {
		if there.ID != instead {
			return there, nil
		}
		there.Current = false
		m.byID[there.ID] = there
	}
	k.Current = true
	m.byID[k.ID] = k
	return k, nil
}

// DestroyKeys implements vault.Keys.
func (m *Keys) DestroyKeys(_ context.Context, at time.Time, ids ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if k, ok := m.byID[id]; ok && k.DestroyedAt.IsZero() {
			k.Wrapped, k.Current, k.DestroyedAt = nil, false, at
			m.byID[id] = k
		}
	}
	return nil
}

// ListKeys implements vault.Keys.
func (m *Keys) ListKeys(_ context.Context, f vault.KeyFilter) ([]vault.DataKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.find(func(k vault.DataKey) bool {
		return k.DestroyedAt.IsZero() && k.ID > f.After && (len(f.IDs) == 0 || slices.Contains(f.IDs, k.ID)) && (f.AccountID == "" || k.AccountID == f.AccountID) &&
			(!f.Retired || !k.Current) && (!f.Current || k.Current) && (f.NotKEK == "" || k.KEK != f.NotKEK) &&
			(f.Before.IsZero() || k.CreatedAt.Before(f.Before))
	})
	return all[:min(len(all), f.Limit)], nil
}

// RewrapKey implements vault.Keys.
func (m *Keys) RewrapKey(_ context.Context, was vault.DataKey, wrapped []byte, kek string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.byID[was.ID]
	if !k.DestroyedAt.IsZero() || k.KEK != was.KEK || !slices.Equal(k.Wrapped, was.Wrapped) {
		return false, nil
	}
	k.Wrapped, k.KEK = wrapped, kek
	m.byID[k.ID] = k
	return true, nil
}

// CountKeys implements vault.Keys.
func (m *Keys) CountKeys(context.Context) (living []vault.KeyCount, destroyed int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := map[string]int{}
	for _, k := range m.byID {
		if k.DestroyedAt.IsZero() {
			counts[k.KEK]++
		} else {
			destroyed++
		}
	}
	for _, kek := range slices.Sorted(maps.Keys(counts)) {
		living = append(living, vault.KeyCount{KEK: kek, Keys: counts[kek]})
	}
	return living, destroyed, nil
}
