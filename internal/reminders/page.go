package reminders

import (
	"context"

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
	most := max(1, int(in.Rate*pageSeconds))
	for i := range facts {
		if out.Counts.Written >= most {
			return out, pace.rest(ctx)
		}
		out.Next = facts[i].Account.ID
		out.Counts.Seen++
		if len(due[i].all) == 0 {
			continue
		}
		counts := contract.ReminderCounts{Due: 1}
		switch first := due[i].first(); {
		case first == nil:
			counts.Already = 1
		case in.DryRun:
			counts.Milestones = map[string]int{first.ID: 1}
		default:
			if err := pace.turn(ctx); err != nil {
				return out, err
			}
			if counts, err = r.remind(ctx, out.Next, in.Policy); err != nil {
				return out, err
			}
		}
		out.Counts = out.Counts.Plus(counts)
	}
	out.Done = len(facts) < pageSize
	return out, pace.rest(ctx)
}

// duty is what is due for one account, and what of it was written before.
type duty struct {
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
	duties := make([]duty, len(facts))
	accounts := map[string][]string{} // by change id
	for i := range facts {
		all, err := r.due(ctx, facts[i], policyName)
		if err != nil {
			return nil, err
		}
		duties[i] = duty{all, make([]bool, len(all))}
		for _, m := range all {
			accounts[ChangeID(m)] = append(accounts[ChangeID(m)], facts[i].Account.ID)
		}
	}
	for changeID, ids := range accounts {
		reminded, err := r.Store.Reminded(ctx, changeID, ids)
		if err != nil {
			return nil, err
		}
		for i := range duties {
			for j, m := range duties[i].all {
				if ChangeID(m) == changeID && reminded[facts[i].Account.ID] {
					duties[i].written[j] = true
				}
			}
		}
	}
	return duties, nil
}

// remind writes one reminder of an account, if by now one is still due and not written, and sends it. It decides again
// from the head that it appends to, so that nobody is reminded who was verified a moment ago.
func (r *Runner) remind(ctx context.Context, accountID, policyName string) (contract.ReminderCounts, error) {
	counts := contract.ReminderCounts{Due: 1}
	for range moves {
		f, err := r.Store.Facts(ctx, accountID)
		if err != nil {
			return counts, err
		}
		duties, err := r.dueOf(ctx, []store.Facts{f}, policyName)
		if err != nil {
			return counts, err
		}
		m := duties[0].first()
		if m == nil {
			counts.Already = min(1, len(duties[0].all))
			counts.Due = counts.Already
			return counts, nil
		}
		result, err := r.Store.Append(ctx, r.entry(f, *m))
		if err != nil {
			return counts, err
		}
		switch result.Outcome {
		case lifecycle.Duplicate: // another run was faster
			counts.Already = 1
			return counts, nil
		case lifecycle.Appended:
			counts.Written, counts.Milestones = 1, map[string]int{m.ID: 1}
			sent, err := r.sendEntry(ctx, accountID, result.Written[0].Seq)
			return counts.Plus(sent), err
		case lifecycle.HeadMoved:
		}
	}
	return counts, nil
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
