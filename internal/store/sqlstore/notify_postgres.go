package sqlstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel carries what processes tell each other. It is the database's, whatever its schema.
const channel = "verigate_changes"

// notice is what one process tells the others: accounts whose logs grew, and attempts whose phones returned.
type notice struct {
	From     string   `json:"from"`
	Logs     []string `json:"logs,omitempty"`
	Returned []string `json:"returned,omitempty"`
}

// noticeBytes bounds the ids of one notice. PostgreSQL takes messages of less than 8,000 bytes.
const noticeBytes = 6000

// tellPatience bounds the time for one notice, and for the beginning to listen.
const tellPatience = 5 * time.Second

// notifier tells other processes what this one wrote, after the commit and beside it: within the transaction it would
// have all commits wait for each other. What gathers while one notice is on its way goes with the next.
type notifier struct {
	s      *Store
	id     string
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	pending map[topic]struct{}
	sending bool
	done    sync.WaitGroup
}

func newNotifier(s *Store) *notifier {
	ctx, cancel := context.WithCancel(context.Background())
	return &notifier{s: s, id: rand.Text(), ctx: ctx, cancel: cancel, pending: map[topic]struct{}{}}
}

func (n *notifier) tell(t topic) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return
	}
	n.pending[t] = struct{}{}
	if !n.sending {
		n.sending = true
		n.done.Go(n.run)
	}
}

// run sends what is pending until nothing is. A notice that cannot be sent is dropped: the others' polls find what it
// was about.
func (n *notifier) run() {
	for {
		next := n.take()
		if len(next.Logs)+len(next.Returned) == 0 {
			return
		}
		n.send(next)
	}
}

// take moves as many topics as fit into a notice; with none left, run ends.
func (n *notifier) take() notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	next, size := notice{From: n.id}, 0
	for t := range n.pending {
		if size += len(t.id) + len(`"",`); size > noticeBytes && len(next.Logs)+len(next.Returned) > 0 {
			break
		}
		delete(n.pending, t)
		if t.kind == logTopic {
			next.Logs = append(next.Logs, t.id)
		} else {
			next.Returned = append(next.Returned, t.id)
		}
	}
	n.sending = size > 0
	return next
}

func (n *notifier) send(what notice) {
	text, err := json.Marshal(what)
	if err != nil {
		return // strings can be encoded
	}
	ctx, cancel := context.WithTimeout(n.ctx, tellPatience)
	defer cancel()
	_, _ = n.s.writer.ExecContext(ctx, `SELECT pg_notify($1, $2)`, channel, string(text))
}

func (n *notifier) close() {
	n.cancel()
	n.mu.Lock() // nothing begins any more
	n.pending = map[topic]struct{}{}
	n.mu.Unlock()
	n.done.Wait()
}

// listen hears the notices of other processes on a connection of its own.
func (s *Store) listen(ctx context.Context, conns *pgx.ConnConfig) (<-chan []topic, error) {
	begin, cancel := context.WithTimeout(ctx, tellPatience)
	defer cancel()
	conn, err := pgx.ConnectConfig(begin, conns.Copy())
	if err != nil {
		return nil, fmt.Errorf("sqlstore: listen: %w", err)
	}
	if _, err := conn.Exec(begin, `LISTEN `+channel); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("sqlstore: listen: %w", err)
	}
	heard := make(chan []topic)
	go func() {
		defer close(heard)
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		for {
			n, err := conn.WaitForNotification(ctx)
			if err != nil {
				return
			}
			select {
			case heard <- s.notifier.topics(n.Payload):
			case <-ctx.Done():
				return
			}
		}
	}()
	return heard, nil
}

// topics reads a notice; none if it is this process's own, or no notice.
func (n *notifier) topics(payload string) []topic {
	var from notice
	if json.Unmarshal([]byte(payload), &from) != nil || from.From == n.id {
		return []topic{}
	}
	topics := make([]topic, 0, len(from.Logs)+len(from.Returned))
	for _, id := range from.Logs {
		topics = append(topics, topic{logTopic, id})
	}
	for _, id := range from.Returned {
		topics = append(topics, topic{returnTopic, id})
	}
	return topics
}
