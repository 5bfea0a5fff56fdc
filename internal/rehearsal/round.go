package rehearsal

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// roundSize is how many events are written together. An entry is recorded when its round is written: later than its
// instant, and on the same day.
const roundSize = 500

// until is the instant before which what merchants do can be played: the next run, the next day whose events are not
// known yet, or the end.
func (r *run) until() time.Time {
	end := r.To.Add(1)
	if !r.day.After(r.To) {
		end = r.day
	}
	return earliest(r.plan.next(), end)
}

// round plays what merchants do next: of each account its first event before the next run. What one merchant does
// changes nothing for another, so events of several accounts can be read, decided and written together, each decided at
// its own instant.
func (r *run) round(ctx context.Context) error {
	logins, others := r.takeRound(r.until())
	if err := r.logins(ctx, logins); err != nil {
		return err
	}
	return r.others(ctx, others)
}

// takeRound takes the first event of each account before an instant, by instant.
func (r *run) takeRound(until time.Time) (logins, others []Event) {
	taken := map[string]bool{}
	var later, laterFollowed []Event // of accounts that have one in this round
	for len(taken) < r.roundSize && len(later)+len(laterFollowed) < r.roundSize {
		from, kept := &r.queue, &later
		if at := r.followed.begin(); !at.IsZero() && (r.queue.empty() || !at.After(r.queue.begin())) {
			from, kept = &r.followed, &laterFollowed
		}
		if from.empty() || !from.begin().Before(until) {
			break
		}
		switch e := from.take(); {
		case taken[e.AccountID]:
			*kept = append(*kept, e)
		case e.Do == Login:
			taken[e.AccountID], logins = true, append(logins, e)
		default:
			taken[e.AccountID], others = true, append(others, e)
		}
	}
	r.queue.giveBack(later)
	r.followed.giveBack(laterFollowed)
	return logins, others
}

// prompted is how long after a prompt a merchant is verified who follows it.
const prompted = 10 * time.Minute

// logins plays logins of different accounts. A prompt changes nothing that a sweep or the reminders look at.
func (r *run) logins(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	facts, err := r.Store.FactsOf(ctx, accountsOf(events))
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	var shown []Event
	var prompts []lifecycle.Append
	for i, e := range events {
		if facts[i].Account.ID == "" {
			return e.failed(store.ErrNotFound)
		}
		r.Clock.set(e.At)
		answer, err := r.gate.DecideOn(ctx, facts[i], "login")
		if err != nil {
			return e.failed(err)
		}
		if answer.Effect != policy.Allow && !answer.Closed {
			shown, prompts = append(shown, e), append(prompts, prompt(e, answer.Decision, answer.At))
		}
	}
	r.result.Logins, r.result.Prompts = r.result.Logins+len(events), r.result.Prompts+len(prompts)
	answers, err := r.appendAll(ctx, shown, prompts)
	if err != nil {
		return err
	}
	for i, e := range shown {
		if r.Scenario.Rates.verifies(e.AccountID, answers[i].Written[0].Detail.Prompt.Number) {
			r.followed.put(Event{At: e.At.Add(prompted), AccountID: e.AccountID, Do: Verify})
		}
	}
	return nil
}

func prompt(e Event, d policy.Decision, at time.Time) lifecycle.Append {
	level, _ := policy.Urgency(d.Deadline, at)
	loginID := rehearsed + "/" + strconv.FormatInt(e.At.UnixNano(), 10)
	return lifecycle.Append{
		AccountID: e.AccountID, ChangeID: "login:" + loginID, Head: lifecycle.AnyHead, Known: math.MaxInt64, // nothing is folded here
		Changes: []lifecycle.Change{{
			Event: lifecycle.Prompt, At: e.At, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: rehearsed},
			Detail: lifecycle.Detail{Prompt: &lifecycle.PromptNote{
				Level: level, LoginID: loginID, Policy: d.PolicyName, PolicyVersion: d.PolicyVersion, Rule: d.RuleID,
			}},
		}},
	}
}

// others plays the events of different accounts that are no logins, by instant, and gives those back before which a run
// has got something to do by the ones before them.
func (r *run) others(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	ids := accountsOf(events)
	heads, err := r.Store.Heads(ctx, ids)
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	facts, err := r.Store.FactsOf(ctx, ids)
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	var played []Event
	var appends []lifecycle.Append
	instants := make(map[string]time.Time, len(events))
	for i, e := range events {
		if run := r.plan.next(); !run.IsZero() && !run.After(e.At) {
			for _, waits := range events[i:] {
				r.followed.put(waits)
			}
			break
		}
		if facts[i].Account.ID == "" {
			return e.failed(store.ErrNotFound)
		}
		r.Clock.set(e.At)
		instants[e.AccountID] = e.At
		changes, err := r.act(ctx, e, heads[i], &facts[i])
		if err != nil {
			return e.failed(err)
		}
		r.plan.account(&facts[i], e.At)
		if len(changes) > 0 {
			played, appends = append(played, e), append(appends, lifecycle.Append{
				AccountID: e.AccountID, ChangeID: rehearsed + "/" + strconv.FormatInt(heads[i].Seq+1, 10),
				Head: heads[i].Seq, Known: math.MaxInt64, Changes: changes,
			})
		}
	}
	if _, err := r.appendAll(ctx, played, appends); err != nil {
		return err
	}
	return r.settle(ctx, instants)
}

// act returns the entries that an event writes, and makes facts what they are after it.
func (r *run) act(ctx context.Context, e Event, head lifecycle.Verification, facts *store.Facts) ([]lifecycle.Change, error) {
	var changes []lifecycle.Change
	var err error
	if e.Do == Verify && facts.Account.Closed(e.At) {
		return nil, nil // it was closed after the prompt
	}
	switch e.Do {
	case Verify:
		if changes, err = wayToVerified(head, e.At); len(changes) > 0 {
			r.result.Verified++
		}
	case Revoke:
		if head.State != lifecycle.Unverified {
			actor := lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: rehearsed}
			changes, err = head.Decide(lifecycle.Change{Event: lifecycle.Revoke, At: e.At, Actor: actor, Reason: rehearsed}, lifecycle.DefaultLimits())
		}
	case Extend:
		return nil, r.extend(ctx, e, facts)
	case Login: // has its own way
	}
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	after, err := head.Fold(changes...)
	facts.Standing = after.Standing()
	return changes, err
}

// extend grants an extension at once: they are few.
func (r *run) extend(ctx context.Context, e Event, facts *store.Facts) error {
	err := r.Store.PutExtension(ctx, policy.Extension{
		ID:        rehearsed + "/" + e.AccountID + "/" + strconv.FormatInt(e.At.UnixNano(), 10),
		AccountID: e.AccountID, Until: e.Until, GrantedAt: e.At,
	}, lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: rehearsed}, rehearsed)
	if err != nil {
		return err
	}
	*facts, err = r.Store.Facts(ctx, e.AccountID)
	return err
}

// appendAll writes what events come to.
func (r *run) appendAll(ctx context.Context, events []Event, appends []lifecycle.Append) ([]store.AppendAnswer, error) {
	answers, err := r.Store.AppendAll(ctx, appends)
	if err != nil {
		return nil, fmt.Errorf("rehearsal: %w", err)
	}
	for i, a := range answers {
		if a.Err != nil {
			return nil, events[i].failed(a.Err)
		}
	}
	return answers, nil
}

// settle announces what changed for accounts at their instants, as the real day does at once.
func (r *run) settle(ctx context.Context, instants map[string]time.Time) error {
	done, err := r.sweeper.SettleAll(ctx, instants)
	if err != nil {
		return err
	}
	for _, c := range done {
		switch c.Event {
		case lifecycle.Restrict:
			r.result.Restricted++
		case lifecycle.Lift:
			r.result.Lifted++
		default:
		}
	}
	return nil
}

func accountsOf(events []Event) []string {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.AccountID
	}
	return ids
}

func (e Event) failed(err error) error {
	return fmt.Errorf("rehearsal: %s of an account at %s: %w", e.Do, e.At.Format(time.RFC3339), err)
}
