package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of a policy. They keep a decision cheap and a slip of the pen visible.
const (
	MaxActions  = 64                     // actions of all policies in force together
	MaxRules    = 500                    // rules of one policy
	MaxPhases   = 32                     // phases of one rule
	MaxRegions  = 300                    // regions of one cohort
	MaxGrace    = 90 * 24 * time.Hour    // Grace.Bound and Grace.Lead
	MaxValidFor = 36500 * 24 * time.Hour // Rule.ValidFor
	MaxAge      = 120                    // Review.MinimumAge, in years
	maxVersion  = 1_000_000_000
	maxName     = 64
	maxKinds    = 8 // more than there are, so that one named twice is still said to be
)

// Fault is one thing that is wrong with a policy.
type Fault struct {
	Path    string // where, as rules[0].phases[1].from
	Message string // what is wrong, the bound and the fix
}

// Faults is everything that is wrong with a policy, in the order of the policy.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Path + ": " + fault.Message
	}
	return "policy: " + strings.Join(lines, "; ")
}

// Validate returns everything that is wrong with the policy, nil if nothing is. Messages quote nothing that the
// policy's author wrote but action names and rule ids of the permitted form.
func (p *Policy) Validate() Faults {
	var c checker
	c.that(isName(p.Name), "name", "must be 1 to %d of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit", maxName)
	c.that(p.Version >= 1 && p.Version <= maxVersion, "version", "must be a whole number from 1 to %d", maxVersion)
	c.that(p.Zone != nil && p.Zone.String() != "Local", "zone", "must be an IANA time zone such as Asia/Shanghai")
	actions := c.actions(p.Actions)
	if c.that(len(p.Rules) >= 1 && len(p.Rules) <= MaxRules, "rules", "must hold 1 to %d rules", MaxRules) {
		seen := make(map[string]bool, len(p.Rules))
		for i := range p.Rules {
			path := fmt.Sprintf("rules[%d]", i)
			c.that(p.Rules[i].ID == "" || !seen[p.Rules[i].ID], path+".id", "is used by an earlier rule; give each rule its own")
			seen[p.Rules[i].ID] = true
			c.rule(path, &p.Rules[i], actions)
		}
	}
	c.correction(p.Correction)
	c.review(p.Review)
	return c.faults
}

type checker struct{ faults Faults }

// that records a fault unless ok, and returns ok.
func (c *checker) that(ok bool, path, format string, args ...any) bool {
	if !ok {
		c.faults = append(c.faults, Fault{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	return ok
}

// actions returns the declared actions, none if there are too many to look through for each effect.
func (c *checker) actions(actions []string) []string {
	if !c.that(len(actions) >= 1 && len(actions) <= MaxActions, "actions", "must name 1 to %d actions", MaxActions) {
		return nil
	}
	for i, a := range actions {
		path := fmt.Sprintf("actions[%d]", i)
		c.that(isAction(a), path, "must be 1 to %d of a-z, 0-9 and '_', beginning with a letter", maxName)
		c.that(!slices.Contains(actions[:i], a), path, "is declared twice; remove one")
	}
	return actions
}

func (c *checker) rule(path string, r *Rule, actions []string) {
	c.that(isName(r.ID), path+".id", "must be 1 to %d of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit", maxName)
	c.cohort(path+".cohort", &r.Cohort)
	c.that(r.Require == RequireVerified, path+".require", "must be %q", RequireVerified)
	c.that(r.Mode == ModeEnforce || r.Mode == ModeObserve, path+".mode", "must be %q or %q", ModeEnforce, ModeObserve)
	c.that(r.ValidFor >= 0 && r.ValidFor <= MaxValidFor, path+".valid_for", "must be more than 0 and at most %s; leave it out if a verification never lapses", days(MaxValidFor))
	if g := r.Grace; g != nil {
		c.that(g.Bound > 0 && g.Bound <= MaxGrace, path+".grace.bound", "must be more than 0 and at most %s", days(MaxGrace))
		c.that(g.Lead >= 0 && g.Lead <= MaxGrace, path+".grace.lead", "must be 0 to %s", days(MaxGrace))
	}
	if !c.that(len(r.Phases) >= 1 && len(r.Phases) <= MaxPhases, path+".phases", "must hold 1 to %d phases", MaxPhases) {
		return
	}
	c.reminders(path+".reminders", r)
	for i := range r.Phases {
		at := fmt.Sprintf("%s.phases[%d]", path, i)
		c.phase(at, &r.Phases[i], actions)
		if i > 0 {
			c.follows(at, &r.Phases[i-1], &r.Phases[i], actions)
		}
	}
}

func (c *checker) cohort(path string, k *Cohort) {
	if c.that(len(k.Kinds) <= maxKinds, path+".kind", "must hold at most %d kinds", maxKinds) {
		for i, kind := range k.Kinds {
			at := fmt.Sprintf("%s.kind[%d]", path, i)
			c.that(kind.Valid(), at, "must be %q or %q", KindIndividual, KindEnterprise)
			c.that(!slices.Contains(k.Kinds[:i], kind), at, "is named twice; remove one")
		}
	}
	if c.that(len(k.Regions) <= MaxRegions, path+".region", "must hold at most %d regions", MaxRegions) {
		for i, region := range k.Regions {
			at := fmt.Sprintf("%s.region[%d]", path, i)
			c.that(isRegion(region), at, "must be an ISO 3166-1 code of two capital letters, such as CN")
			c.that(!slices.Contains(k.Regions[:i], region), at, "is named twice; remove one")
		}
	}
	c.interval(path+".registered", k.Registered, "covers nobody")
}

func (c *checker) interval(path string, i Interval, consequence string) {
	if i.From.IsZero() || i.Before.IsZero() {
		return
	}
	c.that(i.From.Before(i.Before), path+".before", "is not after from, so it %s; make it later than from", consequence)
}

func (c *checker) phase(path string, p *Phase, actions []string) {
	c.that(!p.From.IsZero(), path+".from", "must be an instant with an offset, such as 2020-12-04T00:00:00+08:00")
	known := c.that(slices.Contains(Stages(), p.Stage), path+".stage", "must be %q, %q or %q", StageOptional, StageAnnounced, StageEnforced)
	for _, action := range sortedKeys(p.Effects) {
		effect, at := p.Effects[action], path+".effects."+printable(action)
		if len(actions) > 0 {
			c.that(slices.Contains(actions, action), at, "is not a declared action; add it to actions or correct it")
		}
		if !c.that(effect.rank() >= 0, at, "must be %q, %q or %q", Allow, Prompt, Block) || !known {
			continue
		}
		c.that(!effect.Stricter(p.Stage.strictest()), at, "is stricter than %q, the most that stage %q may do; use a later stage", p.Stage.strictest(), p.Stage)
	}
}

// strictest is the strictest effect that the stage may have.
func (s Stage) strictest() Effect {
	switch s {
	case StageOptional:
		return Allow
	case StageAnnounced:
		return Prompt
	case StageEnforced:
		return Block
	default:
		return Block
	}
}

// follows checks a phase against the one before it: a rule never turns milder without a new policy version.
func (c *checker) follows(path string, before, p *Phase, actions []string) {
	c.that(p.From.After(before.From), path+".from", "must be later than the from of the phase before")
	from, to := slices.Index(Stages(), before.Stage), slices.Index(Stages(), p.Stage)
	c.that(from <= to || to < 0, path+".stage", "steps back behind the phase before; the order is optional, announced, enforced")
	for _, action := range actions {
		was, is := before.effect(action), p.effect(action)
		if was.rank() < 0 || is.rank() < 0 {
			continue
		}
		c.that(!was.Stricter(is), path+".effects."+printable(action), "is %q after %q in the phase before; an effect never weakens, so say at least %q", is, was, was)
	}
}

func (p *Phase) effect(action string) Effect {
	if e, ok := p.Effects[action]; ok {
		return e
	}
	return Allow
}

func (c *checker) correction(k Correction) {
	ok := k.Mode == "" || k.Mode == CorrectionFree || k.Mode == CorrectionOnce || k.Mode == CorrectionSupport
	c.that(ok, "correction.mode", "must be %q, %q or %q", CorrectionFree, CorrectionOnce, CorrectionSupport)
	c.interval("correction", Interval{From: k.From, Before: k.Before}, "is open to nobody")
	if k.Mode == "" || k.Mode == CorrectionSupport {
		c.that(k.From.IsZero() && k.Before.IsZero(), "correction.mode", "support corrects at any time; remove from and before, or use %q or %q", CorrectionFree, CorrectionOnce)
	}
}

func (c *checker) review(r Review) {
	c.that(r.Approve == "" || r.Approve == ApproveAutomatic || r.Approve == ApproveReviewer,
		"review.approve", "must be %q or %q", ApproveAutomatic, ApproveReviewer)
	c.that(r.MinimumAge >= 0 && r.MinimumAge <= MaxAge, "review.minimum_age", "must be a whole number of years from 0 to %d", MaxAge)
	c.that(r.DuplicateNumber == "" || r.DuplicateNumber == DuplicateReject || r.DuplicateNumber == DuplicateReviewer,
		"review.duplicate_number", "must be %q or %q", DuplicateReject, DuplicateReviewer)
}
