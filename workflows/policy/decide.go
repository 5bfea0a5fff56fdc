package policy

import (
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Steps that a decision can ask for.
const (
	StepSubmit    = "submit"     // give real-name information
	StepStartFace = "start_face" // accept the terms and start face verification, or choose the manual route
	StepScan      = "scan"       // scan the QR that is shown
	StepWait      = "wait"       // nothing: somebody else, or the clock, moves next
)

// Decision is the answer for one account, one action and one instant. Two decisions on the same facts are equal
// under ==. Every instant is in Zone; a zero instant means that there is none.
type Decision struct {
	Effect        Effect
	Reason        Reason
	RuleID        string // the rule that decided, "" if no policy declares the action
	PolicyName    string // the policy of that rule
	PolicyVersion int

	// Since is when the phase in force began or, for ReasonVerified, when the account became verified.
	Since time.Time

	// Deadline is the first instant at which the rule blocks anything for the account, extensions counted,
	// grace not. Zero if the rule never blocks, and for not_covered, not_restricted and verified.
	Deadline time.Time

	// NextChangeAt is when Effect or Reason next change if no fact changes.
	NextChangeAt time.Time

	// RequiredStep is what the merchant has to do next, one of the Step constants; "" while nothing is asked,
	// which is so for not_covered, not_restricted, verified and not_yet_announced.
	RequiredStep string

	// WouldBe is the strictest effect of the observing rules if it is stricter than Effect, "" otherwise;
	// WouldBeRuleID is the first rule that would have it.
	WouldBe       Effect
	WouldBeRuleID string

	// Zone is the zone of the deciding policy, UTC if no rule decided. It is never nil.
	Zone *time.Location
}

// Decide answers whether the account may do the action at the instant. It is pure and total: the same arguments
// give the same answer, whatever zone their instants are written in, and there are no arguments it refuses. The
// package essay states its rules.
//
// An action that no policy declares is allowed with ReasonNotRestricted and without a rule. A caller that acts on
// the answer has to ask Set.Declares first.
func Decide(
	set *Set, account Account, standing lifecycle.Standing, extensions []Extension, action string, at time.Time,
) (d Decision) {
	bit := set.bit(action)
	if bit == 0 {
		d.Effect, d.Reason, d.Zone = Allow, ReasonNotRestricted, time.UTC
		return d
	}
	q := set.ask(&account, &standing, extensions)
	q.action = bit
	instant := momentOf(at)
	var now answer
	set.answer(&q, instant, &now)
	now.fill(&d, &q, instant)
	d.NextChangeAt = set.nextChange(&q, instant, &now).in(d.Zone)
	return d
}

// NextChange returns the first instant after at at which Effect or Reason of the answer change if no fact
// changes, in the zone of the deciding policy; zero if they never do. Decide fills Decision.NextChangeAt with it.
func NextChange(
	set *Set, account Account, standing lifecycle.Standing, extensions []Extension, action string, at time.Time,
) time.Time {
	return Decide(set, account, standing, extensions, action, at).NextChangeAt
}

// question is what one call of Decide asks, apart from the instant.
type question struct {
	who        who
	account    *Account
	standing   *lifecycle.Standing
	extensions []Extension
	action     bits // exactly one
	verified   bool // the state is Verified, since verifiedAt
	verifiedAt moment
	graceful   bool // it is the operator's or the provider's turn, and some rule gives grace for it
}

// ask makes a question ready, but for its action.
func (s *Set) ask(account *Account, standing *lifecycle.Standing, extensions []Extension) question {
	q := question{account: account, standing: standing, extensions: extensions}
	q.who.kind, q.who.region = account.Kind.bit(), regionOf(account.Region)
	q.who.registered = momentOf(account.RegisteredAt)
	if standing.State == lifecycle.Verified {
		q.verified, q.verifiedAt = true, momentOf(standing.VerifiedAt)
	}
	q.graceful = s.graceful && othersTurn(*standing)
	return q
}

func othersTurn(s lifecycle.Standing) bool {
	turn := s.Turn()
	return turn == lifecycle.TurnOperator || turn == lifecycle.TurnProvider
}

// fill writes the answer into a zero Decision, but for NextChangeAt. It writes in place because a Decision is large
// and copying one takes longer than deciding it.
func (a *answer) fill(d *Decision, q *question, at moment) {
	p := a.rule.policy
	d.Effect, d.Reason = a.effect.name(), a.reason.name()
	d.RuleID, d.PolicyName, d.PolicyVersion = a.rule.id, p.Name, p.Version
	d.Since, d.Zone = a.since.in(p.Zone), p.Zone
	if a.wouldBe > a.effect {
		d.WouldBe, d.WouldBeRuleID = a.wouldBe.name(), a.wouldBeRule.id
	}
	switch a.reason {
	case notCovered, notRestricted, verified:
	case notYetAnnounced:
		d.Deadline = a.rule.deadline(q, at).in(p.Zone)
	case extended, grace, announced, enforced:
		d.Deadline = a.rule.deadline(q, at).in(p.Zone)
		d.RequiredStep = requiredStep(q.standing.State)
	}
}

// requiredStep is asked only of accounts that do not count as verified. One whose verification lapsed is still in
// the state Verified, which only an operator leaves: the merchant waits.
func requiredStep(s lifecycle.State) string {
	switch s {
	case lifecycle.Unverified, lifecycle.Rejected:
		return StepSubmit
	case lifecycle.Approved, lifecycle.FaceFailed:
		return StepStartFace
	case lifecycle.QRIssued:
		return StepScan
	case lifecycle.Submitted, lifecycle.UnderReview, lifecycle.Scanned, lifecycle.Verified, lifecycle.Locked, lifecycle.ManualReview:
		return StepWait
	default: // an account that nothing is known of has everything before it
		return StepSubmit
	}
}
