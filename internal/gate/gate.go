package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/signing"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

var (
	// ErrUnknownAction means that no policy declares the action, so a typing error can never read as "allowed".
	ErrUnknownAction = rulebook.ErrUnknownAction
	// ErrClockSkew means that this process's clock is more than MaxSkew off the database's: no decision can be dated.
	ErrClockSkew = errors.New("gate: clock differs from the database's")
	// ErrPolicies means that the published policies cannot be made into one set; an operator has to look.
	ErrPolicies = rulebook.ErrPolicies
)

// Store is what the gate needs of the database.
type Store interface {
	Facts(ctx context.Context, accountID string) (store.Facts, error)
	FactsOf(ctx context.Context, accountIDs []string) ([]store.Facts, error)
	FactsAt(ctx context.Context, accountID string, at time.Time, basis store.Basis) (store.Facts, error)
	rulebook.Store
	RecordBlock(ctx context.Context, b store.Block) (first bool, err error)
	CountBlocks(ctx context.Context, repeats map[store.BlockKey]int) error
	Now(ctx context.Context) (time.Time, error)
}

// Config is what a Gate is made of.
type Config struct {
	Store  Store
	Now    func() time.Time // the business clock
	Logger *slog.Logger

	// ReceiptKeys sign receipts: the first one signs, all of them verify.
	ReceiptKeys []Key

	// Count hears of every decision that was answered for now; nil: nobody does.
	Count func(effect policy.Effect, reason policy.Reason)

	FlushEvery time.Duration // between writes of counted repeats; default 2 s
	SkewEvery  time.Duration // between comparisons of the clocks; default 5 s
}

// Gate answers decisions. It is safe for concurrent use; Close it to write the repeats that it still counts.
type Gate struct {
	store    Store
	now      func() time.Time
	clock    *clock
	book     *rulebook.Book
	blocks   *blocks
	ring     *signing.Ring
	messages *messages
	count    func(policy.Effect, policy.Reason)
}

// Answer is a decision with everything that the one who asked may want to know or show.
type Answer struct {
	policy.Decision
	AccountID    string
	Action       string
	At           time.Time // the instant decided for, in Decision.Zone
	Message      Message
	Receipt      string      // empty when hypothetical
	Hypothetical bool        // another instant was asked about; nothing was recorded
	Basis        store.Basis // of a hypothetical answer
	Closed       bool        // the account is closed, so nobody is to be prompted; the decision does not depend on it
}

// New starts a gate. It fails if a receipt key is weak or missing.
func New(cfg Config) (*Gate, error) {
	if cfg.Store == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("gate: Store, Now and Logger are required")
	}
	ring, err := signing.NewRing(cfg.ReceiptKeys)
	if err != nil {
		return nil, fmt.Errorf("gate: ReceiptKeys%w", err)
	}
	messages, err := loadMessages()
	if err != nil {
		return nil, err
	}
	if cfg.Count == nil {
		cfg.Count = func(policy.Effect, policy.Reason) {}
	}
	return &Gate{
		store: cfg.Store, now: cfg.Now,
		clock:  &clock{store: cfg.Store, now: cfg.Now, every: orDefault(cfg.SkewEvery, 5*time.Second)},
		book:   rulebook.New(cfg.Store),
		blocks: startBlocks(cfg.Store, cfg.Logger, orDefault(cfg.FlushEvery, 2*time.Second)),
		ring:   ring, messages: messages, count: cfg.Count,
	}, nil
}

// Close writes the repeats counted so far and stops. Decisions after it are not counted.
func (g *Gate) Close(ctx context.Context) error { return g.blocks.close(ctx) }

// Decide answers for now. Errors: ErrUnknownAction, store.ErrNotFound for an unknown account, ErrClockSkew,
// ErrPolicies, and whatever keeps the store from answering.
func (g *Gate) Decide(ctx context.Context, accountID, action string) (Answer, error) {
	if err := g.clock.check(ctx); err != nil {
		return Answer{}, err
	}
	facts, err := g.store.Facts(ctx, accountID)
	if err != nil {
		return Answer{}, fmt.Errorf("gate: facts: %w", err)
	}
	return g.declared(ctx, facts, action)
}

// DecideOn is Decide for facts that the caller has read and that nobody can have changed since.
func (g *Gate) DecideOn(ctx context.Context, facts store.Facts, action string) (Answer, error) {
	if err := g.clock.check(ctx); err != nil {
		return Answer{}, err
	}
	return g.declared(ctx, facts, action)
}

func (g *Gate) declared(ctx context.Context, facts store.Facts, action string) (Answer, error) {
	p, err := g.book.Declaring(ctx, facts.PoliciesRevision, action)
	if err != nil {
		return Answer{}, err
	}
	return g.decide(ctx, p, facts, action)
}

// Outcome is one answer of a batch: Answer, or Err for an account that could not be decided.
type Outcome struct {
	Answer
	Err error
}

// DecideBatch answers for now and many accounts, in the order asked. An unknown account has an Outcome with
// store.ErrNotFound; the other errors are those of Decide and concern the whole batch.
func (g *Gate) DecideBatch(ctx context.Context, accountIDs []string, action string) ([]Outcome, error) {
	revision, err := g.store.PoliciesRevision(ctx)
	if err != nil {
		return nil, fmt.Errorf("gate: policies revision: %w", err)
	}
	if _, err := g.book.Declaring(ctx, revision, action); err != nil {
		return nil, err // also where no account is known
	}
	if err := g.clock.check(ctx); err != nil {
		return nil, err
	}
	facts, err := g.store.FactsOf(ctx, accountIDs)
	if err != nil {
		return nil, fmt.Errorf("gate: facts: %w", err)
	}
	outcomes := make([]Outcome, len(facts))
	for i, f := range facts {
		if f.Account.ID == "" {
			outcomes[i] = Outcome{Answer: Answer{AccountID: accountIDs[i]}, Err: store.ErrNotFound}
			continue
		}
		p, err := g.book.Declaring(ctx, f.PoliciesRevision, action)
		if err != nil {
			return nil, err
		}
		if outcomes[i].Answer, err = g.decide(ctx, p, f, action); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// DecideAt answers what the gate did say, or would say, at another instant: from what was recorded by then, or from
// what is known now. Nothing is recorded. Errors are those of Decide; store.ErrNotFound also means that the account
// was not recorded by then.
func (g *Gate) DecideAt(ctx context.Context, accountID, action string, at time.Time, basis store.Basis) (Answer, error) {
	if err := g.clock.check(ctx); err != nil {
		return Answer{}, err
	}
	revision, err := g.store.PoliciesRevision(ctx)
	if err != nil {
		return Answer{}, fmt.Errorf("gate: policies revision: %w", err)
	}
	p, err := g.book.Declaring(ctx, revision, action)
	if err != nil {
		return Answer{}, err
	}
	facts, err := g.store.FactsAt(ctx, accountID, at, basis)
	if err != nil {
		return Answer{}, fmt.Errorf("gate: facts at another instant: %w", err)
	}
	force, err := p.InForce(at, basis)
	if err != nil {
		return Answer{}, err
	}
	a := g.answer(force.Set, facts, action, at)
	a.Hypothetical, a.Basis = true, basis
	return a, nil
}

// Preview returns the facts of an account and what the gate says of every declared action now. Nothing is recorded
// and there are no receipts: it is for looking, not for acting.
func (g *Gate) Preview(ctx context.Context, accountID string) (store.Facts, map[string]Answer, error) {
	if err := g.clock.check(ctx); err != nil {
		return store.Facts{}, nil, err
	}
	facts, err := g.store.Facts(ctx, accountID)
	if err != nil {
		return store.Facts{}, nil, fmt.Errorf("gate: facts: %w", err)
	}
	p, err := g.book.At(ctx, facts.PoliciesRevision)
	if err != nil {
		return store.Facts{}, nil, err
	}
	at := g.instant(p, facts)
	force, err := p.InForce(at, store.Would)
	if err != nil {
		return store.Facts{}, nil, err
	}
	answers := map[string]Answer{}
	for _, action := range p.Actions() {
		answers[action] = g.answer(force.Set, facts, action, at)
	}
	return facts, answers, nil
}

// Zone returns the zone of the first policy in force, UTC if there is none: the zone to write instants in that
// belong to no decision.
func (g *Gate) Zone(ctx context.Context) (*time.Location, error) {
	force, err := g.current(ctx)
	if err != nil {
		return nil, err
	}
	if force.Zone == nil {
		return time.UTC, nil
	}
	return force.Zone, nil
}

// Rules returns the ids of the rules in force now, sorted.
func (g *Gate) Rules(ctx context.Context) ([]string, error) {
	force, err := g.current(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(force.ByRule)), nil
}

// current is the policies in force now.
func (g *Gate) current(ctx context.Context) (*rulebook.Force, error) {
	p, err := g.book.Now(ctx)
	if err != nil {
		return nil, err
	}
	return p.InForce(g.now(), store.Would)
}

func (g *Gate) decide(ctx context.Context, p *rulebook.Snapshot, facts store.Facts, action string) (Answer, error) {
	at := g.instant(p, facts)
	force, err := p.InForce(at, store.Would)
	if err != nil {
		return Answer{}, err
	}
	a := g.answer(force.Set, facts, action, at)
	a.Receipt = sign(g.ring, a)
	if err := g.record(ctx, force, a); err != nil {
		return a, err
	}
	g.count(a.Effect, a.Reason)
	return a, nil
}

// instant dates a decision. It is taken after the facts were read, so that it is not earlier than what they tell.
// Another machine that stamped the verification, or a brake, may still be ahead by what the clock check tolerates: then
// the decision is made at that very instant, and knows what it was told.
func (g *Gate) instant(p *rulebook.Snapshot, facts store.Facts) time.Time {
	now := g.now()
	at := now
	for _, known := range []time.Time{facts.Standing.VerifiedAt, p.Recorded()} {
		if known.After(at) && known.Sub(now) <= MaxSkew {
			at = known
		}
	}
	return at
}

func (g *Gate) answer(set *policy.Set, facts store.Facts, action string, at time.Time) Answer {
	d := policy.Decide(set, facts.Account, facts.Standing, facts.Extensions, action, at)
	a := Answer{Decision: d, AccountID: facts.Account.ID, Action: action, At: at.In(d.Zone), Closed: facts.Account.Closed(at)}
	a.Message = g.messages.of(a)
	return a
}

// record remembers a refusal, and one that an observing rule would have made.
func (g *Gate) record(ctx context.Context, force *rulebook.Force, a Answer) error {
	b := store.Block{
		AccountID: a.AccountID, Action: a.Action, PolicyName: a.PolicyName, PolicyVersion: a.PolicyVersion,
		RuleID: a.RuleID, Reason: string(a.Reason), Since: a.Since, At: a.At, Receipt: a.Receipt,
	}
	switch {
	case a.Effect == policy.Block:
	case a.WouldBe == policy.Block:
		p := force.ByRule[a.WouldBeRuleID]
		b.PolicyName, b.PolicyVersion, b.RuleID = p.Name, p.Version, a.WouldBeRuleID
		b.Reason, b.Observed = string(policy.ReasonEnforced), true
	default:
		return nil
	}
	return g.blocks.note(ctx, b)
}

func orDefault(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}
