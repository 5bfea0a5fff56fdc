package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// BeginRequest implements store.Idempotency.
func (s *Store) BeginRequest(ctx context.Context, key, bodyHash string, now time.Time) (store.SavedResponse, bool, error) {
	if key == "" || now.IsZero() {
		return store.SavedResponse{}, false, fmt.Errorf("%w: a request needs a key and an instant", store.ErrInvalid)
	}
	if err := checkInstant("now", now); err != nil {
		return store.SavedResponse{}, false, err
	}
	saved, err := savedResponse(ctx, reader{s}, key)
	if !errors.Is(err, store.ErrNotFound) {
		return saved, false, s.fault(ctx, "begin a request", err)
	}
	claimed := false
	err = s.write(ctx, "begin a request", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `INSERT INTO requests (request_key, body_hash, status, header, saved_at) VALUES (?, ?, 0, '{}', ?)
			ON CONFLICT (request_key) DO NOTHING`, key, bodyHash, instant(now))
		if err != nil {
			return err
		}
		claimed = n == 1
		saved, err = savedResponse(ctx, tx, key)
		return err
	})
	if err != nil {
		return store.SavedResponse{}, false, err
	}
	return saved, claimed, nil
}

func savedResponse(ctx context.Context, q querier, key string) (store.SavedResponse, error) {
	var r store.SavedResponse
	var header []byte
	err := row(ctx, q, `SELECT body_hash, status, header, body, saved_at FROM requests WHERE request_key = ?`, []any{key},
		&r.BodyHash, &r.Status, &header, &r.Body, scanTime(&r.SavedAt))
	if err != nil {
		return store.SavedResponse{}, err
	}
	if err := json.Unmarshal(header, &r.Header); err != nil {
		return store.SavedResponse{}, fmt.Errorf("%w: a saved header is not readable", ErrDiverged)
	}
	if len(r.Header) == 0 {
		r.Header = nil
	}
	return r, nil
}

// FinishRequest implements store.Idempotency.
func (s *Store) FinishRequest(ctx context.Context, key string, r store.SavedResponse) error {
	if r.Status == 0 {
		return fmt.Errorf("%w: an answer needs a status", store.ErrInvalid)
	}
	if err := checkInstant("saved_at", r.SavedAt); err != nil {
		return err
	}
	header, err := json.Marshal(r.Header)
	if err != nil {
		return fmt.Errorf("%w: header cannot be encoded", store.ErrInvalid)
	}
	return s.write(ctx, "finish a request", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `UPDATE requests SET status = ?, header = ?, body = ?, saved_at = COALESCE(?, saved_at)
			WHERE request_key = ? AND status = 0`, r.Status, string(header), r.Body, instant(r.SavedAt), key)
		if err != nil || n == 1 {
			return err
		}
		_, err = savedResponse(ctx, tx, key) // finished before, or never begun
		return err
	})
}

// ForgetRequests implements store.Idempotency.
func (s *Store) ForgetRequests(ctx context.Context, before time.Time) (int, error) {
	forgotten := 0
	err := s.write(ctx, "forget requests", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `DELETE FROM requests WHERE saved_at < ?`, bound(before))
		forgotten = int(n)
		return err
	})
	return forgotten, err
}
