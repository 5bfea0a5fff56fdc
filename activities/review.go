package activities

import (
	"context"
	"log/slog"
	"time"

	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

// Subjects opens real-name information; a reference is only good for its account.
type Subjects interface {
	Subject(ctx context.Context, accountID, ref string) (realname.Subject, error)
}

// Duplicates knows whose number is whose, by digest.
type Duplicates interface {
	VerifiedElsewhere(ctx context.Context, accountID, digest string) (bool, error)
}

// Review is the automatic review of real-name information.
type Review struct {
	Subjects   Subjects
	Duplicates Duplicates
	Rules      Rules
	IsGone     func(error) bool // the vault has no such record any more
	Sandbox    []string         // document numbers that a provider's test environment needs; none in production
	Logger     *slog.Logger
}

// CheckInput names the information to check.
type CheckInput struct {
	AccountID   string    `json:"account_id"`
	IdentityRef string    `json:"identity_ref"`
	Digest      string    `json:"digest"`
	At          time.Time `json:"at"`
}

// CheckVerdict is what follows from the checks.
type CheckVerdict string

const (
	CheckApprove  CheckVerdict = "approve"
	CheckReject   CheckVerdict = "reject"
	CheckReviewer CheckVerdict = "reviewer" // a person has to decide
)

// Codes of findings that are not the subject's own.
const (
	FindingDuplicateNumber = "duplicate_number"
	FindingInfoMissing     = "information_missing"
	FindingPolicy          = "policy_requires_reviewer"
)

// CheckResult is the outcome; Reason is the first code that led to a rejection.
type CheckResult struct {
	Verdict  CheckVerdict `json:"verdict"`
	Reason   string       `json:"reason,omitempty"`
	Findings []string     `json:"findings,omitempty"`
}

// CheckIdentity runs the automatic checks: form and check digit of the number, birth date and age, rules of
// names, and whether the number is already verified on another account.
func (r *Review) CheckIdentity(ctx context.Context, in CheckInput) (CheckResult, error) {
	subject, err := r.Subjects.Subject(ctx, in.AccountID, in.IdentityRef)
	switch {
	case err != nil && r.IsGone(err):
		return CheckResult{Verdict: CheckReject, Reason: FindingInfoMissing, Findings: []string{FindingInfoMissing}}, nil
	case err != nil:
		return CheckResult{}, r.again(ctx, "open", err)
	}
	rules, err := r.Rules.Review(ctx, in.AccountID, in.At)
	if err != nil {
		return CheckResult{}, r.again(ctx, "rules", err)
	}
	elsewhere, err := r.Duplicates.VerifiedElsewhere(ctx, in.AccountID, in.Digest)
	if err != nil {
		return CheckResult{}, r.again(ctx, "duplicates", err)
	}
	return judge(r.findings(subject, in.At, rules), elsewhere, rules), nil
}

// findings checks the form again: whoever drives the workflow without the API has not passed its validation.
func (r *Review) findings(subject realname.Subject, at time.Time, rules policy.Review) realname.Findings {
	name, kind, number := subject.Reveal()
	if _, faults := realname.New(name, kind, number, at, r.Sandbox...); len(faults) > 0 {
		var findings realname.Findings
		for _, f := range faults {
			findings = append(findings, realname.Finding{Code: string(f.Code), Severity: realname.SeverityReject})
		}
		return findings
	}
	return realname.Check(subject, at, realname.Rules{MinimumAge: rules.MinimumAge})
}

// judge puts the findings together: one rejecting finding rejects, else one doubtful finding asks a reviewer.
func judge(findings []realname.Finding, elsewhere bool, rules policy.Review) CheckResult {
	var rejects, doubts []string
	for _, f := range findings {
		if f.Severity == realname.SeverityReject {
			rejects = append(rejects, f.Code)
		} else {
			doubts = append(doubts, f.Code)
		}
	}
	if elsewhere && rules.DuplicateNumber == policy.DuplicateReject {
		rejects = append(rejects, FindingDuplicateNumber)
	} else if elsewhere {
		doubts = append(doubts, FindingDuplicateNumber)
	}
	if rules.Approve != policy.ApproveAutomatic {
		doubts = append(doubts, FindingPolicy)
	}
	all := append(append([]string(nil), rejects...), doubts...)
	switch {
	case len(rejects) > 0:
		return CheckResult{Verdict: CheckReject, Reason: rejects[0], Findings: all}
	case len(doubts) > 0:
		return CheckResult{Verdict: CheckReviewer, Findings: all}
	default:
		return CheckResult{Verdict: CheckApprove}
	}
}

func (r *Review) again(ctx context.Context, op string, err error) error {
	r.Logger.WarnContext(ctx, "review cannot read", "op", op, "error", err)
	return tryAgain("store_unavailable", "the checks cannot read what they need")
}
