package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Reason of the revocation that ends a verification whose information is erased.
const ReasonErased = "information_erased"

// Store is what an Eraser needs of the store.
type Store interface {
	store.Erasures
	Head(ctx context.Context, accountID string) (lifecycle.Verification, error)
	EvidenceOf(ctx context.Context, accountID string) ([]store.Evidence, error)
	ForgetEvidence(ctx context.Context, accountID, id string, at time.Time) error
	DeleteContact(ctx context.Context, accountID string) error
}

// Vault is what an Eraser needs of the vault.
type Vault interface {
	Holdings(ctx context.Context, accountID string) ([]vault.Holding, error)
	Forget(ctx context.Context, accountID string, kinds ...vault.Kind) (vault.Forgotten, error)
}

// Engine ends a verification that cannot go on.
type Engine interface {
	Revoke(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
}

// Terms are how long personal data is kept; zero keeps it.
type Terms struct {
	Closed   time.Duration // everything but consents, from the closing of the account
	Consents time.Duration // where consents came from, from the end of the last one, or from the closing
}

// Config is what an Eraser is made of. All fields are required.
type Config struct {
	Store  Store
	Vault  Vault
	Engine Engine
	Seals  audit.Seals
	Now    func() time.Time
	Logger *slog.Logger
	Terms  Terms
}

// Eraser erases.
type Eraser struct{ cfg Config }

// New returns an Eraser.
func New(c Config) (*Eraser, error) {
	if c.Store == nil || c.Vault == nil || c.Engine == nil || c.Seals == nil || c.Now == nil || c.Logger == nil {
		return nil, errors.New("erasure: Store, Vault, Engine, Seals, Now and Logger are required")
	}
	return &Eraser{c}, nil
}

// Request asks for an erasure.
type Request struct {
	ID        string // of the command: the same one again is the same erasure
	AccountID string
	Kinds     []vault.Kind // none: all
	Reason    string       // a code
	Actor     lifecycle.Actor
	rule      store.RetentionRule
}

// Request erases. If something does not answer, the erasure is on record, not yet completed, and Tidy goes on with it.
// store.ErrNotFound if the account is not registered.
func (e *Eraser) Request(ctx context.Context, r Request) (store.Erasure, error) {
	kinds := r.Kinds
	if len(kinds) == 0 {
		kinds = vault.Kinds()
	}
	erasure, err := e.cfg.Store.RequestErasure(ctx, store.Erasure{
		ID: r.ID, AccountID: r.AccountID, Kinds: names(kinds), Reason: r.Reason, Rule: string(r.rule), Actor: r.Actor, RequestedAt: e.cfg.Now().UTC(),
	})
	if err != nil || !erasure.CompletedAt.IsZero() {
		return erasure, err
	}
	finished, err := e.finish(ctx, erasure)
	if err != nil {
		e.cfg.Logger.WarnContext(ctx, "an erasure is finished later", "erasure_id", erasure.ID, "error", err)
		return e.cfg.Store.Erasure(ctx, erasure.ID)
	}
	return finished, nil
}

// finish takes the steps that are left. Each can be taken again.
func (e *Eraser) finish(ctx context.Context, x store.Erasure) (store.Erasure, error) {
	kinds := kindsOf(x)
	if slices.Contains(kinds, vault.KindSubject) {
		if err := e.endVerification(ctx, x); err != nil {
			return x, err
		}
	}
	if x.Held == nil { // once, so that the receipt says what there was, whatever dies between here and the end
		held, err := e.holdings(ctx, x.AccountID, kinds)
		if err != nil {
			return x, err
		}
		if x, err = e.cfg.Store.HoldErasure(ctx, x.ID, held); err != nil {
			return x, err
		}
	}
	if _, err := e.cfg.Vault.Forget(ctx, x.AccountID, kinds...); err != nil {
		return x, err
	}
	if err := e.forgetRows(ctx, x.AccountID, kinds); err != nil {
		return x, err
	}
	x.CompletedAt = e.cfg.Now().UTC()
	keyID, signature := e.cfg.Seals.Seal(signed(x))
	return e.cfg.Store.CompleteErasure(ctx, x.ID, x.CompletedAt, keyID, signature)
}

// endVerification revokes a verification that is under way: it cannot go on without the information. One that has
// succeeded stays: its outcome says nothing of the person. A closed account takes no further steps anyway.
func (e *Eraser) endVerification(ctx context.Context, x store.Erasure) error {
	head, err := e.cfg.Store.Head(ctx, x.AccountID)
	if err != nil {
		return err
	}
	if head.State == lifecycle.Unverified || head.State == lifecycle.Verified {
		return nil
	}
	_, err = e.cfg.Engine.Revoke(ctx, x.AccountID, "erasure-"+x.ID, contract.Plain{Reason: ReasonErased, Actor: x.Actor})
	var refusal *lifecycle.Refusal
	if errors.As(err, &refusal) && (refusal.Code == lifecycle.CodeAccountClosed || refusal.State == lifecycle.Verified || refusal.State == lifecycle.Unverified) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("erasure: end the verification: %w", err)
	}
	return nil
}

func (e *Eraser) holdings(ctx context.Context, accountID string, kinds []vault.Kind) ([]store.ErasedHolding, error) {
	all, err := e.cfg.Vault.Holdings(ctx, accountID)
	held := []store.ErasedHolding{}
	for _, h := range all {
		if slices.Contains(kinds, h.Kind) {
			held = append(held, store.ErasedHolding{Kind: string(h.Kind), KeyID: h.KeyID, Records: h.Records})
		}
	}
	return held, err
}

// forgetRows takes away what points to records that are gone.
func (e *Eraser) forgetRows(ctx context.Context, accountID string, kinds []vault.Kind) error {
	if slices.Contains(kinds, vault.KindContact) {
		if err := e.cfg.Store.DeleteContact(ctx, accountID); err != nil {
			return err
		}
	}
	if !slices.Contains(kinds, vault.KindEvidence) {
		return nil
	}
	all, err := e.cfg.Store.EvidenceOf(ctx, accountID)
	for _, piece := range all {
		err = errors.Join(err, e.cfg.Store.ForgetEvidence(ctx, accountID, piece.ID, e.cfg.Now()))
	}
	return err
}

// Holds reports whether the receipt of a completed erasure is ours and says what stands there.
func (e *Eraser) Holds(x store.Erasure) bool {
	return !x.CompletedAt.IsZero() && e.cfg.Seals.Sealed(x.KeyID, signed(x), x.Signature)
}

// signed is what a receipt's signature is made of: a line for each thing that it says.
func signed(x store.Erasure) []byte {
	text := fmt.Appendf(nil, "verigate erasure 1\n%s\n%s\n%v\n%s\n%s\n%s/%s\n%s\n%s\n", x.ID, x.AccountID, x.Kinds, x.Reason, x.Rule,
		x.Actor.Kind, x.Actor.ID, x.RequestedAt.UTC().Format(time.RFC3339Nano), x.CompletedAt.UTC().Format(time.RFC3339Nano))
	for _, h := range x.Held {
		text = fmt.Appendf(text, "%s %s %d\n", h.Kind, h.KeyID, h.Records)
	}
	return text
}

func names(kinds []vault.Kind) []string {
	all := make([]string, len(kinds))
	for i, k := range kinds {
		all[i] = string(k)
	}
	return all
}

func kindsOf(x store.Erasure) []vault.Kind {
	all := make([]vault.Kind, len(x.Kinds))
	for i, k := range x.Kinds {
		all[i] = vault.Kind(k)
	}
	return all
}
