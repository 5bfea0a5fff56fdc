package policytest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// Suite is one file of cases and the policies that it is about.
type Suite struct {
	Policies [][]byte // the texts, in the order in which the file names them
	Set      *policy.Set
	Cases    []Case
}

// Case is one question and its expected answer.
type Case struct {
	Name       string
	Account    policy.Account
	Standing   lifecycle.Standing
	Extensions []policy.Extension
	At         time.Time
	Action     string

	Effect policy.Effect
	Reason policy.Reason

	// Expected only if not nil; the zero instant expects that there is none.
	Since, Deadline, NextChangeAt *time.Time
}

// ErrNoCase: a file of cases holds no case, or one that does not say what it asks and expects.
var ErrNoCase = errors.New("policytest: incomplete case")

// Cases returns the cases of the file.
func Cases(fsys fs.FS, name string) ([]Case, error) {
	s, err := Load(fsys, name)
	if err != nil {
		return nil, err
	}
	return s.Cases, nil
}

// Load reads the file of cases and the policy files that it names, which lie beside it. Unknown keys are errors.
func Load(fsys fs.FS, name string) (*Suite, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	var f file
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("policytest: %s: %w", name, err)
	}
	s := &Suite{}
	var policies []*policy.Policy
	for _, beside := range f.Policies {
		text, err := fs.ReadFile(fsys, path.Join(path.Dir(name), beside))
		if err != nil {
			return nil, err
		}
		p, err := policyfile.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("policytest: %s: %w", beside, err)
		}
		s.Policies, policies = append(s.Policies, text), append(policies, p)
	}
	if s.Set, err = policy.NewSet(policies...); err != nil {
		return nil, fmt.Errorf("policytest: %s: %w", name, err)
	}
	for _, c := range f.Cases {
		if c.Name == "" || c.At.IsZero() || c.Action == "" || c.Effect == "" || c.Reason == "" {
			return nil, fmt.Errorf("%w: %s: %q", ErrNoCase, name, c.Name)
		}
		s.Cases = append(s.Cases, c.build(f.Defaults))
	}
	if len(s.Cases) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoCase, name)
	}
	return s, nil
}

type file struct {
	Policies []string `yaml:"policies"`
	Defaults defaults `yaml:"defaults"`
	Cases    []entry  `yaml:"cases"`
}

type defaults struct {
	Account  account  `yaml:"account"`
	Standing standing `yaml:"standing"`
}

type entry struct {
	Name      string     `yaml:"name"`
	Account   account    `yaml:"account"`
	Standing  *standing  `yaml:"standing"`
	Extension *extension `yaml:"extension"`
	At        instant    `yaml:"at"`
	Action    string     `yaml:"action"`

	Effect       policy.Effect `yaml:"effect"`
	Reason       policy.Reason `yaml:"reason"`
	Since        *instant      `yaml:"since"`
	Deadline     *instant      `yaml:"deadline"`
	NextChangeAt *instant      `yaml:"next_change_at"`
}

type account struct {
	ID           string      `yaml:"id"`
	Kind         policy.Kind `yaml:"kind"`
	Region       string      `yaml:"region"`
	RegisteredAt instant     `yaml:"registered_at"`
}

type standing struct {
	State      lifecycle.State `yaml:"state"`
	Since      instant         `yaml:"since"`
	TurnSince  instant         `yaml:"turn_since"`
	VerifiedAt instant         `yaml:"verified_at"`
}

type extension struct {
	Rule      string  `yaml:"rule"`
	GrantedAt instant `yaml:"granted_at"`
	Until     instant `yaml:"until"`
}

func (e entry) build(d defaults) Case {
	if e.Standing == nil {
		e.Standing = &d.Standing
	}
	c := Case{
		Name: e.Name,
		Account: policy.Account{
			ID: either(e.Account.ID, d.Account.ID), Kind: either(e.Account.Kind, d.Account.Kind),
			Region:       either(e.Account.Region, d.Account.Region),
			RegisteredAt: either(e.Account.RegisteredAt, d.Account.RegisteredAt).Time,
		},
		Standing: lifecycle.Standing{
			State: e.Standing.State, Since: e.Standing.Since.Time,
			TurnSince:  either(e.Standing.TurnSince, e.Standing.Since).Time,
			VerifiedAt: e.Standing.VerifiedAt.Time,
		},
		At: e.At.Time, Action: e.Action, Effect: e.Effect, Reason: e.Reason,
		Since: e.Since.pointer(), Deadline: e.Deadline.pointer(), NextChangeAt: e.NextChangeAt.pointer(),
	}
	if x := e.Extension; x != nil {
		c.Extensions = []policy.Extension{{
			ID: "x1", AccountID: c.Account.ID, RuleID: x.Rule, GrantedAt: x.GrantedAt.Time, Until: x.Until.Time,
		}}
	}
	return c
}

func either[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// instant insists on an offset, which YAML's own timestamps do not; "none" is the zero instant.
type instant struct{ time.Time }

func (i *instant) UnmarshalYAML(n *yaml.Node) error {
	if n.Value == "none" {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, n.Value)
	if err != nil {
		return fmt.Errorf("line %d: not an instant with an offset: %w", n.Line, err)
	}
	i.Time = t
	return nil
}

func (i *instant) pointer() *time.Time {
	if i == nil {
		return nil
	}
	return &i.Time
}
