package policyfile

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/verigate/verigate/workflows/policy"
)

// adult is the minimum age of a review that does not state one, in years.
const adult = 18

func (r *reader) policy(n *yaml.Node) *policy.Policy {
	f := r.fields(n, "", []string{"name", "version", "zone", "actions", "rules"}, []string{"correction", "review"})
	p := &policy.Policy{
		Name:       r.text(f["name"], "name"),
		Version:    r.number(f["version"], "version"),
		Zone:       r.zone(f["zone"], "zone"),
		Correction: policy.Correction{Mode: policy.CorrectionSupport},
		Review:     policy.Review{Approve: policy.ApproveReviewer, MinimumAge: adult, DuplicateNumber: policy.DuplicateReviewer},
	}
	if n := f["actions"]; n != nil && n.Kind == yaml.ScalarNode {
		r.fault(n, "actions", "must be a list")
	} else {
		p.Actions = r.texts(f["actions"], "actions")
	}
	for i, item := range r.list(f["rules"], "rules") {
		path := fmt.Sprintf("rules[%d]", i)
		r.lines[path] = item.Line
		p.Rules = append(p.Rules, r.rule(item, path))
	}
	if n := f["correction"]; n != nil {
		p.Correction = r.correction(n, "correction")
	}
	if n := f["review"]; n != nil {
		r.review(n, "review", &p.Review)
	}
	return p
}

func (r *reader) zone(n *yaml.Node, path string) *time.Location {
	name := r.text(n, path)
	if name == "" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		r.fault(n, path, "is not a time zone of the IANA database; write one such as Asia/Shanghai or UTC")
		return nil
	}
	return zone
}

func (r *reader) rule(n *yaml.Node, path string) policy.Rule {
	f := r.fields(n, path, []string{"id", "cohort", "require", "phases", "mode"}, []string{"grace", "valid_for", "reminders"})
	rule := policy.Rule{
		ID:      r.text(f["id"], path+".id"),
		Require: r.text(f["require"], path+".require"),
		Mode:    policy.Mode(r.text(f["mode"], path+".mode")),
	}
	if n := f["cohort"]; n != nil {
		rule.Cohort = r.cohort(n, path+".cohort")
	}
	for i, item := range r.list(f["phases"], path+".phases") {
		at := fmt.Sprintf("%s.phases[%d]", path, i)
		r.lines[at] = item.Line
		rule.Phases = append(rule.Phases, r.phase(item, at))
	}
	if n := f["grace"]; n != nil {
		at := path + ".grace"
		f := r.fields(n, at, []string{"bound"}, []string{"lead"})
		rule.Grace = &policy.Grace{Bound: r.duration(f["bound"], at+".bound"), Lead: r.duration(f["lead"], at+".lead")}
	}
	if n := f["valid_for"]; n != nil {
		at := path + ".valid_for"
		rule.ValidFor = r.duration(n, at)
		if rule.ValidFor == 0 && !r.bad[at] {
			r.fault(n, at, "must be more than 0; leave it out if a verification never lapses")
		}
	}
	if n := f["reminders"]; n != nil {
		rule.Reminders = r.reminders(n, path+".reminders")
	}
	return rule
}

func (r *reader) cohort(n *yaml.Node, path string) policy.Cohort {
	f := r.fields(n, path, nil, []string{"kind", "region", "registered"})
	var c policy.Cohort
	for _, kind := range r.texts(r.filled(f["kind"], path+".kind"), path+".kind") {
		c.Kinds = append(c.Kinds, policy.Kind(kind))
	}
	c.Regions = r.texts(r.filled(f["region"], path+".region"), path+".region")
	if n := f["registered"]; n != nil {
		at := path + ".registered"
		c.Registered.From, c.Registered.Before = r.interval(r.fields(n, at, nil, []string{"from", "before"}), at)
	}
	return c
}

// filled refuses an empty list: it reads like nobody and would mean everybody.
func (r *reader) filled(n *yaml.Node, path string) *yaml.Node {
	if n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.fault(n, path, "is an empty list; name at least one, or leave the key out to cover all")
		return nil
	}
	return n
}

func (r *reader) interval(f map[string]*yaml.Node, path string) (from, before time.Time) {
	return r.instant(f["from"], path+".from"), r.instant(f["before"], path+".before")
}

func (r *reader) phase(n *yaml.Node, path string) policy.Phase {
	f := r.fields(n, path, []string{"from", "stage"}, []string{"effects"})
	p := policy.Phase{
		From:    r.instant(f["from"], path+".from"),
		Stage:   policy.Stage(r.text(f["stage"], path+".stage")),
		Effects: map[string]policy.Effect{},
	}
	if n := f["effects"]; n != nil {
		at := path + ".effects"
		actions, effects := r.mapping(n, at)
		for _, a := range actions {
			p.Effects[a] = policy.Effect(r.text(effects[a], join(at, printable(a))))
		}
	}
	return p
}

func (r *reader) correction(n *yaml.Node, path string) policy.Correction {
	f := r.fields(n, path, []string{"mode"}, []string{"from", "before"})
	c := policy.Correction{Mode: policy.CorrectionMode(r.text(f["mode"], path+".mode"))}
	c.From, c.Before = r.interval(f, path)
	return c
}

func (r *reader) review(n *yaml.Node, path string, v *policy.Review) {
	f := r.fields(n, path, nil, []string{"approve", "minimum_age", "duplicate_number"})
	if n := f["approve"]; n != nil {
		v.Approve = policy.Approval(r.text(n, path+".approve"))
	}
	if n := f["minimum_age"]; n != nil {
		v.MinimumAge = r.number(n, path+".minimum_age")
	}
	if n := f["duplicate_number"]; n != nil {
		v.DuplicateNumber = policy.Duplicate(r.text(n, path+".duplicate_number"))
	}
}
