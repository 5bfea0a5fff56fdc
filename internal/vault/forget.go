package vault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Forgotten is what was destroyed.
type Forgotten struct {
	Records int      // that were removed
	Keys    []string // ids of the data keys that were destroyed, sorted
}

// Holdings implements Vault.
func (v *Sealed) Holdings(ctx context.Context, accountID string) ([]Holding, error) {
	held, err := v.records.Holdings(ctx, accountID)
	if err != nil {
		return nil, err
	}
	for after := ""; ; {
		page, err := v.keys.ListKeys(ctx, KeyFilter{AccountID: accountID, After: after, Limit: pageSize})
		if err != nil {
			return nil, err
		}
		for _, k := range page {
			if !slices.ContainsFunc(held, func(h Holding) bool { return h.KeyID == k.ID }) {
				held = append(held, Holding{Kind: k.Kind, KeyID: k.ID})
			}
		}
		if len(page) < pageSize {
			return held, nil
		}
		after = page[len(page)-1].ID
	}
}

// Forget implements Vault.
func (v *Sealed) Forget(ctx context.Context, accountID string, kinds ...Kind) (Forgotten, error) {
	held, err := v.Holdings(ctx, accountID)
	if err != nil {
		return Forgotten{}, err
	}
	return v.Destroy(ctx, accountID, slices.DeleteFunc(held, func(h Holding) bool { return !slices.Contains(kinds, h.Kind) })...)
}

// Destroy implements Vault. What is to be destroyed is noted beside the records before the keys go: a process that dies
// in between leaves a note, which FinishDestroying follows, and a record that is put meanwhile is refused its key.
func (v *Sealed) Destroy(ctx context.Context, accountID string, what ...Holding) (Forgotten, error) {
	var gone Forgotten
	var notes []DestroyedKey
	var old []Kind
	at := v.now().UTC()
	for _, h := range what {
		if h.KeyID == "" {
			old = append(old, h.Kind)
			continue
		}
		notes = append(notes, DestroyedKey{ID: h.KeyID, AccountID: accountID, Kind: h.Kind, DestroyedAt: at})
		gone.Keys = append(gone.Keys, h.KeyID)
	}
	if len(what) == 0 {
		return gone, nil
	}
	slices.Sort(gone.Keys)
	var err error
	if gone.Records, err = v.records.ForgetRecords(ctx, notes, accountID, old); err != nil {
		return gone, fmt.Errorf("vault: forget records: %w", err)
	}
	if err := v.keys.DestroyKeys(ctx, at, gone.Keys...); err != nil {
		return gone, fmt.Errorf("vault: destroy data keys: %w", err)
	}
	return gone, nil
}

// FinishDestroying destroys keys that are noted as destroyed and still there: a process died in between, or the key file
// is a backup from before. It returns how many there were. Call it before the vault is used.
func (v *Sealed) FinishDestroying(ctx context.Context) (int, error) {
	finished := 0
	for after := ""; ; {
		page, err := v.records.DestroyedKeys(ctx, after, pageSize)
		if err != nil || len(page) == 0 {
			return finished, err
		}
		noted := map[string]time.Time{}
		for _, d := range page {
			noted[d.ID] = d.DestroyedAt
		}
		// Hardly any of them is still there, so a page is asked for at once.
		living, err := v.keys.ListKeys(ctx, KeyFilter{IDs: slices.Collect(maps.Keys(noted)), Limit: pageSize})
		if err != nil {
			return finished, err
		}
		for _, k := range living {
			if err := v.keys.DestroyKeys(ctx, noted[k.ID], k.ID); err != nil {
				return finished, fmt.Errorf("vault: destroy data keys: %w", err)
			}
			finished++
		}
		after = page[len(page)-1].ID
	}
}
