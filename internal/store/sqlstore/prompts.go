package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// PutPromptEvent implements store.Prompts.
func (s *Store) PutPromptEvent(ctx context.Context, accountID string, number int, event store.PromptEvent, at time.Time) (bool, error) {
	if at.IsZero() || event == "" {
		return false, fmt.Errorf("%w: a prompt's event needs a name and an instant", store.ErrInvalid)
	}
	if err := checkInstant("at", at); err != nil {
		return false, err
	}
	first := false
	err := s.write(ctx, "put a prompt's event", func(ctx context.Context, tx *transaction) error {
		fold, err := foldOf(ctx, tx, accountID)
		if err != nil {
			return err
		}
		if number < 1 || number > fold.Prompts { // they are numbered without gaps
			return store.ErrNotFound
		}
		n, err := tx.exec(ctx, `INSERT INTO prompt_feedback (account_id, number, event, at) VALUES (?, ?, ?, ?)
			ON CONFLICT (account_id, number, event) DO NOTHING`, accountID, number, string(event), instant(at))
		first = n == 1
		return err
	})
	return first && err == nil, err
}

// Prompts implements store.Prompts.
func (s *Store) Prompts(ctx context.Context, accountID string, after, limit int) ([]store.Prompt, error) {
	const most = 500
	if after < 0 || limit < 1 || limit > most {
		return nil, fmt.Errorf("%w: after must be 0 or more, and limit 1 to %d", store.ErrInvalid, most)
	}
	var page []store.Prompt
	err := s.snapshot(ctx, "read prompts", func(q querier) error {
		// Prompts are numbered in the order of the log, so the nth entry is prompt n.
		err := entries(ctx, q, `WHERE account_id = ? AND event = 'prompt' ORDER BY seq LIMIT ? OFFSET ?`, []any{accountID, limit, after},
			func(e store.Entry) { page = append(page, promptOf(e)) })
		if err != nil || len(page) == 0 {
			return err
		}
		first, last := page[0].Number, page[len(page)-1].Number
		return each(ctx, q, `SELECT number, event, at FROM prompt_feedback WHERE account_id = ? AND number BETWEEN ? AND ?`,
			[]any{accountID, first, last}, func(scan func(...any) error) error {
				var number int
				var event store.PromptEvent
				var at time.Time
				if err := scan(&number, &event, scanTime(&at)); err != nil {
					return err
				}
				page[number-first].Events[event] = at
				return nil
			})
	})
	return page, err
}

func promptOf(e store.Entry) store.Prompt {
	p := store.Prompt{At: e.At, Events: map[store.PromptEvent]time.Time{}}
	note := e.Detail.Prompt
	if note == nil {
		note = &lifecycle.PromptNote{}
	}
	p.Number, p.Level, p.Policy, p.Version, p.Rule = note.Number, note.Level, note.Policy, note.PolicyVersion, note.Rule
	return p
}
