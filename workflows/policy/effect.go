package policy

// Effect is what a decision means for the action that was asked about.
type Effect string

const (
	// Allow lets the action happen.
	Allow Effect = "allow"
	// Prompt lets the action happen and asks the merchant to verify.
	Prompt Effect = "prompt"
	// Block refuses the action.
	Block Effect = "block"
)

// Effects lists every effect, mildest first.
func Effects() []Effect { return []Effect{Allow, Prompt, Block} }

// Stricter reports whether e restricts more than o. A text that is no effect is milder than Allow.
func (e Effect) Stricter(o Effect) bool { return e.rank() > o.rank() }

func (e Effect) rank() int {
	switch e {
	case Allow:
		return 0
	case Prompt:
		return 1
	case Block:
		return 2
	default:
		return -1
	}
}

// Reason says why a decision has its effect. The package essay states the order in which they apply.
type Reason string

const (
	ReasonNotCovered      Reason = "not_covered"       // no rule covers the account
	ReasonNotRestricted   Reason = "not_restricted"    // the account is covered, the action is never restricted
	ReasonVerified        Reason = "verified"          // the account is verified
	ReasonNotYetAnnounced Reason = "not_yet_announced" // the rule has not begun to ask
	ReasonExtended        Reason = "extended"          // an extension takes the block away for now
	ReasonGrace           Reason = "grace"             // the operator's or the provider's delay takes the block away for now
	ReasonAnnounced       Reason = "announced"         // the rule asks, and does not block yet
	ReasonEnforced        Reason = "enforced"          // the rule is enforced
)

// Reasons lists every reason in the order in which a rule considers them.
func Reasons() []Reason {
	return []Reason{
		ReasonNotCovered, ReasonNotRestricted, ReasonVerified, ReasonNotYetAnnounced,
		ReasonExtended, ReasonGrace, ReasonAnnounced, ReasonEnforced,
	}
}
