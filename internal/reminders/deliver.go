package reminders

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/policy"
)

const (
	// settling is how long an attempt keeps others off: longer than any answer takes, and than the provider needs until
	// a message that it took can be found.
	settling = 10 * time.Minute
	// batch is how many waiting notices one call of Deliver takes up.
	batch = 100
	// limited is how long a number that had enough is left alone, and settings how long a broken contract is.
	limited  = time.Hour
	settings = 15 * time.Minute
)

// Deliver sends notices of the policy that wait: from a run that was killed, or because the provider did not take
// them. more says that there may be others.
func (r *Runner) Deliver(ctx context.Context, policyName string, rate float64) (counts contract.ReminderCounts, more bool, err error) {
	waiting, err := r.Store.OpenNotices(ctx, policyName, r.Now(), batch)
	if err != nil {
		return counts, false, err
	}
	pace := r.pace(rate)
	for _, n := range waiting {
		if err := pace.turn(ctx, 1); err != nil {
			return counts, false, err
		}
		one, err := r.send(ctx, []store.Notice{n})
		counts = counts.Plus(one)
		if err != nil {
			return counts, false, err
		}
	}
	return counts, len(waiting) == batch, pace.rest(ctx)
}

// sendEntries sends the notices of log entries, one of each account.
func (r *Runner) sendEntries(ctx context.Context, seqs map[string]int64) (contract.ReminderCounts, error) {
	open, err := r.Store.OpenNoticesOf(ctx, slices.Sorted(maps.Keys(seqs)))
	if err != nil {
		return contract.ReminderCounts{}, err
	}
	return r.send(ctx, slices.DeleteFunc(open, func(n store.Notice) bool { return n.Seq != seqs[n.AccountID] }))
}

// parcel is a notice on its way.
type parcel struct {
	store.Notice
	message notify.Notice
	outcome *store.NoticeOutcome // nil: it is to be sent
}

// send takes notices as far as they can be taken now. Errors are the database's or the vault's; the provider's are
// outcomes.
func (r *Runner) send(ctx context.Context, notices []store.Notice) (contract.ReminderCounts, error) {
	var counts contract.ReminderCounts
	if len(notices) == 0 {
		return counts, nil
	}
	parcels, err := r.parcels(ctx, notices)
	if err != nil {
		return counts, err
	}
	var ended, begun []parcel
	for _, p := range parcels {
		if p.outcome == nil {
			begun = append(begun, p)
		} else {
			ended = append(ended, p)
		}
	}
	if counts, err = r.settle(ctx, ended); err != nil {
		return counts, err
	}
	if begun, err = r.begin(ctx, begun); err != nil {
		return counts, err
	}
	var answered []parcel
	for _, p := range begun {
		receipt, err := r.Notifier.Send(ctx, p.message)
		if errors.Is(err, notify.ErrUncertain) {
			r.Logger.WarnContext(ctx, "nobody knows whether a message was taken", "notice_id", p.ID, "code", notify.CodeOf(err))
			counts = counts.Plus(contract.ReminderCounts{Waiting: 1})
			continue // it stays begun, and is looked for when the attempt has settled
		}
		outcome := r.judge(ctx, p.Notice, receipt, err)
		p.outcome = &outcome
		answered = append(answered, p)
	}
	settled, err := r.settle(ctx, answered)
	return counts.Plus(settled), err
}

// begin claims the next attempts and returns those that are ours.
func (r *Runner) begin(ctx context.Context, parcels []parcel) ([]parcel, error) {
	now := r.Now()
	claimed, err := r.Store.BeginNotices(ctx, triesOf(parcels), now, now.Add(settling))
	if err != nil {
		return nil, err
	}
	var ours []parcel
	for i, p := range parcels {
		if claimed[i] {
			p.Attempts++
			ours = append(ours, p)
		}
	}
	return ours, nil
}

func triesOf(parcels []parcel) []store.NoticeTry {
	tries := make([]store.NoticeTry, len(parcels))
	for i, p := range parcels {
		tries[i] = store.NoticeTry{ID: p.ID, Attempts: p.Attempts}
		if p.outcome != nil {
			tries[i].NoticeOutcome = *p.outcome
		}
	}
	return tries
}

// parcels packs notices: each gets its message, or what there is to say instead.
func (r *Runner) parcels(ctx context.Context, notices []store.Notice) ([]parcel, error) {
	ids := make([]string, len(notices))
	for i, n := range notices {
		ids[i] = n.AccountID
	}
	facts, err := r.facts(ctx, ids)
	if err != nil {
		return nil, err
	}
	contacts, err := r.Store.Contacts(ctx, ids)
	if err != nil {
		return nil, err
	}
	parcels := make([]parcel, len(notices))
	for i, n := range notices {
		p := parcel{Notice: n}
		if p.message, p.outcome, err = r.message(ctx, n, facts[i], contacts[n.AccountID]); err != nil {
			return nil, err
		}
		if p.outcome == nil && n.State == store.NoticeSending {
			p.outcome = r.found(ctx, n, p.message)
		}
		parcels[i] = p
	}
	return parcels, nil
}

// message is what to send, or what there is to say instead.
func (r *Runner) message(ctx context.Context, n store.Notice, facts store.Facts, contact string) (notify.Notice, *store.NoticeOutcome, error) {
	instead := func(state store.NoticeState, next time.Time) (notify.Notice, *store.NoticeOutcome, error) {
		return notify.Notice{}, &store.NoticeOutcome{State: state, Code: n.Code, ProviderID: n.ProviderID, NextAt: next}, nil
	}
	now := r.Now()
	open, err := r.open(ctx, facts, n.Policy, now)
	if err != nil {
		return notify.Notice{}, nil, err
	}
	m := reached(open, n)
	switch {
	case m == nil:
		return instead(store.NoticeOutdated, time.Time{})
	case !m.Due(now) && m.From.Before(m.Until): // quiet hours have begun
		return instead(n.State, m.From)
	case !m.Due(now):
		return instead(store.NoticeOutdated, time.Time{})
	case r.Notifier == nil:
		return instead(store.NoticeOff, time.Time{})
	}
	phone, err := r.phone(ctx, n.AccountID, contact)
	if errors.Is(err, errNoContact) {
		return instead(store.NoticeNoContact, time.Time{})
	}
	if err != nil {
		return notify.Notice{}, nil, err
	}
	return compose(n.ID, phone, m.Deadline, now), nil, nil
}

func reached(open []policy.Reminder, n store.Notice) *policy.Reminder {
	for i, m := range open {
		if m.RuleID == n.Rule && m.ID == n.Milestone && m.Deadline.Equal(n.Deadline) {
			return &open[i]
		}
	}
	return nil
}

func compose(id string, to notify.Phone, deadline, now time.Time) notify.Notice {
	message := notify.Notice{ID: id, To: to, Deadline: deadline}
	_, message.Days = policy.Urgency(deadline, now)
	if !now.Before(deadline) {
		message.Passed, message.Days = true, int(now.Sub(deadline)/(24*time.Hour))
	}
	return message
}

var errNoContact = errors.New("reminders: no contact")

func (r *Runner) phone(ctx context.Context, accountID, ref string) (notify.Phone, error) {
	if ref == "" {
		return notify.Phone{}, errNoContact
	}
	text, err := r.Vault.Text(ctx, accountID, ref)
	if errors.Is(err, vault.ErrNotFound) {
		return notify.Phone{}, errNoContact
	}
	if err != nil {
		return notify.Phone{}, err
	}
	phone, err := notify.ParsePhone(text)
	if err != nil {
		return notify.Phone{}, errNoContact
	}
	return phone, nil
}

// found looks for a message whose attempt ended without an answer. nil: it was not taken, and can be sent.
func (r *Runner) found(ctx context.Context, n store.Notice, message notify.Notice) *store.NoticeOutcome {
	receipt, found, err := r.Notifier.Find(ctx, message, n.AttemptedAt)
	switch {
	case err != nil:
		r.Logger.WarnContext(ctx, "the provider does not say whether a message was taken", "notice_id", n.ID, "code", notify.CodeOf(err))
		return &store.NoticeOutcome{State: store.NoticeSending, Code: notify.CodeOf(err), NextAt: r.Now().Add(settings)}
	case found:
		return &store.NoticeOutcome{State: store.NoticeSent, ProviderID: receipt.ProviderID}
	default:
		return nil
	}
}

// judge turns the provider's answer to an attempt into an outcome.
func (r *Runner) judge(ctx context.Context, n store.Notice, receipt notify.Receipt, err error) store.NoticeOutcome {
	if err == nil {
		return store.NoticeOutcome{State: store.NoticeSent, ProviderID: receipt.ProviderID}
	}
	r.Logger.WarnContext(ctx, "a message was not taken", "notice_id", n.ID, "attempts", n.Attempts, "error", err)
	later := store.NoticeOutcome{State: store.NoticePending, Code: notify.CodeOf(err)}
	switch {
	case errors.Is(err, notify.ErrRefused):
		later.State = store.NoticeFailed
	case errors.Is(err, notify.ErrLimited):
		later.NextAt = r.Now().Add(limited)
	case errors.Is(err, notify.ErrSettings):
		later.NextAt = r.Now().Add(settings)
	default:
		later.NextAt = r.Now().Add(backoff(n.Attempts))
	}
	return later
}

// backoff is one minute after the first attempt, twice as long after each further one, an hour at most.
func backoff(attempts int) time.Duration {
	d := time.Minute
	for ; attempts > 1 && d < time.Hour; attempts-- {
		d *= 2
	}
	return min(d, time.Hour)
}

// settle writes outcomes, also when the caller is being stopped: the provider's answers must not be lost.
func (r *Runner) settle(ctx context.Context, parcels []parcel) (contract.ReminderCounts, error) {
	var counts contract.ReminderCounts
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWait)
	defer cancel()
	ours, err := r.Store.SettleNotices(ctx, triesOf(parcels), r.Now())
	if err != nil {
		return counts, err
	}
	for i, p := range parcels {
		if ours[i] {
			counts = counts.Plus(countOf(p.outcome.State))
		}
	}
	return counts, nil
}

func countOf(state store.NoticeState) contract.ReminderCounts {
	switch state {
	case store.NoticeSent, store.NoticeDelivered:
		return contract.ReminderCounts{Sent: 1}
	case store.NoticeNoContact:
		return contract.ReminderCounts{NoContact: 1}
	case store.NoticeFailed:
		return contract.ReminderCounts{Failed: 1}
	case store.NoticeOutdated:
		return contract.ReminderCounts{Outdated: 1}
	case store.NoticeOff:
		return contract.ReminderCounts{Off: 1}
	case store.NoticePending, store.NoticeSending:
		return contract.ReminderCounts{Waiting: 1}
	default:
		return contract.ReminderCounts{}
	}
}

const settleWait = 5 * time.Second
