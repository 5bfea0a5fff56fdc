package reminders

import (
	"context"
	"errors"
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
		if err := pace.turn(ctx); err != nil {
			return counts, false, err
		}
		one, err := r.send(ctx, n)
		counts = counts.Plus(one)
		if err != nil {
			return counts, false, err
		}
	}
	return counts, len(waiting) == batch, pace.rest(ctx)
}

// sendEntry sends the notices of a log entry.
func (r *Runner) sendEntry(ctx context.Context, accountID string, seq int64) (contract.ReminderCounts, error) {
	var counts contract.ReminderCounts
	all, err := r.Store.NoticesOf(ctx, accountID)
	if err != nil {
		return counts, err
	}
	for _, n := range all {
		if n.Seq != seq {
			continue
		}
		one, err := r.send(ctx, n)
		counts = counts.Plus(one)
		if err != nil {
			return counts, err
		}
	}
	return counts, nil
}

// send takes one notice as far as it can be taken now. Errors are the database's or the vault's; the provider's are
// outcomes.
func (r *Runner) send(ctx context.Context, n store.Notice) (contract.ReminderCounts, error) {
	message, outcome, err := r.message(ctx, n)
	if err != nil {
		return contract.ReminderCounts{}, err
	}
	if outcome != nil {
		return r.settle(ctx, n, *outcome)
	}
	if n.State == store.NoticeSending {
		if outcome = r.found(ctx, n, message); outcome != nil {
			return r.settle(ctx, n, *outcome)
		}
	}
	now := r.Now()
	mine, err := r.Store.BeginNotice(ctx, n.ID, n.Attempts, now, now.Add(settling))
	if err != nil || !mine {
		return contract.ReminderCounts{}, err
	}
	n.Attempts++
	receipt, err := r.Notifier.Send(ctx, message)
	if errors.Is(err, notify.ErrUncertain) {
		r.Logger.WarnContext(ctx, "nobody knows whether a message was taken", "notice_id", n.ID, "code", notify.CodeOf(err))
		return contract.ReminderCounts{Waiting: 1}, nil // it stays begun, and is looked for when the attempt has settled
	}
	return r.settle(ctx, n, r.judge(ctx, n, receipt, err))
}

// message is what to send, or what there is to say instead.
func (r *Runner) message(ctx context.Context, n store.Notice) (notify.Notice, *store.NoticeOutcome, error) {
	instead := func(state store.NoticeState, next time.Time) (notify.Notice, *store.NoticeOutcome, error) {
		return notify.Notice{}, &store.NoticeOutcome{State: state, Code: n.Code, ProviderID: n.ProviderID, NextAt: next}, nil
	}
	facts, err := r.Store.Facts(ctx, n.AccountID)
	if err != nil {
		return notify.Notice{}, nil, err
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
	phone, err := r.phone(ctx, n.AccountID)
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

func (r *Runner) phone(ctx context.Context, accountID string) (notify.Phone, error) {
	ref, err := r.Store.Contact(ctx, accountID)
	if errors.Is(err, store.ErrNotFound) {
		return notify.Phone{}, errNoContact
	}
	if err != nil {
		return notify.Phone{}, err
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

// settle writes an outcome, also when the caller is being stopped: the provider's answer must not be lost.
func (r *Runner) settle(ctx context.Context, n store.Notice, o store.NoticeOutcome) (contract.ReminderCounts, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWait)
	defer cancel()
	mine, err := r.Store.SettleNotice(ctx, n.ID, n.Attempts, o, r.Now())
	if err != nil || !mine {
		return contract.ReminderCounts{}, err
	}
	switch o.State {
	case store.NoticeSent, store.NoticeDelivered:
		return contract.ReminderCounts{Sent: 1}, nil
	case store.NoticeNoContact:
		return contract.ReminderCounts{NoContact: 1}, nil
	case store.NoticeFailed:
		return contract.ReminderCounts{Failed: 1}, nil
	case store.NoticeOutdated:
		return contract.ReminderCounts{Outdated: 1}, nil
	case store.NoticeOff:
		return contract.ReminderCounts{Off: 1}, nil
	case store.NoticePending, store.NoticeSending:
		return contract.ReminderCounts{Waiting: 1}, nil
	default:
		return contract.ReminderCounts{}, nil
	}
}

const settleWait = 5 * time.Second
