package campaign

import "time"

// Summary is the sums of a report. Outcomes sum to Covered, and Covered and NotCovered to all accounts.
type Summary struct {
	Policy        string          `json:"policy"`
	Version       int             `json:"version"`
	Digest        string          `json:"digest"` // sha256 of the policy's text
	EffectiveFrom time.Time       `json:"effective_from"`
	Until         time.Time       `json:"until,omitzero"` // another version took its place
	At            time.Time       `json:"at"`             // the report is of this instant
	Rules         []RuleSummary   `json:"rules"`
	Covered       int             `json:"covered"`
	NotCovered    int             `json:"not_covered"`
	Outcomes      map[Outcome]int `json:"outcomes"`
	Methods       map[string]int  `json:"methods"` // of the verified accounts
	States        map[string]int  `json:"states"`

	PromptedAccounts   int `json:"prompted_accounts"` // at least once
	Prompts            int `json:"prompts"`
	RemindedAccounts   int `json:"reminded_accounts"`
	Reminders          int `json:"reminders"`
	RestrictedAccounts int `json:"restricted_accounts"` // at any time
	Restrictions       int `json:"restrictions"`
	OpenRestrictions   int `json:"open_restrictions"` // accounts with a restriction on record now
	ExtendedAccounts   int `json:"extended_accounts"`
	Extensions         int `json:"extensions"`

	Lifts   map[string]int `json:"lifts"`   // by reason
	Notices map[string]int `json:"notices"` // by what became of them
}

// RuleSummary is one rule of the version.
type RuleSummary struct {
	Rule     string    `json:"rule"`
	Observes bool      `json:"observes"`
	Deadline time.Time `json:"deadline,omitzero"` // the first instant at which it blocks anything
	Covered  int       `json:"covered"`
}

func newSummary(v *Version, at time.Time) *Summary {
	s := &Summary{
		Policy: v.Name, Version: v.Number, Digest: v.Digest, EffectiveFrom: v.EffectiveFrom.In(v.zone), At: at.In(v.zone),
		Rules: []RuleSummary{}, Outcomes: map[Outcome]int{}, Methods: map[string]int{}, States: map[string]int{},
		Lifts: map[string]int{}, Notices: map[string]int{},
	}
	if !v.Until.IsZero() {
		s.Until = v.Until.In(v.zone)
	}
	for _, r := range v.rules {
		one := RuleSummary{Rule: r.id, Observes: r.observes}
		if !r.deadline.IsZero() {
			one.Deadline = r.deadline.In(v.zone)
		}
		s.Rules = append(s.Rules, one)
	}
	for _, o := range Outcomes() {
		s.Outcomes[o] = 0
	}
	return s
}

func (s *Summary) add(r *Row, b *builder) {
	s.Covered++
	for i := range b.looks {
		if b.looks[i].Covered {
			s.Rules[i].Covered++
		}
	}
	s.Outcomes[r.Outcome]++
	s.States[r.State]++
	if r.Method != "" {
		s.Methods[r.Method]++
	}
	s.PromptedAccounts, s.Prompts = s.PromptedAccounts+one(r.Prompts > 0), s.Prompts+r.Prompts
	s.RemindedAccounts, s.Reminders = s.RemindedAccounts+one(r.Reminders > 0), s.Reminders+r.Reminders
	s.RestrictedAccounts, s.Restrictions = s.RestrictedAccounts+one(r.Restrictions > 0), s.Restrictions+r.Restrictions
	s.OpenRestrictions += one(r.Restricted)
	s.ExtendedAccounts, s.Extensions = s.ExtendedAccounts+one(r.Extensions > 0), s.Extensions+r.Extensions
	for _, e := range b.episodes {
		if e.counts && !e.liftedAt.IsZero() {
			s.Lifts[e.reason]++
		}
	}
	for state, n := range b.notices {
		s.Notices[string(state)] += n
	}
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
