package audit

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/verigate/verigate/internal/store"
)

const (
	entriesAtOnce  = 1000
	accountsAtOnce = 500
	// maxFaults bounds the faults that are named; all are counted.
	maxFaults = 20
)

// Result is what a verification found.
type Result struct {
	Entries     int64 // of the audit log, that fit
	Accounts    int64 // with a log
	LogEntries  int64 // of their logs
	Checkpoints int   // that were held against the logs
	// Newest is the checkpoint up to which nothing can have been written anew; number 0 if there is none.
	Newest store.Checkpoint
	Faults []store.Fault // the first ones: of the audit log, of checkpoints, of accounts by id
	Count  int           // of all faults
}

// Intact reports that everything fits.
func (r *Result) Intact() bool { return r.Count == 0 }

func (r *Result) fault(f store.Fault) {
	if r.Count++; len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, f)
	}
}

// Verify follows every chain and holds them against the checkpoints in the store and against kept ones, which somebody
// exported before. It reads everything once, a page at a time, and keeps nobody from writing meanwhile.
func (l *Log) Verify(ctx context.Context, kept []store.Checkpoint) (*Result, error) {
	v := &verification{Log: l, result: &Result{}}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return v.checkpoints(ctx, kept) }, v.auditLog, v.accountLogs,
	} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("audit: verify: %w", err)
		}
	}
	return v.result, nil
}

type verification struct {
	*Log
	result *Result
	signed []store.Checkpoint
	marks  []store.ChainLink // where the audit log ended at checkpoints, by number of entries
}

// checkpoints reads the checkpoints, checks their signatures and that none is missing between them.
func (v *verification) checkpoints(ctx context.Context, kept []store.Checkpoint) error {
	byNumber := map[int64]store.Checkpoint{}
	for _, c := range kept {
		if v.vouches(c) {
			byNumber[c.Number] = c
		}
	}
	above, before := int64(0), int64(0)
	for {
		page, err := v.store.Checkpoints(ctx, before, entriesAtOnce)
		if err != nil {
			return err
		}
		for _, c := range page {
			if above != 0 && c.Number != above-1 {
				v.gone(above - 1)
			}
			above = c.Number
			same, known := byNumber[c.Number]
			if v.vouches(c) && known && !bytes.Equal(signed(same), signed(c)) {
				v.result.fault(store.Fault{Log: nameOf(c.Number), Kind: store.FaultRewritten})
			}
			delete(byNumber, c.Number)
		}
		if len(page) < entriesAtOnce {
			break
		}
		before = above
	}
	if above > 1 {
		v.gone(above - 1)
	}
	for _, number := range slices.Sorted(maps.Keys(byNumber)) { // exported once, and no longer there
		v.gone(number)
	}
	slices.SortFunc(v.marks, func(a, b store.ChainLink) int { return cmp.Compare(a.Number, b.Number) })
	return nil
}

// vouches takes a checkpoint in if its signature holds.
func (v *verification) vouches(c store.Checkpoint) bool {
	v.result.Checkpoints++
	if !v.Holds(c) {
		v.result.fault(store.Fault{Log: nameOf(c.Number), Kind: store.FaultSignature})
		return false
	}
	v.signed = append(v.signed, c)
	v.marks = append(v.marks, store.ChainLink{Number: c.Entries, Hash: c.Hash})
	if c.Number > v.result.Newest.Number {
		v.result.Newest = c
	}
	return true
}

func (v *verification) gone(number int64) {
	v.result.fault(store.Fault{Log: nameOf(number), Kind: store.FaultMissing})
}

func nameOf(number int64) string { return fmt.Sprint("checkpoint/", number) }

// auditLog follows the audit log to its end or to the first entry that does not fit.
func (v *verification) auditLog(ctx context.Context) error {
	last, marks := store.ChainLink{}, v.marks
	for {
		check, err := v.store.CheckAudit(ctx, last, entriesAtOnce)
		if err != nil {
			return err
		}
		for _, link := range check.Links {
			var fits bool
			if marks, fits = v.past(marks, link); !fits {
				return nil
			}
			v.result.Entries, last = link.Number, link
		}
		if check.Fault != nil {
			v.result.fault(*check.Fault)
			return nil
		}
		if check.Done {
			break
		}
	}
	if len(marks) > 0 && marks[len(marks)-1].Number > last.Number {
		v.result.fault(store.Fault{Log: "audit", Entry: last.Number + 1, Kind: store.FaultEnd})
	}
	return nil
}

// past holds an entry against the checkpoints that ended with it and returns those to come.
func (v *verification) past(marks []store.ChainLink, link store.ChainLink) (rest []store.ChainLink, fits bool) {
	for len(marks) > 0 && marks[0].Number <= link.Number {
		if marks[0].Number == link.Number && !bytes.Equal(marks[0].Hash, link.Hash) {
			v.result.fault(store.Fault{Log: "audit", Entry: link.Number, Kind: store.FaultRewritten})
			return nil, false
		}
		marks = marks[1:]
	}
	return marks, true
}

// accountLogs follows the logs of all accounts. Their ends as of every checkpoint must be what it signed: one that was
// taken after logs had been written anew vouches for what it saw, and only the ones before tell.
func (v *verification) accountLogs(ctx context.Context) error {
	digests := map[int64]*store.EndsDigest{} // by position
	for _, c := range v.signed {
		digests[c.Position] = store.NewEndsDigest()
	}
	after, fits := "", true
	for {
		check, err := v.store.CheckLogs(ctx, after, accountsAtOnce)
		if err != nil {
			return err
		}
		v.result.Accounts += check.Accounts
		v.result.LogEntries += check.Entries
		for _, log := range check.Logs {
			for position, digest := range digests {
				if end := log.EndAt(position); end.Number > 0 {
					digest.Add(end)
				}
			}
		}
		for _, f := range check.Faults {
			v.result.fault(f)
			fits = false
		}
		if check.Done {
			break
		}
		after = check.Last
	}
	rewritten := func(c store.Checkpoint) bool {
		digest := digests[c.Position]
		return digest.Accounts != c.Accounts || !bytes.Equal(digest.Sum(), c.Digest)
	}
	if fits && slices.ContainsFunc(v.signed, rewritten) {
		v.result.fault(store.Fault{Log: "accounts", Kind: store.FaultRewritten})
	}
	return nil
}
