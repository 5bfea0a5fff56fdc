package app

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// foundingRule and registrationRule are the policies of a demonstration; a test keeps them equal to those in testdata.
var (
	//go:embed demo/wishpost-2020.yaml
	foundingRule []byte
	//go:embed demo/registration-2020.yaml
	registrationRule []byte
)

// Sample is an account of the demonstration, with what it is there to show.
type Sample struct {
	ID   string
	Show string
}

// Samples lists the accounts that every demonstration has, around the edges of the founding rule.
func Samples() []Sample {
	return []Sample{
		{"sample-before", "registered one second before the cutoff: covered"},
		{"sample-at", "registered at the cutoff: covered by the rule for registration, blocked from its first day"},
		{"sample-old", "registered on 2020-11-01: covered, nothing done yet"},
		{"sample-approved", "real name approved by an older process, person not verified: covered"},
		{"sample-verified", "verified by an older process: never blocked"},
		{"sample-enterprise", "an enterprise: not covered"},
		{"sample-us", "of another region: not covered"},
	}
}

func beijing(year int, month time.Month, day, hour, minute, second int) time.Time {
	return time.Date(year, month, day, hour, minute, second, 0, lifecycle.Beijing())
}

// EnforcedFrom is the instant at which the founding rule begins to block.
func EnforcedFrom() time.Time { return beijing(2020, time.December, 4, 0, 0, 0) }

// timelineLead is how long before that the timeline begins.
const timelineLead = 40 * time.Second

// TimelineOffset is what shifts the clock to shortly before the founding rule is enforced.
func TimelineOffset() time.Duration {
	return EnforcedFrom().Add(-timelineLead).Sub(time.Now())
}

func sampleAccounts() []store.PutAccount {
	actor := lifecycle.Actor{Kind: lifecycle.ActorImport, ID: "demo"}
	put := func(id string, kind policy.Kind, region string, registered time.Time) store.PutAccount {
		return store.PutAccount{
			Account: policy.Account{ID: id, Kind: kind, Region: region, RegisteredAt: registered}, Actor: actor,
		}
	}
	imported := func(p store.PutAccount, event lifecycle.Event, method string) store.PutAccount {
		at := beijing(2020, time.October, 1, 10, 0, 0)
		p.Import = &lifecycle.Change{
			ChangeID: "demo-" + string(event), Event: event, At: at, Actor: actor,
			Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: at, Method: method, Evidence: "demo"}},
		}
		return p
	}
	old := beijing(2020, time.November, 1, 9, 0, 0)
	return []store.PutAccount{
		put("sample-before", policy.KindIndividual, "CN", beijing(2020, time.November, 16, 23, 59, 59)),
		put("sample-at", policy.KindIndividual, "CN", beijing(2020, time.November, 17, 0, 0, 0)),
		put("sample-old", policy.KindIndividual, "CN", old),
		imported(put("sample-approved", policy.KindIndividual, "CN", old.AddDate(-1, 0, 0)), lifecycle.ImportApproved, ""),
		imported(put("sample-verified", policy.KindIndividual, "CN", old.AddDate(-1, 0, 0)), lifecycle.ImportVerified, "counter"),
		put("sample-enterprise", policy.KindEnterprise, "CN", old),
		put("sample-us", policy.KindIndividual, "US", old),
	}
}

// seed publishes the rules of 2020 and registers the samples. Doing it again changes nothing.
func (a *App) seed(ctx context.Context) error {
	for note, text := range map[string][]byte{"the founding rule": foundingRule, "the rule for registration": registrationRule} {
		p, err := policyfile.Parse(text)
		if err != nil {
			return fmt.Errorf("app: %s: %w", note, err)
		}
		err = a.store.PublishPolicy(ctx, store.PublishedPolicy{
			Name: p.Name, Version: p.Version, Text: text, EffectiveFrom: beijing(2020, time.January, 1, 0, 0, 0), Author: "demo", Note: note,
		})
		if err != nil && !errors.Is(err, store.ErrConflict) { // data of an earlier program keep the text that they began with
			return fmt.Errorf("app: publish %s: %w", note, err)
		}
	}
	outcomes, err := a.store.PutAccounts(ctx, sampleAccounts(), false)
	if err != nil {
		return fmt.Errorf("app: sample accounts: %w", err)
	}
	for _, o := range outcomes {
		if o.Err != nil {
			return fmt.Errorf("app: sample account: %w", o.Err)
		}
	}
	return nil
}
