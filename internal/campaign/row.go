package campaign

import (
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// Outcome is how an account stands under the version: each covered account has exactly one.
type Outcome string

const (
	Closed         Outcome = "closed"          // the account is closed
	VerifiedBefore Outcome = "verified_before" // verified before the date, or under rules that have none
	VerifiedAfter  Outcome = "verified_after"  // verified from the date on
	Waiting        Outcome = "waiting"         // nothing is asked yet
	Prompted       Outcome = "prompted"        // asked, and not blocked yet
	Grace          Outcome = "grace"           // not blocked because the wait is not the merchant's
	Extended       Outcome = "extended"        // not blocked because of an extension
	Observed       Outcome = "observed"        // would be prompted or blocked, by rules that only observe
	Blocked        Outcome = "blocked"
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{VerifiedBefore, VerifiedAfter, Waiting, Prompted, Grace, Extended, Observed, Blocked, Closed}
}

// Row is one account that the version covers.
type Row struct {
	AccountID       string    `json:"account_id"`
	Kind            string    `json:"kind"`
	Region          string    `json:"region"`
	RegisteredAt    time.Time `json:"registered_at"`
	ClosedAt        time.Time `json:"closed_at,omitzero"`
	Rules           []string  `json:"rules"`
	Outcome         Outcome   `json:"outcome"`
	State           string    `json:"state"`
	Prompts         int       `json:"prompts"`
	FirstPromptAt   time.Time `json:"first_prompt_at,omitzero"`
	Reminders       int       `json:"reminders"`
	FirstReminderAt time.Time `json:"first_reminder_at,omitzero"`
	VerifiedAt      time.Time `json:"verified_at,omitzero"`
	Method          string    `json:"method,omitempty"`
	Deadline        time.Time `json:"deadline,omitzero"` // the date of its rules; extensions come in Extensions
	Restrictions    int       `json:"restrictions"`
	Restricted      bool      `json:"restricted"`                // a restriction is open on record
	RestrictedSince time.Time `json:"restricted_since,omitzero"` // of the first one: from when the gate blocked
	RestrictedAt    time.Time `json:"restricted_at,omitzero"`    // when the first one was recorded
	LiftedAt        time.Time `json:"lifted_at,omitzero"`        // when the last one was lifted
	LiftReason      string    `json:"lift_reason,omitempty"`
	Extensions      int       `json:"extensions"`
	ExtendedUntil   time.Time `json:"extended_until,omitzero"`
	NoticesSent     int       `json:"notices_sent"`
	NoticesFailed   int       `json:"notices_failed"`
	NoticesOther    int       `json:"notices_other"` // no contact, outdated, switched off, or still to be sent
}

// rows makes the rows of one page.
type rows struct {
	v    *Version
	at   time.Time
	zone *time.Location
	page []builder
	next int // of page: entries and notices come in its order
}

// builder is a row with what is needed to finish it.
type builder struct {
	Row
	facts    *store.Facts
	covered  bool
	looks    []policy.Look
	episodes []episode
	notices  map[store.NoticeState]int
}

// episode is one restriction of an account.
type episode struct {
	rule     string
	opened   int64
	openedAt time.Time
	since    time.Time
	liftedAt time.Time
	reason   string
	counts   bool // it touches the time of the version
}

func (r *rows) begin(facts []store.Facts) {
	r.page = make([]builder, len(facts))
	for i := range facts {
		f := &facts[i]
		b := &r.page[i]
		b.facts = f
		b.looks, _ = r.v.set.Look(&f.Account, &f.Standing, f.Extensions, r.at, nil)
		for j := range b.looks {
			if b.looks[j].Covered {
				b.covered = true
				b.Rules = append(b.Rules, r.v.rules[j].id)
				if d := r.v.rules[j].deadline; !d.IsZero() && (b.Deadline.IsZero() || d.Before(b.Deadline)) {
					b.Deadline = d
				}
			}
		}
	}
	r.next = 0
}

// of finds the account of the page.
func (r *rows) of(accountID string) *builder {
	for r.next < len(r.page) && r.page[r.next].facts.Account.ID < accountID {
		r.next++
	}
	if r.next < len(r.page) && r.page[r.next].facts.Account.ID == accountID {
		return &r.page[r.next]
	}
	return nil
}

// entry takes what the log says. Entries that were written after the facts were read belong to the next report.
func (r *rows) entry(e store.Entry) *builder {
	b := r.of(e.AccountID)
	if b == nil || !b.covered || e.Ignored || e.Seq > b.facts.Seq {
		return nil
	}
	switch e.Event {
	case lifecycle.Prompt:
		if p := e.Detail.Prompt; p != nil && p.Policy == r.v.Name && p.PolicyVersion == r.v.Number {
			b.Prompts++
			first(&b.FirstPromptAt, e.At)
		}
	case lifecycle.Remind:
		if m := e.Detail.Reminder; m != nil && m.Policy == r.v.Name && m.PolicyVersion == r.v.Number {
			b.Reminders++
			first(&b.FirstReminderAt, e.At)
		}
	case lifecycle.Pass:
		b.Method = string(lifecycle.MethodFace)
	case lifecycle.ApproveManual:
		b.Method = string(lifecycle.MethodManual)
	case lifecycle.ImportVerified:
		b.Method = string(lifecycle.MethodImported)
	case lifecycle.Restrict:
		if d := e.Detail.Restricted; d != nil && d.Policy == r.v.Name {
			b.episodes = append(b.episodes, episode{rule: d.Rule, opened: e.Seq, openedAt: e.At, since: d.Since})
			return b
		}
	case lifecycle.Lift:
		if d := e.Detail.Restricted; d != nil && d.Policy == r.v.Name {
			b.lift(d.Opened, e)
			return b
		}
	default:
	}
	return nil
}

func first(to *time.Time, at time.Time) {
	if to.IsZero() || at.Before(*to) {
		*to = at
	}
}

func (b *builder) lift(opened int64, e store.Entry) {
	for i := range b.episodes {
		if b.episodes[i].opened == opened {
			b.episodes[i].liftedAt, b.episodes[i].reason = e.At, e.Reason
		}
	}
}

func (r *rows) notice(n store.Notice) {
	b := r.of(n.AccountID)
	if b == nil || n.Policy != r.v.Name || n.Seq > b.facts.Seq || !r.v.during(n.CreatedAt, n.CreatedAt) {
		return
	}
	if b.notices == nil {
		b.notices = map[store.NoticeState]int{}
	}
	b.notices[n.State]++
}

// finish fills in what follows from facts, episodes and notices.
func (r *rows) finish(b *builder) *Row {
	a := b.facts.Account
	b.AccountID, b.Kind, b.Region, b.RegisteredAt, b.ClosedAt = a.ID, string(a.Kind), a.Region, a.RegisteredAt, a.ClosedAt
	b.State = string(b.facts.Standing.State)
	if b.facts.Standing.State == lifecycle.Verified {
		b.VerifiedAt = b.facts.Standing.VerifiedAt
	} else {
		b.Method = ""
	}
	for i := range b.episodes {
		e := &b.episodes[i]
		if e.counts = r.v.during(e.openedAt, e.liftedAt); !e.counts {
			continue
		}
		b.Restrictions++
		b.Restricted = b.Restricted || e.liftedAt.IsZero()
		first(&b.RestrictedAt, e.openedAt)
		first(&b.RestrictedSince, e.since)
		if e.liftedAt.After(b.LiftedAt) {
			b.LiftedAt, b.LiftReason = e.liftedAt, e.reason
		}
	}
	for _, e := range b.facts.Extensions {
		if (e.RuleID == "" || slices.Contains(b.Rules, e.RuleID)) && r.v.during(e.GrantedAt, e.Until) {
			b.Extensions++
			if e.Until.After(b.ExtendedUntil) {
				b.ExtendedUntil = e.Until
			}
		}
	}
	for state, n := range b.notices {
		switch state {
		case store.NoticeSent, store.NoticeDelivered:
			b.NoticesSent += n
		case store.NoticeFailed:
			b.NoticesFailed += n
		default:
			b.NoticesOther += n
		}
	}
	b.Outcome = b.outcome(r.at)
	b.inZone(r.zone)
	return &b.Row
}

func (b *builder) outcome(at time.Time) Outcome {
	if b.facts.Account.Closed(at) {
		return Closed
	}
	worst := Outcome("")
	verified := true
	for i := range b.looks {
		l := &b.looks[i]
		if !l.Covered || l.Verified {
			continue
		}
		verified = false
		if o := outcomeOf(l); slices.Index(Outcomes(), o) > slices.Index(Outcomes(), worst) {
			worst = o
		}
	}
	switch {
	case !verified:
		return worst
	case b.Deadline.IsZero() || b.facts.Standing.VerifiedAt.Before(b.Deadline):
		return VerifiedBefore
	default:
		return VerifiedAfter
	}
}

func outcomeOf(l *policy.Look) Outcome {
	switch {
	case l.Blocked != 0:
		return Blocked
	case l.WouldBlock|l.WouldPrompt != 0:
		return Observed
	case l.Extended != 0:
		return Extended
	case l.InGrace != 0:
		return Grace
	case l.Prompted != 0:
		return Prompted
	default:
		return Waiting
	}
}

func (b *builder) inZone(zone *time.Location) {
	for _, t := range []*time.Time{
		&b.RegisteredAt, &b.ClosedAt, &b.FirstPromptAt, &b.FirstReminderAt, &b.VerifiedAt, &b.Deadline, &b.RestrictedSince,
		&b.RestrictedAt, &b.LiftedAt, &b.ExtendedUntil,
	} {
		if !t.IsZero() {
			*t = t.In(zone)
		}
	}
}
