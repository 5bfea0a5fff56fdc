package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
)

const sweepsQuery = `SELECT sweep_id, policy_name, policy_version, instant, dry_run, actor_kind, actor_id, reason, state, total, done,
	restricted, lifted, counts, started_at, ended_at FROM sweeps `

func sweeps(ctx context.Context, q querier, query string, args ...any) ([]store.Sweep, error) {
	var all []store.Sweep
	err := each(ctx, q, sweepsQuery+query, args, func(scan func(...any) error) error {
		var w store.Sweep
		var dry int
		var counts []byte
		err := scan(&w.ID, &w.PolicyName, &w.PolicyVersion, scanTime(&w.Instant), &dry, &w.Actor.Kind, &w.Actor.ID, &w.Reason, &w.State,
			&w.Total, &w.Done, &w.Restricted, &w.Lifted, &counts, scanTime(&w.StartedAt), scanTime(&w.EndedAt))
		if err == nil && json.Unmarshal(counts, &w.Counts) != nil {
			err = fmt.Errorf("%w: counts of a sweep are not readable", ErrDiverged)
		}
		w.DryRun = dry != 0
		all = append(all, w)
		return err
	})
	return all, err
}

// sweep reads one sweep, and locks its row where lock is what the dialect locks with.
func sweep(ctx context.Context, q querier, id, lock string) (store.Sweep, error) {
	found, err := sweeps(ctx, q, `WHERE sweep_id = ?`+lock, id)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Sweep{}, err
	}
	return found[0], nil
}

// BeginSweep implements store.Sweeps.
func (s *Store) BeginSweep(ctx context.Context, w store.Sweep) (store.Sweep, error) {
	if w.ID == "" || w.Instant.IsZero() || w.StartedAt.IsZero() {
		return w, fmt.Errorf("%w: a sweep needs an id, an instant and a beginning", store.ErrInvalid)
	}
	if err := errors.Join(checkInstant("instant", w.Instant), checkInstant("started_at", w.StartedAt)); err != nil {
		return w, err
	}
	begun := w
	err := s.write(ctx, "begin a sweep", func(ctx context.Context, tx *transaction) error {
		w = begun
		_, err := tx.exec(ctx, `INSERT INTO sweeps (sweep_id, policy_name, policy_version, instant, dry_run, actor_kind, actor_id, reason,
			state, total, done, restricted, lifted, counts, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, '[]', ?)
			ON CONFLICT (sweep_id) DO NOTHING`,
			w.ID, w.PolicyName, w.PolicyVersion, instant(w.Instant), flag(w.DryRun), string(w.Actor.Kind), w.Actor.ID, w.Reason,
			string(contract.SweepRunning), w.Total, instant(w.StartedAt))
		if err != nil {
			return err
		}
		w, err = sweep(ctx, tx, w.ID, "")
		return err
	})
	return w, err
}

// SaveSweep implements store.Sweeps.
func (s *Store) SaveSweep(ctx context.Context, p store.SweepProgress) (store.Sweep, error) {
	var w store.Sweep
	if err := checkInstant("at", p.At); err != nil {
		return w, err
	}
	counts, err := encodeDetail("counts", append([]contract.SweepCount{}, p.Counts...))
	if err != nil {
		return w, err
	}
	err = s.write(ctx, "save a sweep", func(ctx context.Context, tx *transaction) error {
		var err error
		if w, err = sweep(ctx, tx, p.ID, s.dialect.lockRow()); err != nil || w.State.Ended() {
			return err
		}
		restricted, lifted := w.Restricted, w.Lifted
		if w.DryRun { // nothing was written, so nothing was counted by who writes
			restricted, lifted = 0, 0
			for _, c := range p.Counts {
				restricted, lifted = restricted+c.Restricted, lifted+c.Lifted
			}
		}
		var ended any
		if p.State.Ended() {
			ended = instant(p.At)
		}
		_, err = tx.exec(ctx, `UPDATE sweeps SET state = ?, done = ?, restricted = ?, lifted = ?, counts = ?, ended_at = ? WHERE sweep_id = ?`,
			string(p.State), max(w.Done, p.Done), restricted, lifted, counts, ended, p.ID)
		if err != nil {
			return err
		}
		w, err = sweep(ctx, tx, p.ID, "")
		return err
	})
	return w, err
}

// Sweep implements store.Sweeps.
func (s *Store) Sweep(ctx context.Context, id string) (store.Sweep, error) {
	w, err := sweep(ctx, reader{s}, id, "")
	return w, s.fault(ctx, "read a sweep", err)
}

// Sweeps implements store.Sweeps.
func (s *Store) Sweeps(ctx context.Context, before string, limit int) ([]store.Sweep, error) {
	const most = 500
	if limit < 1 || limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	page, err := sweeps(ctx, reader{s}, `WHERE position < COALESCE((SELECT position FROM sweeps WHERE sweep_id = ?), ?)
		ORDER BY position DESC LIMIT ?`, before, int64(math.MaxInt64), limit)
	return page, s.fault(ctx, "list sweeps", err)
}

// Population implements store.Sweeps.
func (s *Store) Population(ctx context.Context) (int, error) {
	var all int
	err := row(ctx, reader{s}, `SELECT COUNT(*) FROM accounts`, nil, &all)
	return all, s.fault(ctx, "count the accounts", err)
}
