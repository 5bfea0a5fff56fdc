package app

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// policies is a store with published policies and one account, which counts how often it is read.
type policies struct {
	texts    []store.PublishedPolicy
	account  policy.Account
	revision int64
	reads    int
	err      error
}

func (p *policies) Facts(context.Context, string) (store.Facts, error) {
	return store.Facts{Account: p.account, PoliciesRevision: p.revision}, p.err
}
func (p *policies) Policies(context.Context) ([]store.PublishedPolicy, error) {
	p.reads++
	return p.texts, nil
}
func (p *policies) Brakes(context.Context) ([]store.Brake, error)   { return nil, nil }
func (p *policies) PoliciesRevision(context.Context) (int64, error) { return p.revision, nil }

func text(name string, version int, kind, correction string) []byte {
	return fmt.Appendf(nil, `name: %s
version: %d
zone: Asia/Shanghai
actions: [login]
rules:
  - id: %s-rule
    cohort: {kind: %s}
    require: verified
    phases:
      - {from: 2020-01-01T00:00:00+08:00, stage: announced, effects: {login: prompt}}
    mode: enforce
correction: {mode: %s}
review: {approve: automatic, minimum_age: %d, duplicate_number: reviewer}
`, name, version, name, kind, correction, 10+version)
}

func TestTheCoveringPolicyCounts(t *testing.T) {
	t.Parallel()
	day := func(d int) time.Time { return beijing(2020, time.November, d, 0, 0, 0) }
	p := &policies{texts: []store.PublishedPolicy{
		{Name: "b", Version: 1, Text: text("b", 1, "individual", "free"), EffectiveFrom: day(1)},
		{Name: "b", Version: 2, Text: text("b", 2, "individual", "once"), EffectiveFrom: day(10)},
		{Name: "a", Version: 1, Text: text("a", 1, "enterprise", "support"), EffectiveFrom: day(5)},
	}}
	for name, c := range map[string]struct {
		kind policy.Kind
		at   time.Time
		want policy.CorrectionMode
		age  int
	}{
		"before any":              {policy.KindIndividual, day(1).Add(-1), "", 0},
		"first version":           {policy.KindIndividual, day(1), policy.CorrectionFree, 11},
		"until the next":          {policy.KindIndividual, day(10).Add(-1), policy.CorrectionFree, 11},
		"next version":            {policy.KindIndividual, day(10), policy.CorrectionOnce, 12},
		"covered by another name": {policy.KindEnterprise, day(10), policy.CorrectionSupport, 11},
		"covered by none":         {policy.KindEnterprise, day(2), policy.CorrectionFree, 11},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRules(&policies{texts: p.texts, account: policy.Account{ID: "x", Kind: c.kind}})
			correction, err := r.Correction(t.Context(), "x", c.at)
			require.NoError(t, err)
			require.Equal(t, c.want, correction.Mode)
			review, err := r.Review(t.Context(), "x", c.at)
			require.NoError(t, err)
			require.Equal(t, c.age, review.MinimumAge)
		})
	}
}

func TestPoliciesAreReadOncePerRevision(t *testing.T) {
	t.Parallel()
	p := &policies{texts: []store.PublishedPolicy{{Name: "a", Version: 1, Text: text("a", 1, "individual", "free")}}}
	r := newRules(p)
	for range 3 {
		_, err := r.Review(t.Context(), "x", beijing(2020, time.November, 1, 0, 0, 0))
		require.NoError(t, err)
	}
	require.Equal(t, 1, p.reads)
	p.revision++
	_, err := r.Review(t.Context(), "x", beijing(2020, time.November, 1, 0, 0, 0))
	require.NoError(t, err)
	require.Equal(t, 2, p.reads)
}

func TestRulesNeverGuess(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	_, err := newRules(&policies{err: lost}).Correction(t.Context(), "x", time.Time{})
	require.ErrorIs(t, err, lost)
	_, err = newRules(&policies{texts: []store.PublishedPolicy{{Name: "a", Text: []byte("broken")}}}).Review(t.Context(), "x", time.Time{})
	require.Error(t, err)
}
