package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/verigate/verigate/internal/pause"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// pagesRows opens pages that follow an account each, served by one process, and has a store of its own, as another process
// has it, write to some of them. What is timed is from the end of the write to the page's event. Then nothing is written for
// a while, and what that costs is counted.
func (c Config) pagesRows(ctx context.Context, pages int) (_ []Row, err error) {
	if err := c.allowPages(pages); err != nil {
		return nil, err
	}
	name := fmt.Sprint("pages-", pages)
	r, err := c.newRig(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	c.Say("registering %d accounts", pages)
	if err := errors.Join(r.populate(ctx, pages), r.db.settle(ctx)); err != nil {
		return nil, err
	}
	other, err := sqlstore.Open(ctx, c.storeConfig(name, r.clock))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	follow := func(open int) func(context.Context) (sample, error) {
		return func(ctx context.Context) (sample, error) { return c.followed(ctx, r, other, open) }
	}
	rows, err := c.compare(ctx, "change to page", "events/s", side{"1 page open", follow(1)}, side{fmt.Sprintf("%d open", pages), follow(pages)})
	if err != nil || c.Idle == 0 {
		return rows, err
	}
	idle := func(open int) func(context.Context) (sample, error) {
		return func(ctx context.Context) (sample, error) { return c.idle(ctx, r, open) }
	}
	more, err := c.compare(ctx, "idle", "statements/s", side{"1 page open", idle(1)}, side{fmt.Sprintf("%d open", pages), idle(pages)})
	return append(rows, more...), err
}

// followed writes some changes, one after the other, while pages are open.
func (c Config) followed(ctx context.Context, r *rig, other *sqlstore.Store, open int) (s sample, err error) {
	resident := watchResident(ctx)
	all, err := c.open(ctx, r, open)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, all.close()) }()
	changes := min(c.requests()/20, 200)
	if c.Postgres == nil {
		changes = min(changes, 50) // each waits for the next poll
	}
	s = sample{operations: changes, allocs: -1}
	used := processorTime()
	for n := range changes {
		id := accountID(n * stride % open)
		_, err := other.Append(ctx, lifecycle.Append{
			AccountID: id, ChangeID: fmt.Sprint("c", n, "-", c.Now().UnixNano()), Head: lifecycle.AnyHead,
			Changes: []lifecycle.Change{{Event: lifecycle.Prompt, At: r.clock(), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}},
		})
		if err != nil {
			return s, err
		}
		written := c.Now()
		select {
		case told, ok := <-all.told:
			if !ok {
				return s, errors.New("the pages have closed")
			}
			if told != id {
				return s, fmt.Errorf("the page of %s was told what happened to %s", told, id)
			}
		case <-time.After(time.Minute):
			return s, errors.New("a page was told nothing for a minute")
		case <-ctx.Done():
			return s, ctx.Err()
		}
		took := c.Now().Sub(written)
		s.took, s.each = s.took+took, append(s.each, took)
	}
	s.cpu, s.resident = max(processorTime()-used, 1), resident()
	return s, nil
}

// idle counts the database's statements while pages are open and nothing is written: of SQLite the polls, of PostgreSQL all
// but the count itself. The memory is what pages make this process keep.
func (c Config) idle(ctx context.Context, r *rig, open int) (s sample, err error) {
	debug.FreeOSMemory()
	all, err := c.open(ctx, r, open)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, all.close()) }()
	debug.FreeOSMemory()
	before, err := c.statements(ctx, r)
	if err != nil {
		return s, err
	}
	begun, used := c.Now(), processorTime()
	if err := pause.For(ctx, c.Idle); err != nil {
		return s, err
	}
	took, cpu := c.Now().Sub(begun), processorTime()-used
	after, err := c.statements(ctx, r)
	return sample{operations: max(after-before, 1), took: took, cpu: cpu, allocs: -1, resident: residentNow()}, err
}

// statements is how many the database has run. A server of PostgreSQL that does not count them has its transactions counted,
// which it tells some seconds late.
func (c Config) statements(ctx context.Context, r *rig) (n int, err error) {
	if c.Postgres == nil {
		return int(r.polls.Load()), nil
	}
	var loaded string
	if err := r.db.QueryRowContext(ctx, `SHOW shared_preload_libraries`).Scan(&loaded); err != nil {
		return 0, err
	}
	query := `SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()`
	if loaded == pgserver.Counter {
		query = `SELECT CAST(SUM(calls) AS BIGINT) FROM pg_stat_statements(true) WHERE query !~ 'pg_stat_statements|shared_preload_libraries'
			AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`
		if _, err := r.db.ExecContext(ctx, `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`); err != nil {
			return 0, err
		}
	}
	err = r.db.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// allowPages raises the number of files that this process may open, where it has to.
func (c Config) allowPages(pages int) error {
	const beside = 500
	if len(c.Follower) > 0 {
		return allowFiles(pages + beside)
	}
	return allowFiles(2*pages + beside) // both ends are here
}

func allowFiles(wanted int) error {
	n := uint64(max(wanted, 0))
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= n {
		return err
	}
	limit.Cur, limit.Max = n, max(limit.Max, n)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("bench: %d open files are needed, one for each page; raise the limit (ulimit -n) or open fewer pages: %w", n, err)
	}
	return nil
}
