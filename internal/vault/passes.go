package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// pageSize is how many keys or records a pass takes at a time.
const pageSize = 200

// Progress hears how far a pass has come: how many it has looked at, of how many there were when it began.
type Progress func(done, total int)

// Status says which keys hold what.
type Status struct {
	KEKs       []KEKStatus // known ones newest first, then those that are missing
	Keys       int         // living data keys
	Destroyed  int         // data keys
	Replacing  int         // data keys that a rotation has not finished to replace
	Records    int
	OldRecords int // sealed by the keyset itself, from before there were data keys
	Secrets    int // of webhooks
	OldSecrets int // sealed by the keyset itself
}

// KEKStatus says what one key of the KEK still holds.
type KEKStatus struct {
	ID      string
	Newest  bool
	Known   bool // false: it is needed and not there
	Keys    int  // living data keys that are wrapped with it
	Secrets int
}

// Removable reports whether nothing needs the key any more. Records from before there were data keys may need any key of
// the keyset.
func (k KEKStatus) Removable(s Status) bool {
	return k.Known && !k.Newest && k.Keys == 0 && k.Secrets == 0 && s.OldRecords == 0 && s.OldSecrets == 0
}

// Status counts.
func (v *Sealed) Status(ctx context.Context) (Status, error) {
	var s Status
	ids, err := v.kek.IDs(ctx)
	if err != nil {
		return s, err
	}
	held := map[string]*KEKStatus{}
	for i, id := range ids {
		held[id] = &KEKStatus{ID: id, Newest: i == 0, Known: true}
	}
	need := func(id string) *KEKStatus {
		if held[id] == nil {
			held[id] = &KEKStatus{ID: id}
			ids = append(ids, id)
		}
		return held[id]
	}
	counts, destroyed, err := v.keys.CountKeys(ctx)
	if err != nil {
		return s, err
	}
	for _, c := range counts {
		need(c.KEK).Keys = c.Keys
		s.Keys += c.Keys
	}
	s.Destroyed = destroyed
	if s.Replacing, err = v.each(ctx, KeyFilter{Retired: true}, nil); err != nil {
		return s, err
	}
	if s.Records, s.OldRecords, err = v.records.CountRecords(ctx); err != nil {
		return s, err
	}
	secrets, err := v.records.SealedSecrets(ctx)
	if err != nil {
		return s, err
	}
	s.Secrets = len(secrets)
	for _, secret := range secrets {
		if kek, _, _, ok := parseSecret(secret.Sealed); ok {
			need(kek).Secrets++
		} else {
			s.OldSecrets++
		}
	}
	for _, id := range ids {
		s.KEKs = append(s.KEKs, *held[id])
	}
	return s, nil
}

// Ping reports whether data keys can be unwrapped: ErrUnavailable if a key service does not answer.
func (v *Sealed) Ping(ctx context.Context) error {
	_, err := v.kek.IDs(ctx)
	return err
}

// MissingKEKError names keys of the KEK that data keys are wrapped with and that are not there. What they hold cannot be
// read until they are.
type MissingKEKError struct{ IDs []string }

func (e *MissingKEKError) Error() string {
	return fmt.Sprintf("vault: keys that are needed are missing: %v; put them back, and remove one only when verigate vault status says that it may go", e.IDs)
}

// Check fails with a *MissingKEKError if a key of the KEK is missing that data keys need.
func (v *Sealed) Check(ctx context.Context) error {
	known, err := v.kek.IDs(ctx)
	if err != nil {
		return err
	}
	counts, _, err := v.keys.CountKeys(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for _, c := range counts {
		if !slices.Contains(known, c.KEK) {
			missing = append(missing, c.KEK)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return &MissingKEKError{missing}
	}
	return nil
}

// Rewrap wraps everything with the newest key of the KEK, beside whoever uses the vault. What was done stays done: after
// a kill, call it again. It returns how many data keys and secrets it wrapped anew.
func (v *Sealed) Rewrap(ctx context.Context, progress Progress) (int, error) {
	ids, err := v.kek.IDs(ctx)
	if err != nil {
		return 0, err
	}
	filter := KeyFilter{NotKEK: ids[0]}
	secrets, err := v.staleSecrets(ctx, ids[0])
	if err != nil {
		return 0, err
	}
	total, err := v.each(ctx, filter, nil)
	if err != nil {
		return 0, err
	}
	total += len(secrets)
	done := 0
	step := func() {
		done++
		progress(done, max(total, done))
	}
	changed := 0
	if _, err = v.each(ctx, filter, func(k DataKey) error {
		did, err := v.rewrap(ctx, k)
		if did {
			changed++
		}
		step()
		return err
	}); err != nil {
		return changed, err
	}
	for _, s := range secrets {
		did, err := v.resealSecret(ctx, s)
		if err != nil {
			return changed, err
		}
		if did {
			changed++
		}
		step()
	}
	return changed, nil
}

func (v *Sealed) rewrap(ctx context.Context, k DataKey) (bool, error) {
	key, err := v.unwrap(ctx, k)
	if err != nil {
		return false, fmt.Errorf("vault: data key %s, wrapped with %s: %w", k.ID, k.KEK, err)
	}
	wrapped, kek, err := v.kek.Wrap(ctx, key.secret, k.bound())
	if err != nil {
		return false, err
	}
	return v.keys.RewrapKey(ctx, k, wrapped, kek)
}

func (v *Sealed) staleSecrets(ctx context.Context, newest string) ([]SealedSecret, error) {
	all, err := v.records.SealedSecrets(ctx)
	return slices.DeleteFunc(all, func(s SealedSecret) bool {
		kek, _, _, ok := parseSecret(s.Sealed)
		return ok && kek == newest
	}), err
}

func (v *Sealed) resealSecret(ctx context.Context, s SealedSecret) (bool, error) {
	plain, err := v.OpenSecret(ctx, s.Name, s.Sealed)
	if err != nil {
		return false, fmt.Errorf("vault: secret %s: %w", s.Name, err)
	}
	sealed, err := v.SealSecret(ctx, s.Name, plain)
	if err != nil {
		return false, err
	}
	return v.records.ResealSecret(ctx, s, sealed)
}

// each visits the keys of a filter, page by page, and returns how many there were. visit may be nil.
func (v *Sealed) each(ctx context.Context, f KeyFilter, visit func(DataKey) error) (int, error) {
	f.Limit = pageSize
	for n := 0; ; {
		page, err := v.keys.ListKeys(ctx, f)
		if err != nil {
			return n, err
		}
		for _, k := range page {
			if visit != nil {
				if err := visit(k); err != nil {
					return n, err
				}
			}
			n++
		}
		if len(page) < pageSize {
			return n, nil
		}
		f.After = page[len(page)-1].ID
	}
}

// SealOld seals records from before there were data keys with data keys. As with Rewrap, what was done stays done. It
// returns how many it sealed anew.
func (v *Sealed) SealOld(ctx context.Context, progress Progress) (int, error) {
	_, total, err := v.records.CountRecords(ctx)
	if err != nil {
		return 0, err
	}
	var last Record
	for done := 0; ; {
		page, err := v.records.OldRecords(ctx, last.AccountID, last.Ref, pageSize)
		if err != nil || len(page) == 0 {
			return done, err
		}
		for _, r := range page {
			if err := v.reseal(ctx, r); err != nil {
				return done, err
			}
			done++
			progress(done, max(total, done))
		}
		last = page[len(page)-1]
	}
}

// reseal seals a record with the current key of its account and kind.
func (v *Sealed) reseal(ctx context.Context, r Record) error {
	plain, err := v.open(ctx, r)
	if errors.Is(err, ErrNotFound) {
		return nil // its key was destroyed meanwhile
	}
	if err != nil {
		return fmt.Errorf("vault: record %s of account %s: %w", r.Ref, r.AccountID, err)
	}
	for range putTries {
		key, err := v.currentKey(ctx, r.AccountID, r.Kind)
		if err != nil {
			return err
		}
		fresh := r
		fresh.KeyID = key.id
		if fresh.Sealed, err = key.seal(plain, bind(r.AccountID, r.Ref, r.Kind, key.id)); err != nil {
			return err
		}
		if _, err = v.records.ResealRecord(ctx, fresh, r.KeyID); !errors.Is(err, ErrKeyDestroyed) {
			return err
		}
		if err := v.keys.DestroyKeys(ctx, v.now().UTC(), key.id); err != nil {
			return err
		}
	}
	return ErrKeyDestroyed
}

// RotateDataKeys gives every account and kind another data key, seals its records with that and destroys the one before.
// It takes those that are older than the call and finishes what an earlier call began. It returns how many data keys it
// replaced.
func (v *Sealed) RotateDataKeys(ctx context.Context, progress Progress) (int, error) {
	begun := v.now().UTC()
	unfinished, current := KeyFilter{Retired: true}, KeyFilter{Current: true, Before: begun}
	waiting, err := v.each(ctx, unfinished, nil)
	if err != nil {
		return 0, err
	}
	total, err := v.each(ctx, current, nil)
	if err != nil {
		return 0, err
	}
	total += waiting
	done := 0
	step := func(k DataKey) error {
		if err := v.replace(ctx, k); err != nil {
			return err
		}
		done++
		progress(done, max(total, done))
		return nil
	}
	if _, err := v.each(ctx, unfinished, step); err != nil {
		return done, err
	}
	_, err = v.each(ctx, current, step)
	return done, err
}

// replace moves everything that a key has sealed to the next one, and destroys it.
func (v *Sealed) replace(ctx context.Context, k DataKey) error {
	if k.Current {
		if _, err := v.newKey(ctx, k.AccountID, k.Kind, k.ID); err != nil {
			return err
		}
	}
	note := DestroyedKey{ID: k.ID, AccountID: k.AccountID, Kind: k.Kind, DestroyedAt: v.now().UTC()}
	for {
		page, err := v.records.RecordsUnder(ctx, k.AccountID, k.ID, pageSize)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := v.reseal(ctx, r); err != nil {
				return err
			}
		}
		// Somebody who got hold of the old key a moment ago may still seal with it, until the note is there.
		unused, err := v.records.NoteUnused(ctx, note)
		if err != nil {
			return err
		}
		if unused {
			return v.keys.DestroyKeys(ctx, note.DestroyedAt, k.ID)
		}
	}
}
