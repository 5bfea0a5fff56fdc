package sqlstore

import "context"

// Changed implements store.Log.
func (s *Store) Changed(ctx context.Context, accountID string) (<-chan struct{}, error) {
	return s.hub.subscribe(ctx, topic{logTopic, accountID})
}

// ReturnedChanged implements store.Hints.
func (s *Store) ReturnedChanged(ctx context.Context, attemptID string) (<-chan struct{}, error) {
	return s.hub.subscribe(ctx, topic{returnTopic, attemptID})
}

// publish tells this process's listeners that something was written, and other processes where the database passes it on.
func (s *Store) publish(t topic) {
	s.hub.publish(t)
	if s.notifier != nil {
		s.notifier.tell(t)
	}
}

// poll is the hub's one statement.
func (s *Store) poll(ctx context.Context, after *cursor) (cursor, []topic, error) {
	var next cursor
	if after == nil {
		err := s.atRest(ctx, "poll", func(q querier) error {
			return row(ctx, q, `SELECT (SELECT COALESCE(MAX(position), 0) FROM events),
			(SELECT COALESCE(MAX(position), 0) FROM returns)`, nil, &next.events, &next.returns)
		})
		return next, nil, err
	}
	next = *after
	var news []topic
	seen := map[topic]bool{}
	err := s.atRest(ctx, "poll", func(q querier) error {
		return each(ctx, q, `SELECT 0, position, account_id FROM events WHERE position > ?
			UNION ALL SELECT 1, position, attempt_id FROM returns WHERE position > ?`, []any{after.events, after.returns}, func(scan func(...any) error) error {
			var t topic
			var position int64
			if err := scan(&t.kind, &position, &t.id); err != nil {
				return err
			}
			if t.kind == logTopic {
				next.events = max(next.events, position)
			} else {
				next.returns = max(next.returns, position)
			}
			if !seen[t] {
				seen[t] = true
				news = append(news, t)
			}
			return nil
		})
	})
	return next, news, err
}
