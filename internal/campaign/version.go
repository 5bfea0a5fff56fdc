package campaign

import (
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// ErrNoVersion means that no such version of the policy was published.
var ErrNoVersion = errors.New("campaign: no such version of the policy was published")

// Version is the version that is reported on.
type Version struct {
	Name          string
	Number        int
	Text          []byte
	Digest        string // sha256 of Text, hex
	EffectiveFrom time.Time
	Until         time.Time // when another version takes its place, zero if none does

	set   *policy.Set
	zone  *time.Location
	rules []ruleDate
}

// ruleDate is a rule with the first instant at which it blocks anything.
type ruleDate struct {
	id       string
	observes bool
	deadline time.Time
}

// Find returns a version, the newest for number 0. The error is ErrNoVersion, or says that the text cannot be used.
func Find(published []store.PublishedPolicy, name string, number int) (*Version, error) {
	var found *store.PublishedPolicy
	for i := range published {
		p := &published[i]
		if p.Name == name && (p.Version == number || number == 0 && (found == nil || p.Version > found.Version)) {
			found = p
		}
	}
	if found == nil {
		return nil, ErrNoVersion
	}
	parsed, err := policyfile.Parse(found.Text)
	if err != nil {
		return nil, fmt.Errorf("campaign: version %d of %s cannot be read: %w", found.Version, name, err)
	}
	set, err := policy.NewSet(parsed)
	if err != nil {
		return nil, fmt.Errorf("campaign: version %d of %s cannot be used: %w", found.Version, name, err)
	}
	v := &Version{
		Name: name, Number: found.Version, Text: found.Text, Digest: found.Digest, EffectiveFrom: found.EffectiveFrom,
		set: set, zone: parsed.Zone,
	}
	for _, p := range published {
		if p.Name == name && p.Version > v.Number && (v.Until.IsZero() || p.EffectiveFrom.Before(v.Until)) {
			v.Until = p.EffectiveFrom
		}
	}
	for i := range parsed.Rules {
		v.rules = append(v.rules, dateOf(&parsed.Rules[i]))
	}
	return v, nil
}

func dateOf(r *policy.Rule) ruleDate {
	d := ruleDate{id: r.ID, observes: r.Mode == policy.ModeObserve}
	for _, phase := range r.Phases {
		for _, effect := range phase.Effects {
			if effect == policy.Block && d.deadline.IsZero() {
				d.deadline = phase.From
			}
		}
	}
	return d
}

// during reports whether something that lasts from an instant to another (zero: it goes on) touches the time in which
// the version is in force.
func (v *Version) during(from, until time.Time) bool {
	return (v.Until.IsZero() || from.Before(v.Until)) && (until.IsZero() || !until.Before(v.EffectiveFrom))
}
