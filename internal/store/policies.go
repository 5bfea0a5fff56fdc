package store

import (
	"context"
	"errors"
	"time"
)

// ErrMoved means that the policies changed after the revision that a write was decided on: read again, decide again.
var ErrMoved = errors.New("store: the policies have changed meanwhile")

// PublishedPolicy is one immutable version with the instant from which it is in force.
type PublishedPolicy struct {
	Name          string
	Version       int
	Text          []byte
	Digest        string // sha256 of Text, hex
	EffectiveFrom time.Time
	RecordedAt    time.Time
	Author        string // id of the API key that proposed it
	Note          string
}

// Ruling is what became of a proposed version.
type Ruling string

const (
	Approved  Ruling = "approved"
	Rejected  Ruling = "rejected"
	Withdrawn Ruling = "withdrawn" // by an operator, before it was in force
)

// PolicyRuling is one decision on a version. It is never changed or removed.
type PolicyRuling struct {
	Name          string
	Version       int
	Ruling        Ruling
	EffectiveFrom time.Time // of an approval
	RecordedAt    time.Time
	Actor         string // id of the API key
	Reason        string
}

// PolicyVersion is a version with everything that was decided on it. EffectiveFrom and RecordedAt are those of the
// proposal.
type PolicyVersion struct {
	PublishedPolicy
	Rulings []PolicyRuling // oldest first
}

// Ruled returns the ruling of that kind, false if there is none.
func (v PolicyVersion) Ruled(r Ruling) (PolicyRuling, bool) {
	for _, ruling := range v.Rulings {
		if ruling.Ruling == r {
			return ruling, true
		}
	}
	return PolicyRuling{}, false
}

// Brake sets one rule of a policy, or all of them, to observe; a released one lets them enforce again. It is never
// changed or removed: what counts is the last one for the same rule.
type Brake struct {
	Name        string // of the policy, whatever its version
	RuleID      string // "" for every rule
	Released    bool
	EffectiveAt time.Time
	RecordedAt  time.Time
	Actor       string // id of the API key
	Reason      string
}

// Policies holds published versions.
type Policies interface {
	// PublishPolicy writes a version that its author approved; Digest and RecordedAt are the store's. The same text again
	// under the same number is no error and changes nothing, its instant included; another text is ErrConflict.
	PublishPolicy(ctx context.Context, p PublishedPolicy) error
	// ProposePolicy writes a version that nobody has approved yet. ErrMoved unless the policies are at the revision.
	ProposePolicy(ctx context.Context, p PublishedPolicy, revision int64) error
	// RulePolicy decides on a version; RecordedAt is the store's, and an approval is in force no earlier than that. ErrMoved
	// unless the policies are at the revision.
	RulePolicy(ctx context.Context, r PolicyRuling, revision int64) error
	// PutBrake writes a brake that takes effect at once. ErrMoved unless the policies are at the revision.
	PutBrake(ctx context.Context, b Brake, revision int64) error
	// Policies returns every version that is approved and not withdrawn, by when it was approved: RecordedAt and
	// EffectiveFrom are the approval's. Few rows; callers cache them by PoliciesRevision.
	Policies(ctx context.Context) ([]PublishedPolicy, error)
	// PolicyVersions returns every version, by name and number.
	PolicyVersions(ctx context.Context) ([]PolicyVersion, error)
	// Brakes returns every brake, oldest first.
	Brakes(ctx context.Context) ([]Brake, error)
	// PoliciesRevision grows whenever one of Policies, PolicyVersions or Brakes would answer differently.
	PoliciesRevision(ctx context.Context) (int64, error)
}

// ObservedRule is how often an observing rule would have blocked an action.
type ObservedRule struct {
	Version        int
	RuleID, Action string
	Accounts       int
	Decisions      int       // repeats included
	First, Last    time.Time // of the first decisions of the accounts
}

// ObservedFilter selects what observing rules of a policy would have blocked; empty fields but Name do not filter.
type ObservedFilter struct {
	Name    string
	Version int
	RuleID  string
	After   ObservedPlace // of the last row of the page before
	Limit   int           // 1 to 501
}

// ObservedPlace is where a row stands in a list of what was observed.
type ObservedPlace struct {
	AccountID, Action string
	Version           int
	RuleID            string
}
