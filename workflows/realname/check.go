package realname

import (
	"time"
	"unicode/utf8"
)

// Severity says what a finding leads to if nothing worse was found.
type Severity string

const (
	SeverityReject   Severity = "reject"   // the information is refused; the code is the reason
	SeverityReviewer Severity = "reviewer" // a person decides
)

// Codes of findings. They are stored in the log and shown to reviewers, never with what was found.
const (
	FindingUnder14     = "under_14"
	FindingUnderAge    = "under_age"
	FindingAgeUnknown  = "age_unknown"
	FindingNameUnusual = "name_unusual"
	FindingNameTooLong = "name_too_long"
)

// Rules are the figures of a policy. The zero value judges no age but the legal one of fourteen.
type Rules struct {
	MinimumAge int // full years that the holder of an account must have; 0: no rule
}

// Finding is one result of the automatic review. Code is a plain string because it goes into the log as it is.
type Finding struct {
	Code     string
	Severity Severity
}

// Findings are all results, graver ones first; empty means that nothing is in the way.
type Findings []Finding

const (
	// guardianAge: below it face processing needs a guardian and special rules (CAC and MPS order 19, article 7),
	// which no page of ours offers.
	guardianAge = 14
	// workingAge: from it on a minor may have a business of their own, which only a person can judge.
	workingAge = 16
)

// Check judges accepted information on the Beijing date of at.
func Check(s Subject, at time.Time, rules Rules) Findings {
	name := s.person().name
	findings := ageFindings(s, at, rules)
	if utf8.RuneCountInString(name) > providerName {
		findings = append(findings, Finding{FindingNameTooLong, SeverityReviewer})
	}
	if unusual(name) {
		findings = append(findings, Finding{FindingNameUnusual, SeverityReviewer})
	}
	return findings
}

func ageFindings(s Subject, at time.Time, rules Rules) Findings {
	switch age, ok := s.Age(at); {
	case !ok:
		return Findings{{FindingAgeUnknown, SeverityReviewer}}
	case age < guardianAge:
		return Findings{{FindingUnder14, SeverityReject}}
	case age < rules.MinimumAge && age < workingAge:
		return Findings{{FindingUnderAge, SeverityReject}}
	case age < rules.MinimumAge:
		return Findings{{FindingUnderAge, SeverityReviewer}}
	default:
		return nil
	}
}
