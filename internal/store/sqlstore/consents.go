package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// deriveConsents writes what an entry says was agreed to.
func deriveConsents(ctx context.Context, tx *transaction, c lifecycle.Change) error {
	for _, consent := range c.Detail.Consents() {
		body, err := encodeDetail("consent", consent)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO consents (consent_id, account_id, generation, kind, body) VALUES (?, ?, ?, ?, ?)`,
			consent.ID, c.AccountID, consent.Generation, string(consent.Of()), body)
		if err != nil {
			return err
		}
	}
	return nil
}

// endConsents ends what a withdrawal takes back: face processing and what is given away for it. A revocation also takes
// the real-name information out of use.
func endConsents(ctx context.Context, tx *transaction, c lifecycle.Change) error {
	via, which := store.EndedByAPI, ` AND kind IN (?, ?)`
	args := []any{string(lifecycle.ConsentFace), string(lifecycle.ConsentProvide)}
	switch {
	case c.Event == lifecycle.Revoke:
		via, which, args = store.EndedByCause, "", nil
	case strings.HasPrefix(c.Actor.ID, "link:"):
		via = store.EndedOnPage
	}
	_, err := tx.exec(ctx, `UPDATE consents SET ended_at = ?, ended_via = ? WHERE account_id = ? AND ended_at IS NULL`+which,
		append([]any{instant(c.At), string(via), c.AccountID}, args...)...)
	return err
}

// supersede names, for each consent, the next one of its kind. The list is in the order of agreement.
func supersede(all []store.ConsentRecord) {
	next := map[lifecycle.ConsentKind]string{}
	for i := range slices.Backward(all) {
		kind := all[i].Of()
		all[i].SupersededBy = next[kind]
		next[kind] = all[i].ID
	}
}

// NoteConsent implements store.Details.
func (s *Store) NoteConsent(ctx context.Context, n store.ConsentNote) (bool, error) {
	at := n.Consent.AgreedAt
	if n.Answer == "" || n.Consent.ID == "" || n.Consent.TextVersion == "" || at.IsZero() {
		return false, fmt.Errorf("%w: an answer needs its kind, an id, a version and an instant", store.ErrInvalid)
	}
	if err := checkInstant("agreed_at", at); err != nil {
		return false, err
	}
	body, err := encodeDetail("consent", n.Consent)
	if err != nil {
		return false, err
	}
	first := false
	err = s.write(ctx, "note a consent", func(ctx context.Context, tx *transaction) error {
		if _, err := account(ctx, tx, n.AccountID); err != nil {
			return err
		}
		rows, err := tx.exec(ctx, `INSERT INTO consent_notes (account_id, answer, text_version, day, at, body) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account_id, answer, text_version, day) DO NOTHING`,
			n.AccountID, string(n.Answer), n.Consent.TextVersion, at.In(lifecycle.Beijing()).Format(time.DateOnly), instant(at), body)
		first = rows == 1
		return err
	})
	return first && err == nil, err
}

// ConsentNotes implements store.Details.
func (s *Store) ConsentNotes(ctx context.Context, accountID string) ([]store.ConsentNote, error) {
	var all []store.ConsentNote
	err := each(ctx, reader{s}, `SELECT answer, body FROM consent_notes WHERE account_id = ? ORDER BY at DESC, text_version LIMIT ?`,
		[]any{accountID, store.MostDetails}, func(scan func(...any) error) error {
			n := store.ConsentNote{AccountID: accountID}
			var body []byte
			if err := scan(&n.Answer, &body); err != nil {
				return err
			}
			if err := json.Unmarshal(body, &n.Consent); err != nil {
				return fmt.Errorf("%w: an answer is not readable", ErrDiverged)
			}
			all = append(all, n)
			return nil
		})
	slices.Reverse(all)
	return all, s.fault(ctx, "read answers", err)
}

// LogLines implements store.Details.
func (s *Store) LogLines(ctx context.Context, accountID string, after int64, limit int) ([]store.LogLine, error) {
	if limit < 1 || limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	var page []store.LogLine
	err := each(ctx, reader{s}, `SELECT seq, position, recorded_at, body, hash FROM events WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
		[]any{accountID, after, limit}, func(scan func(...any) error) error {
			var l store.LogLine
			err := scan(&l.Seq, &l.Position, scanTime(&l.RecordedAt), &l.Text, &l.Hash)
			page = append(page, l)
			return err
		})
	return page, s.fault(ctx, "read a log", err)
}
