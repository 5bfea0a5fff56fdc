package api

import (
	"context"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// What the audit log keeps of things before and after: as the API shows them, without what people write.

// standingSeen is where a verification stands.
type standingSeen struct {
	State string `json:"state"`
	Seq   int64  `json:"seq"`
}

// standing is where the verification of the call's account stands, nothing if the call is not recorded.
func (s *Server) standing(ctx context.Context, c *call) (*standingSeen, error) {
	if !c.recorded() {
		return nil, nil
	}
	v, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return nil, err
	}
	return standingOf(v), nil
}

func standingOf(v lifecycle.Verification) *standingSeen { return &standingSeen{string(v.State), v.Seq} }

// moved says what a command did to the verification of its account. after is the zero view if it was refused.
func (c *call) moved(reason string, before *standingSeen, after statusView) {
	if before == nil {
		return
	}
	var seen any
	if after.State != "" {
		seen = standingSeen{after.State, after.Seq}
	}
	c.changed("account/"+c.account, reason, before, seen)
}

// policySeen is a version of a policy without its text and notes: the version is found under its number.
type policySeen struct {
	State         string    `json:"state"`
	EffectiveFrom time.Time `json:"effective_from"`
	Digest        string    `json:"digest"`
	Author        string    `json:"author"`
}

func seePolicy(r rulebook.Record, zone *time.Location) *policySeen {
	return &policySeen{string(r.State), r.InForceFrom.In(zone), r.Digest, r.Author}
}

func policySubject(name string, version int) string {
	return "policy/" + name + "/" + strconv.Itoa(version)
}

// brakesSeen is what is braked of a policy.
type brakesSeen struct {
	Brakes []brakeSeen `json:"brakes"`
}

type brakeSeen struct {
	Rule  *string   `json:"rule"`
	Since time.Time `json:"since"`
	Actor string    `json:"actor"`
}

// brakesSeen are the brakes of a policy, nothing where they cannot be read: that must not keep anybody from braking.
func (s *Server) brakesSeen(ctx context.Context, name string) *brakesSeen {
	held, err := s.desk.Braked(ctx)
	if err != nil {
		return nil
	}
	seen, zone := &brakesSeen{Brakes: []brakeSeen{}}, s.zoneOrUTC(ctx)
	for _, b := range held {
		if b.Name == name {
			seen.Brakes = append(seen.Brakes, brakeSeen{orNil(b.RuleID), b.EffectiveAt.In(zone), b.Actor})
		}
	}
	return seen
}

// runSeen is where a sweep or a run of reminders stands.
type runSeen struct {
	State  string `json:"state"`
	DryRun bool   `json:"dry_run"`
}

// startSeen is what a sweep or a run of reminders was started with.
type startSeen struct {
	Policy string `json:"policy"`
	DryRun bool   `json:"dry_run"`
}

// extensionSeen is an extension without its steps.
type extensionSeen struct {
	AccountID string     `json:"account_id"`
	Rule      *string    `json:"rule"`
	Until     time.Time  `json:"until"`
	State     string     `json:"state"`
	GrantedAt *time.Time `json:"granted_at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

func seeExtension(e store.Extension, zone *time.Location, now time.Time) *extensionSeen {
	v := viewExtension(e, zone, now)
	return &extensionSeen{v.AccountID, v.Rule, v.Until, v.State, v.GrantedAt, v.RevokedAt}
}

// batchSeen is what a verdict on a batch of extensions did.
type batchSeen struct {
	State   string `json:"state"`
	Decided int    `json:"decided"`
	Left    int    `json:"left"`
}

// importSeen is what an import of extensions did.
type importSeen struct {
	Lines     int `json:"lines"`
	Created   int `json:"created"`
	Unchanged int `json:"unchanged"`
	Errors    int `json:"errors"`
}

// webhookSeen is a webhook without its description and its address, which may hold a secret of the receiver's.
type webhookSeen struct {
	Types          []string `json:"types"`
	Enabled        bool     `json:"enabled"`
	DisabledReason *string  `json:"disabled_reason"`
}

// rotatedSeen is for how long a replaced secret still signs.
type rotatedSeen struct {
	OverlapHours int `json:"overlap_hours"`
}

// messageSeen is one message that was queued.
type messageSeen struct {
	MessageID string `json:"message_id"`
}

// redeliveredSeen is a range of time whose messages were queued again.
type redeliveredSeen struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Queued int       `json:"queued"`
}

func seeWebhook(w store.Webhook) *webhookSeen {
	v := viewWebhook(w, time.UTC)
	return &webhookSeen{v.Types, v.Enabled, v.DisabledReason}
}
