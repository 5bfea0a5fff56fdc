package enforce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Store is what a sweeper needs of the database.
type Store interface {
	EnforceRows(ctx context.Context, p store.EnforcePage) ([]store.EnforceRow, error)
	Enforce(ctx context.Context, p store.EnforcePage, judge store.Judge) (store.EnforceResult, error)
}

// Sweeper brings restrictions on record in step with the rules in force. It is safe for concurrent use.
type Sweeper struct {
	store Store
	book  *rulebook.Book
	now   func() time.Time
}

// New returns a sweeper; now is business time.
func New(s Store, book *rulebook.Book, now func() time.Time) *Sweeper {
	return &Sweeper{store: s, book: book, now: now}
}

// Source says who enforces.
type Source struct {
	Sweep string // id of the sweep, "" if it is none
	Other string // otherwise what it is, a code such as settle
}

func (s Source) actor() string {
	if s.Sweep != "" {
		return "sweep"
	}
	return s.Other
}

func (s Source) id() string {
	if s.Sweep != "" {
		return s.Sweep
	}
	return s.Other
}

// Page says which accounts to go over.
type Page struct {
	Policy      string // name of the only policy, "" for all
	After, Last string // as in store.EnforcePage
	Limit       int
	Sweep       string // id of the sweep
	DryRun      bool   // count what would be written, and write nothing
}

// Result is what became of a page.
type Result struct {
	Accounts   int    // looked at
	Last       string // the last one, "" if there was none
	Restricted int    // entries written; of a dry run, wanted
	Lifted     int
	Counts     []contract.SweepCount // the same by rule and state

	written []lifecycle.Change // of the accounts named
}

// noPolicyZone is the zone while no policy is in force.
const noPolicyZone = "Asia/Shanghai"

// Boundaries returns when versions come into force and phases begin, ascending, and the zone of the policies in force.
func (s *Sweeper) Boundaries(ctx context.Context) ([]time.Time, *time.Location, error) {
	snapshot, err := s.book.Now(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("enforce: %w", err)
	}
	force, err := snapshot.InForce(s.now(), store.Would)
	if err != nil {
		return nil, nil, fmt.Errorf("enforce: %w", err)
	}
	zone := force.Zone
	if zone == nil {
		if zone, err = time.LoadLocation(noPolicyZone); err != nil {
			return nil, nil, fmt.Errorf("enforce: zone: %w", err)
		}
	}
	return snapshot.Boundaries(), zone, nil
}

// InForce names the policies in force now, by name, each with its version.
func (s *Sweeper) InForce(ctx context.Context) ([]contract.SweepKey, error) {
	force, err := s.book.InForce(ctx, s.now())
	if err != nil {
		return nil, fmt.Errorf("enforce: %w", err)
	}
	var keys []contract.SweepKey
	for _, p := range force.Set.Policies() {
		keys = append(keys, contract.SweepKey{Policy: p.Name, Version: p.Version})
	}
	return keys, nil
}

// Page enforces the rules in force now upon the accounts of a page.
func (s *Sweeper) Page(ctx context.Context, p Page) (Result, error) {
	return s.enforce(ctx, p, Source{Sweep: p.Sweep}, store.EnforcePage{After: p.After, Last: p.Last, Limit: p.Limit}, nil)
}

// Settle does the same for one account and every policy, so that a change of its facts is announced at once and not at
// the next sweep. It returns the entries that it wrote, and fails with store.ErrNotFound if the account is not
// registered.
func (s *Sweeper) Settle(ctx context.Context, accountID string) ([]lifecycle.Change, error) {
	done, err := s.enforce(ctx, Page{}, settling(), store.EnforcePage{AccountIDs: []string{accountID}}, nil)
	return done.written, err
}

// SettleAll is Settle for many accounts, each at an instant of its own.
func (s *Sweeper) SettleAll(ctx context.Context, instants map[string]time.Time) ([]lifecycle.Change, error) {
	if len(instants) == 0 {
		return nil, nil
	}
	page := store.EnforcePage{AccountIDs: slices.Sorted(maps.Keys(instants))}
	done, err := s.enforce(ctx, Page{}, settling(), page, instants)
	return done.written, err
}

func settling() Source { return Source{Other: "settle"} }

// staleTries is how often a page is tried while policies are being published.
const staleTries = 5

// enforce judges accounts now, or at their instants where they are given.
func (s *Sweeper) enforce(ctx context.Context, p Page, source Source, page store.EnforcePage, instants map[string]time.Time) (Result, error) {
	page.Source = source.id()
	var all Result
	for try := 1; ; try++ {
		snapshot, err := s.book.Now(ctx)
		if err != nil {
			return all, fmt.Errorf("enforce: %w", err)
		}
		wants, err := judges(judge{policy: p.Policy, source: source}, snapshot, s.now(), instants)
		if err != nil {
			return all, fmt.Errorf("enforce: %w", err)
		}
		if p.DryRun {
			all, err = s.rehearse(ctx, page, wants)
		} else {
			err = s.write(ctx, page, wants, &all)
		}
		if err == nil || !errors.Is(err, errStale) || try == staleTries {
			return all, err
		}
	}
}

// write adds to what a try before it wrote.
func (s *Sweeper) write(ctx context.Context, page store.EnforcePage, wants store.Judge, all *Result) error {
	done, err := s.store.Enforce(ctx, page, wants)
	all.Accounts, all.Last = done.Accounts, done.Last
	for _, c := range done.Written {
		all.count(c, c.From)
	}
	if len(page.AccountIDs) > 0 {
		all.written = append(all.written, done.Written...)
	}
	if err != nil {
		return fmt.Errorf("enforce: %w", err)
	}
	return nil
}

func (s *Sweeper) rehearse(ctx context.Context, page store.EnforcePage, wants store.Judge) (Result, error) {
	var all Result
	rows, err := s.store.EnforceRows(ctx, page)
	if err != nil {
		return all, fmt.Errorf("enforce: %w", err)
	}
	for _, row := range rows {
		wanted, err := wants(row)
		if err != nil {
			return all, err
		}
		all.Accounts, all.Last = all.Accounts+1, row.Account.ID
		for _, c := range wanted {
			all.count(c, row.Standing.State)
		}
	}
	return all, nil
}

func (r *Result) count(c lifecycle.Change, state lifecycle.State) {
	one := contract.SweepCount{RuleID: c.Detail.Restricted.Rule, State: state}
	if c.Event == lifecycle.Restrict {
		r.Restricted, one.Restricted = r.Restricted+1, 1
	} else {
		r.Lifted, one.Lifted = r.Lifted+1, 1
	}
	r.Counts = contract.AddCounts(r.Counts, one)
}
