package impact

import (
	"slices"

	"github.com/verigate/verigate/workflows/policy"
)

// Class is where a rule, or all rules together, have an account: each account is in exactly one, so that counts sum to
// the population.
type Class string

const (
	NotCovered  Class = "not_covered"  // outside the cohort
	Waiting     Class = "waiting"      // covered, not verified, and nothing is asked yet
	Verified    Class = "verified"     // counts as verified
	WouldPrompt Class = "would_prompt" // prompted, if the rule did not only observe
	Prompted    Class = "prompted"     // asked at some action, blocked at none
	Grace       Class = "grace"        // blocked, were the wait not the operator's or the provider's
	Extended    Class = "extended"     // blocked, were there no extension
	WouldBlock  Class = "would_block"  // blocked, if the rule did not only observe
	Blocked     Class = "blocked"      // refused at some action
)

// Classes lists every class, mildest first. All rules together have an account in the last of its rules' classes.
func Classes() []Class {
	return []Class{NotCovered, Waiting, Verified, WouldPrompt, Prompted, Grace, Extended, WouldBlock, Blocked}
}

// Valid reports whether c is one of Classes.
func (c Class) Valid() bool { return slices.Contains(Classes(), c) }

// class is a Class that counts and compares.
type class uint8

const (
	notCovered class = iota
	waiting
	verified
	wouldPrompt
	prompted
	grace
	extended
	wouldBlock
	blocked
	classCount
)

func (c class) name() Class { return Classes()[c] }

func classOf(l *policy.Look) class {
	switch {
	case !l.Covered:
		return notCovered
	case l.Verified:
		return verified
	case l.Blocked != 0:
		return blocked
	case l.WouldBlock != 0:
		return wouldBlock
	case l.Extended != 0:
		return extended
	case l.InGrace != 0:
		return grace
	case l.Prompted != 0:
		return prompted
	case l.WouldPrompt != 0:
		return wouldPrompt
	default:
		return waiting
	}
}

// tally counts accounts by class.
type tally [classCount]int64

// ClassCounts are accounts by class.
type ClassCounts struct {
	NotCovered  int64 `json:"not_covered" doc:"Outside the rule's cohort."`
	Waiting     int64 `json:"waiting" doc:"Covered and not verified; nothing is asked of them yet."`
	Verified    int64 `json:"verified"`
	WouldPrompt int64 `json:"would_prompt" doc:"Prompted, if the rule did not only observe."`
	Prompted    int64 `json:"prompted" doc:"Asked to verify at some action, and blocked at none."`
	Grace       int64 `json:"grace" doc:"Not blocked for now, because the wait is not the merchant's."`
	Extended    int64 `json:"extended" doc:"Not blocked for now, because of an extension."`
	WouldBlock  int64 `json:"would_block" doc:"Blocked, if the rule did not only observe."`
	Blocked     int64 `json:"blocked" doc:"Refused at some action."`
}

func (t *tally) counts() ClassCounts {
	return ClassCounts{
		t[notCovered], t[waiting], t[verified], t[wouldPrompt], t[prompted], t[grace], t[extended], t[wouldBlock], t[blocked],
	}
}

// Of returns the count of one class.
func (c ClassCounts) Of(class Class) int64 {
	switch class {
	case NotCovered:
		return c.NotCovered
	case Waiting:
		return c.Waiting
	case Verified:
		return c.Verified
	case WouldPrompt:
		return c.WouldPrompt
	case Prompted:
		return c.Prompted
	case Grace:
		return c.Grace
	case Extended:
		return c.Extended
	case WouldBlock:
		return c.WouldBlock
	case Blocked:
		return c.Blocked
	default:
		return 0
	}
}
