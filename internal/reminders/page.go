package reminders

import (
	"context"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

const (
	// pageSize is how many accounts one page reads.
	pageSize = 1000
	// pageSeconds bounds how long a page reminds: it ends early, so that its caller can say how far it came.
	pageSeconds = 10
	// moves is how often an account may change while its reminder is written, before it is left to the next run.
	moves = 3
)

// Page reminds the accounts of one page of a shard. What it has written when an error comes is found written when the
// same page is asked for again.
func (r *Runner) Page(ctx context.Context, in contract.ReminderPage) (contract.ReminderPageResult, error) {
	out := contract.ReminderPageResult{Next: in.After}
	facts, err := r.Store.FactsAfter(ctx, in.After, in.Last, pageSize)
	if err != nil {
		return out, err
	}
	due, err := r.dueOf(ctx, facts, in.Policy)
	if err != nil {
		return out, err
	}
	pace := r.pace(in.Rate)
	most, together := max(1, int(in.Rate*pageSeconds)), atOnce(in.Rate)
	var waiting []string // to be reminded at the next turn
	remind := func() error {
		if len(waiting) == 0 {
			return nil
		}
		if err := pace.turn(ctx, len(waiting)); err != nil {
			return err
		}
		counts, err := r.remind(ctx, waiting, in.Policy)
		out.Counts, waiting = out.Counts.Plus(counts), waiting[:0]
		return err
	}
	for i := range facts {
		if len(waiting) == together || out.Counts.Written+len(waiting) >= most {
			if err := remind(); err != nil {
				return out, err
			}
		}
		if out.Counts.Written >= most {
			return out, pace.rest(ctx)
		}
		out.Next = facts[i].Account.ID
		out.Counts.Seen++
		switch first := due[i].first(); {
		case len(due[i].all) == 0:
		case first == nil:
			out.Counts = out.Counts.Plus(contract.ReminderCounts{Due: 1, Already: 1})
		case in.DryRun:
			out.Counts = out.Counts.Plus(contract.ReminderCounts{Due: 1, Milestones: map[string]int{first.ID: 1}})
		default:
			waiting = append(waiting, out.Next)
		}
	}
	if err := remind(); err != nil {
		return out, err
	}
	out.Done = len(facts) < pageSize
	return out, pace.rest(ctx)
}

const (
	// mostAtOnce bounds how many reminders one transaction writes, so that nobody who wants to write waits long for it.
	mostAtOnce = 200
	// instantly is how long reminders that go together would take by the rate.
	instantly = 10 * time.Millisecond
)

// atOnce is how many reminders go together: as many as a rate lets pass in no time to speak of, which is one by one at
// the rates of the real day.
func atOnce(rate float64) int {
	return max(1, int(min(mostAtOnce, rate*instantly.Seconds())))
}

// duty is what is due for one account, and what of it was written before.
type duty struct {
	account string
	all     []policy.Reminder
	written []bool
}

// first returns the first reminder that was not written, nil if all were.
func (d *duty) first() *policy.Reminder {
	for i := range d.all {
		if !d.written[i] {
			return &d.all[i]
		}
	}
	return nil
}

// dueOf finds what is due on a page, and asks for each change id once which accounts have it: they are few, because
// accounts with the same deadline reach the same milestone together.
func (r *Runner) dueOf(ctx context.Context, facts []store.Facts, policyName string) ([]duty, error) {
	duties := make([]duty, 0, len(facts))
	accounts := map[string][]string{} // by change id
	for _, f := range facts {
		all, err := r.due(ctx, f, policyName)
		if err != nil {
			return nil, err
		}
		duties = append(duties, duty{f.Account.ID, all, make([]bool, len(all))})
		for _, m := range all {
			accounts[ChangeID(m)] = append(accounts[ChangeID(m)], f.Account.ID)
		}
	}
	for changeID, ids := range accounts {
		reminded, err := r.Store.Reminded(ctx, changeID, ids)
		if err != nil {
			return nil, err
		}
		for _, d := range duties {
			for i, m := range d.all {
				d.written[i] = d.written[i] || ChangeID(m) == changeID && reminded[d.account]
			}
		}
	}
	return duties, nil
}

// remind writes one reminder of each account for which by now one is still due and not written, and sends it. It decides
// again from the heads that it appends to, so that nobody is reminded who was verified a moment ago.
func (r *Runner) remind(ctx context.Context, accountIDs []string, policyName string) (contract.ReminderCounts, error) {
	var counts contract.ReminderCounts
	seqs := map[string]int64{} // of the entries written
	for try := 0; try < moves && len(accountIDs) > 0; try++ {
		due, appends, err := r.entries(ctx, accountIDs, policyName)
		if err != nil {
			return counts, err
		}
		counts.Due, counts.Already = counts.Due+due.Due, counts.Already+due.Already
		answers, err := r.Store.AppendAll(ctx, appends)
		if err != nil {
			return counts, err
		}
		accountIDs = nil
		for i, a := range answers {
			switch {
			case a.Err != nil:
				return counts, a.Err // what was written is delivered by the next run
			case a.Outcome == lifecycle.HeadMoved:
				accountIDs = append(accountIDs, appends[i].AccountID)
			case a.Outcome == lifecycle.Duplicate: // another run was faster
				counts.Due, counts.Already = counts.Due+1, counts.Already+1
			default:
				entry := a.Written[0]
				seqs[entry.AccountID] = entry.Seq
				counts = counts.Plus(contract.ReminderCounts{Due: 1, Written: 1, Milestones: map[string]int{entry.Detail.Reminder.Milestone: 1}})
			}
		}
	}
	counts.Due += len(accountIDs)
	sent, err := r.sendEntries(ctx, seqs)
	return counts.Plus(sent), err
}

// entries decides anew what to write for accounts. The counts are of those for which it was written before.
func (r *Runner) entries(ctx context.Context, accountIDs []string, policyName string) (contract.ReminderCounts, []lifecycle.Append, error) {
	var counts contract.ReminderCounts
	facts, err := r.facts(ctx, accountIDs)
	if err != nil {
		return counts, nil, err
	}
	duties, err := r.dueOf(ctx, facts, policyName)
	if err != nil {
		return counts, nil, err
	}
	var appends []lifecycle.Append
	for i, d := range duties {
		switch m := d.first(); {
		case m != nil:
			appends = append(appends, r.entry(facts[i], *m))
		case len(d.all) > 0:
			counts.Due, counts.Already = counts.Due+1, counts.Already+1
		}
	}
	return counts, appends, nil
}

// facts reads the facts of accounts in their order, all of which must be registered.
func (r *Runner) facts(ctx context.Context, accountIDs []string) ([]store.Facts, error) {
	facts, err := r.Store.FactsOf(ctx, accountIDs)
	if err == nil && slices.ContainsFunc(facts, func(f store.Facts) bool { return f.Account.ID == "" }) {
		err = store.ErrNotFound
	}
	return facts, err
}

func (r *Runner) entry(f store.Facts, m policy.Reminder) lifecycle.Append {
	now := r.Now().In(m.Deadline.Location())
	level, _ := policy.Urgency(m.Deadline, now)
	return lifecycle.Append{
		AccountID: f.Account.ID, ChangeID: ChangeID(m), Head: f.Seq, Known: f.Seq, Changes: []lifecycle.Change{{
			Event: lifecycle.Remind, At: now, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "reminders"},
			Detail: lifecycle.Detail{Reminder: &lifecycle.Reminder{
				Milestone: m.ID, Level: level, Deadline: m.Deadline, Policy: m.PolicyName, PolicyVersion: m.PolicyVersion, Rule: m.RuleID,
			}},
		}},
	}
}
