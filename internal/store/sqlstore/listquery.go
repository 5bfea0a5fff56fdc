package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// A list reads the ids of its page from indexes that have the wanted order already: one range of one index or, where a
// filter allows several values, one range for each, merged. So a page costs what it shows, not what the population has.
//
// The filter that selects fewest chooses the index; the others are compared on the way, most of them within the index.

// maxRanges bounds the ranges that a list merges. Where a kind is found in more regions, the order alone is read.
const maxRanges = 64

// listing is a filter made ready for its statement.
type listing struct {
	store.AccountFilter
	dialect    dialect
	states     []string // nil: any
	kinds      []string
	regions    []string
	registered policy.Interval
}

// newListing narrows a filter down; ok is false if nothing can match it.
func newListing(d dialect, f store.AccountFilter) (l listing, ok bool) {
	l = listing{AccountFilter: f, dialect: d}
	if l.Sort == "" {
		l.Sort = store.SortAccountID
	}
	if len(f.States) > 0 || f.Turn != "" {
		l.states = []string{}
	}
	for _, s := range lifecycle.States() {
		if l.states != nil && (len(f.States) == 0 || slices.Contains(f.States, s)) && (f.Turn == "" || s.Turn() == f.Turn) {
			l.states = append(l.states, string(s))
		}
	}
	for _, c := range f.Cohorts {
		kinds := make([]string, len(c.Kinds))
		for i, k := range c.Kinds {
			kinds[i] = string(k)
		}
		l.kinds, l.regions = common(l.kinds, kinds), common(l.regions, c.Regions)
		l.registered = overlap(l.registered, c.Registered)
	}
	return l, !none(l.states) && !none(l.kinds) && !none(l.regions) && !empty(l.registered) && !empty(f.Changed)
}

// common is what two lists allow together; an empty list of b, and nil of a, allows everything.
func common(a, b []string) []string {
	switch {
	case len(b) == 0:
		return a
	case a == nil:
		return slices.Compact(slices.Sorted(slices.Values(b)))
	default:
		both := slices.DeleteFunc(slices.Clone(a), func(v string) bool { return !slices.Contains(b, v) })
		return append([]string{}, both...)
	}
}

func none(values []string) bool { return values != nil && len(values) == 0 }

func overlap(a, b policy.Interval) policy.Interval {
	if a.From.IsZero() || b.From.After(a.From) {
		a.From = b.From
	}
	if a.Before.IsZero() || (!b.Before.IsZero() && b.Before.Before(a.Before)) {
		a.Before = b.Before
	}
	return a
}

func empty(i policy.Interval) bool {
	return !i.From.IsZero() && !i.Before.IsZero() && !i.From.Before(i.Before)
}

// condition is a WHERE with its parameters, for one range of an index.
type condition struct {
	index string // its name for lists by account id; empty: the accounts themselves
	texts []string
	args  []any
}

func (c *condition) and(text string, args ...any) {
	c.texts, c.args = append(c.texts, text), append(c.args, args...)
}

func (c *condition) among(column string, values []string) {
	if values == nil {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	c.and(column+` IN (?`+strings.Repeat(`, ?`, len(values)-1)+`)`, args...)
}

func (c *condition) within(column string, i policy.Interval) {
	if !i.From.IsZero() {
		c.and(column+` >= ?`, bound(i.From))
	}
	if !i.Before.IsZero() {
		c.and(column+` < ?`, bound(i.Before))
	}
}

// statement returns what reads a page's ids.
func (l listing) statement(ctx context.Context, q querier) (string, []any, error) {
	ranges, err := l.ranges(ctx, q)
	if err != nil {
		return "", nil, err
	}
	columns, order := `account_id`, `account_id`
	if column := l.column(); column != "" {
		columns, order = `account_id, `+column+` AS place`, `place DESC, account_id DESC`
	}
	var query strings.Builder
	var args []any
	for i, r := range ranges {
		if i > 0 {
			query.WriteString(` UNION ALL `)
		}
		part := `SELECT ` + columns + ` FROM ` + l.source(r.index)
		l.place(&r)
		if len(r.texts) > 0 {
			part += ` WHERE ` + strings.Join(r.texts, ` AND `)
		}
		args = append(args, r.args...)
		if len(ranges) > 1 && !l.dialect.merges() {
			part = `(` + part + ` ORDER BY ` + order + ` LIMIT ?)`
			args = append(args, l.Limit)
		}
		query.WriteString(part)
	}
	query.WriteString(` ORDER BY ` + order + ` LIMIT ?`)
	return query.String(), append(args, l.Limit), nil
}

// source is the table, read from the index that has the order.
func (l listing) source(index string) string {
	switch {
	case index == "":
		return `accounts`
	case l.Sort == store.SortAccountID:
		return l.dialect.by(`accounts`, index)
	default:
		return l.dialect.by(`accounts`, index+`_`+string(l.Sort))
	}
}

// column is what the list is ordered by before the account id, empty if nothing.
func (l listing) column() string {
	switch l.Sort {
	case store.SortChanged:
		return `changed_at`
	case store.SortRegistered:
		return `registered_at`
	case store.SortAccountID:
		return ""
	default:
		return ""
	}
}

// ranges are the parts of indexes to be merged, without the place in the order.
func (l listing) ranges(ctx context.Context, q querier) ([]condition, error) {
	few, ok := l.few()
	switch {
	case ok:
		return []condition{few}, nil
	case l.states != nil:
		return l.byState(l.states), nil
	case l.kinds != nil || l.regions != nil:
		ranges, err := l.byCohort(ctx, q)
		if err != nil || len(ranges) > 0 {
			return ranges, err
		}
	}
	if l.Sort == store.SortAccountID {
		var c condition
		l.compare(&c, said{})
		return []condition{c}, nil
	}
	all := make([]string, 0, len(lifecycle.States()))
	for _, s := range lifecycle.States() {
		all = append(all, string(s))
	}
	return l.byState(all), nil
}

// few is the range of an index that holds few accounts, if a filter has one.
func (l listing) few() (c condition, ok bool) {
	switch {
	case l.Extension != "":
		var column string
		c.index, column = extensionIndex(l.Extension)
		c.and(column + ` IS NOT NULL`)
		c.and(column+` > ?`, bound(l.Now))
		if !l.EndsBefore.IsZero() {
			c.and(column+` < ?`, bound(l.EndsBefore))
		}
		l.compare(&c, said{})
	case l.Closed != nil && *l.Closed:
		c.index = `accounts_closed`
		c.and(`closed_at IS NOT NULL`)
		c.and(`closed_at <= ?`, bound(l.Now))
		l.compare(&c, said{closed: true})
	case l.Restricted != nil && *l.Restricted:
		c.index = `accounts_restricted`
		c.and(`restricted > 0`)
		l.compare(&c, said{restricted: true})
	default:
		return c, false
	}
	return c, true
}

func extensionIndex(e store.ListExtension) (index, column string) {
	if e == store.ExtensionAsked {
		return `accounts_requested`, `requested_until`
	}
	return `accounts_extended`, `extended_until`
}

func (l listing) byState(states []string) []condition {
	ranges := make([]condition, len(states))
	for i, s := range states {
		ranges[i].index = `accounts_state`
		ranges[i].and(`state = ?`, s)
		l.compare(&ranges[i], said{state: true})
	}
	return ranges
}

// byCohort is a range for each kind and region. It returns none where there would be too many.
func (l listing) byCohort(ctx context.Context, q querier) ([]condition, error) {
	kinds := l.kinds
	if kinds == nil {
		for _, k := range policy.Kinds() {
			kinds = append(kinds, string(k))
		}
	}
	var ranges []condition
	for _, kind := range kinds {
		regions := l.regions
		if regions == nil {
			var err error
			if regions, err = regionsOf(ctx, q, kind); err != nil {
				return nil, err
			}
		}
		for _, region := range regions {
			c := condition{index: `accounts_cohort`}
			c.and(`kind = ?`, kind)
			c.and(`region = ?`, region)
			l.compare(&c, said{cohort: true})
			ranges = append(ranges, c)
		}
	}
	if len(ranges) > maxRanges {
		return nil, nil
	}
	if len(ranges) == 0 { // nobody is of that kind, which one empty range says as well
		c := condition{index: `accounts_cohort`}
		c.and(`kind = ?`, kinds[0])
		c.and(`region = ''`)
		ranges = append(ranges, c)
	}
	return ranges, nil
}

// regionsOf are the regions of a kind's accounts, up to as many as a list may need to know. It goes from one to the next in
// the index.
func regionsOf(ctx context.Context, q querier, kind string) ([]string, error) {
	var all []string
	err := each(ctx, q, `WITH RECURSIVE found (region) AS (
		SELECT MIN(region) FROM accounts WHERE kind = ?
		UNION ALL SELECT (SELECT MIN(region) FROM accounts WHERE kind = ? AND region > found.region) FROM found WHERE found.region IS NOT NULL
		) SELECT region FROM found WHERE region IS NOT NULL LIMIT ?`, []any{kind, kind, maxRanges + 1}, func(scan func(...any) error) error {
		var region string
		err := scan(&region)
		all = append(all, region)
		return err
	})
	return all, err
}

// said is what a range says by itself.
type said struct{ state, cohort, closed, restricted bool }

// compare adds what a range does not say by itself.
func (l listing) compare(c *condition, has said) {
	if !has.state {
		c.among(`state`, l.states)
	}
	if !has.cohort {
		c.among(`kind`, l.kinds)
		c.among(`region`, l.regions)
	}
	if !has.closed && l.Closed != nil {
		if *l.Closed {
			c.and(`closed_at <= ?`, bound(l.Now))
		} else {
			c.and(`(closed_at IS NULL OR closed_at > ?)`, bound(l.Now))
		}
	}
	if !has.restricted && l.Restricted != nil {
		if *l.Restricted {
			c.and(`restricted > 0`)
		} else {
			c.and(`restricted = 0`)
		}
	}
	if l.Within.Bound() {
		condition, values := among(`account_id`, l.Within)
		c.and(condition, values...)
	}
	if l.Rule != "" {
		c.and(`EXISTS (SELECT 1 FROM restrictions o WHERE o.account_id = accounts.account_id AND o.rule_id = ? AND o.lifted_seq IS NULL)`, l.Rule)
	}
}

// place adds where the page begins and what bounds the order.
func (l listing) place(c *condition) {
	column := l.column()
	if l.Prefix != "" {
		if column != "" || l.After.ID < l.Prefix {
			c.and(`account_id >= ?`, l.Prefix)
		}
		c.and(`account_id < ?`, l.Prefix+"\x7f") // ids have no such character and none above it
	}
	if column == "" && l.After.ID != "" {
		c.and(`account_id > ?`, l.After.ID)
	}
	interval := l.registered
	if column != `registered_at` {
		c.within(`registered_at`, interval)
	}
	if column == `changed_at` {
		interval = l.Changed
	} else {
		c.within(`changed_at`, l.Changed)
	}
	if column == "" {
		return
	}
	if l.After.ID != "" {
		c.and(`(`+column+`, account_id) < (?, ?)`, bound(l.After.At), l.After.ID)
		interval.Before = time.Time{} // the place is before it
	}
	c.within(column, interval)
}

func checkListing(f store.AccountFilter) error {
	const most = 500
	switch {
	case f.Limit < 1 || f.Limit > most:
		return fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	case (f.Extension != "" || f.Closed != nil) && f.Now.IsZero():
		return fmt.Errorf("%w: a list by extension or closing needs a clock", store.ErrInvalid)
	case f.Rule != "" && (f.Restricted == nil || !*f.Restricted):
		return fmt.Errorf("%w: a list by the rule of a restriction is one of restricted accounts", store.ErrInvalid)
	case !f.EndsBefore.IsZero() && f.Extension == "":
		return fmt.Errorf("%w: a list by the end of extensions is one of extended accounts", store.ErrInvalid)
	case f.Sort != "" && !slices.Contains(store.AccountSorts(), f.Sort):
		return fmt.Errorf("%w: sort %q", store.ErrInvalid, f.Sort)
	case f.Extension != "" && !slices.Contains(store.ListExtensions(), f.Extension):
		return fmt.Errorf("%w: extension %q", store.ErrInvalid, f.Extension)
	default:
		return nil
	}
}
