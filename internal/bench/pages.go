package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// pagesBench opens pages that follow an account each, served by one process, and has a store of its own, as another process
// has it, write to some of them. What is timed is from the end of the write to the page's event. Then nothing is written for
// a while, and what that costs is counted.
func pagesBench(ctx context.Context, c Config) (report Report, err error) {
	for _, pages := range c.Accounts {
		rows, err := c.pagesRows(ctx, pages)
		if err != nil {
			return report, err
		}
		report.Rows = append(report.Rows, rows...)
	}
	return report, nil
}

func (c Config) pagesRows(ctx context.Context, pages int) (_ []Row, err error) {
	if err := allowFiles(uint64(2*pages + 1000)); err != nil { //nolint:gosec // a count
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
	more, err := c.compare(ctx, "idle", "transactions/s", side{"1 page open", idle(1)}, side{fmt.Sprintf("%d open", pages), idle(pages)})
	return append(rows, more...), err
}

// followed writes some changes, one after the other, while pages are open.
func (c Config) followed(ctx context.Context, r *rig, other *sqlstore.Store, open int) (s sample, err error) {
	resident := watchResident(ctx)
	all, err := c.open(ctx, r, open)
	if err != nil {
		return s, err
	}
	defer all.close()
	changes := min(c.requests()/20, 200)
	s = sample{operations: changes, allocs: -1}
	for n := range changes {
		id := accountID(n * stride % open)
		_, err := other.Append(ctx, lifecycle.Append{
			AccountID: id, ChangeID: fmt.Sprint("c", all.made.Add(1), "-", c.Now().UnixNano()), Head: lifecycle.AnyHead,
			Changes: []lifecycle.Change{{Event: lifecycle.Prompt, At: r.clock(), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}},
		})
		if err != nil {
			return s, err
		}
		written := c.Now()
		select {
		case <-all.events:
		case <-time.After(time.Minute):
			return s, errors.New("a page was told nothing for a minute")
		case <-ctx.Done():
			return s, ctx.Err()
		}
		took := c.Now().Sub(written)
		s.took, s.each = s.took+took, append(s.each, took)
	}
	s.resident = resident()
	return s, nil
}

// idle counts the transactions of the database while pages are open and nothing is written; without a server that counts them
// it counts none, and processor time tells.
func (c Config) idle(ctx context.Context, r *rig, open int) (s sample, err error) {
	all, err := c.open(ctx, r, open)
	if err != nil {
		return s, err
	}
	defer all.close()
	before, err := c.transactions(ctx, r)
	if err != nil {
		return s, err
	}
	begun, used := c.Now(), processorTime()
	timer := time.NewTimer(c.Idle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return s, ctx.Err()
	}
	took, cpu := c.Now().Sub(begun), processorTime()-used
	after, err := c.transactions(ctx, r)
	return sample{operations: max(after-before, 1), took: took, cpu: cpu, allocs: -1}, err
}

func (c Config) transactions(ctx context.Context, r *rig) (n int, err error) {
	if c.Postgres == nil {
		return 0, nil
	}
	err = r.db.QueryRowContext(ctx, `SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()`).Scan(&n)
	return n, err
}

// openPages are pages that are open.
type openPages struct {
	events chan struct{} // one for each event after the first of each page
	made   atomic.Int64
	close  func()
}

// open opens pages, a few at a time, and returns when each has its first event.
func (c Config) open(ctx context.Context, r *rig, pages int) (*openPages, error) {
	ctx, cancel := context.WithCancel(ctx)
	transport := &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext}
	all := &openPages{events: make(chan struct{}, pages)}
	var reading sync.WaitGroup
	all.close = func() { cancel(); reading.Wait() }
	opened, slots := make(chan error, pages), make(chan struct{}, 64)
	for n := range pages {
		reading.Go(func() {
			slots <- struct{}{}
			told := false
			err := r.followPage(ctx, transport, accountID(n), func() {
				if told {
					all.events <- struct{}{}
					return
				}
				told = true
				<-slots
				opened <- nil
			})
			if !told {
				<-slots
				opened <- errors.Join(errors.New("a page does not open"), err)
			}
		})
	}
	for range pages {
		if err := <-opened; err != nil {
			all.close()
			return nil, err
		}
	}
	return all, nil
}

// followPage reads the events of a page until its context ends.
func (r *rig) followPage(ctx context.Context, transport http.RoundTripper, id string, told func()) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/v1/accounts/"+id+"/verification/events", http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return errors.New("the answer is " + strconv.Itoa(res.StatusCode))
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte("id:")) {
			told()
		}
	}
	return lines.Err()
}

// allowFiles raises the number of files that this process may open, where it has to.
func allowFiles(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= n {
		return err
	}
	limit.Cur, limit.Max = n, max(limit.Max, n)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d open files are needed, two for each page (ulimit -n): %w", n, err)
	}
	return nil
}
