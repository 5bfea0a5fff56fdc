package evidence

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// ErrNotFound means that the account has no such evidence, or has it no more.
var ErrNotFound = errors.New("evidence: not found")

// Media types of what is kept.
const (
	mediaJPEG = "image/jpeg"
	mediaText = "text/plain; charset=utf-8"
)

// Vault is what a Cabinet needs of the vault.
type Vault interface {
	PutEvidence(ctx context.Context, accountID, evidenceID string, content []byte) (ref string, err error)
	Evidence(ctx context.Context, accountID, ref string) ([]byte, error)
	Delete(ctx context.Context, accountID, ref string) error
}

// Rules are the operator's choices.
type Rules struct {
	Needs []string      // names of the kinds that a review cannot do without; default Needed
	Keep  time.Duration // from the decision to the deletion; default 30 days
}

func (r Rules) withDefaults() Rules {
	if r.Needs == nil {
		r.Needs = Needed()
	}
	if r.Keep == 0 {
		r.Keep = 30 * 24 * time.Hour
	}
	return r
}

// Config is what a Cabinet is made of. All fields without a default are required.
type Config struct {
	Store  store.Evidences
	Vault  Vault
	Now    func() time.Time // the business clock
	Logger *slog.Logger
	Rules  Rules
	AtOnce int // pictures that are decoded at the same time; default 2
}

// Cabinet keeps evidence: the rows in the store and what they stand for in the vault, in an order that a crash at any
// moment leaves to Tidy.
type Cabinet struct {
	cfg   Config
	desks chan struct{} // one value per picture that is being decoded
}

// New returns a cabinet.
func New(cfg Config) (*Cabinet, error) {
	if cfg.Store == nil || cfg.Vault == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("evidence: Store, Vault, Now and Logger are required")
	}
	cfg.Rules = cfg.Rules.withDefaults()
	for _, name := range cfg.Rules.Needs {
		if _, ok := KindOf(name); !ok {
			return nil, errors.New("evidence: no kind is named " + name)
		}
	}
	if cfg.AtOnce <= 0 {
		cfg.AtOnce = 2
	}
	return &Cabinet{cfg, make(chan struct{}, cfg.AtOnce)}, nil
}

// Piece is what somebody gives.
type Piece struct {
	AccountID string
	Kind      string
	Content   []byte // a file of a picture, or the words
	By        string // id of the key or link
}

// Add takes a piece for the review that the account is in. It fails with a *Fault for what cannot be taken as it is, a
// *lifecycle.Refusal if the account is in no such review, or an error of the store or vault. The same piece again is
// the one that is there.
func (c *Cabinet) Add(ctx context.Context, p Piece) (store.Evidence, error) {
	kind, ok := KindOf(p.Kind)
	if !ok {
		return store.Evidence{}, &Fault{Code: UnknownKind}
	}
	e := store.Evidence{
		ID: strings.ToLower(rand.Text()), AccountID: p.AccountID, Kind: kind.Name, UploadedBy: p.By, UploadedAt: c.cfg.Now().UTC(),
	}
	content, err := c.make(ctx, kind, p.Content, &e)
	if err != nil {
		return store.Evidence{}, err
	}
	digest := sha256.Sum256(content)
	e.Digest, e.Bytes = hex.EncodeToString(digest[:]), len(content)
	if e.Ref, err = c.cfg.Vault.PutEvidence(ctx, p.AccountID, e.ID, content); err != nil {
		return store.Evidence{}, err
	}
	filed, replaced, err := c.cfg.Store.PutEvidence(ctx, e, kind.Most)
	if err == nil && filed.ID != e.ID || refused(err) {
		c.withdraw(ctx, e)
	}
	if errors.Is(err, store.ErrFull) {
		err = &Fault{TooMany, kind.Most}
	}
	if err != nil {
		return store.Evidence{}, err
	}
	for _, old := range replaced {
		c.try(ctx, old)
	}
	return c.dated(filed), nil
}

// make turns what arrived into what is kept.
func (c *Cabinet) make(ctx context.Context, kind Kind, given []byte, e *store.Evidence) ([]byte, error) {
	if kind.Medium == Words {
		text, err := statement(given)
		e.MediaType = mediaText
		return []byte(text), err
	}
	select {
	case c.desks <- struct{}{}:
		defer func() { <-c.desks }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	drawn, err := Redraw(given)
	e.MediaType, e.Width, e.Height = mediaJPEG, drawn.Width, drawn.Height
	return drawn.JPEG, err
}

// refused reports that the store surely holds no row. Where that is not known the record stays: Tidy finds out.
func refused(err error) bool {
	var refusal *lifecycle.Refusal
	return errors.As(err, &refusal) || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid)
}

// List returns what is there, oldest first, each with the instant after which it is deleted if that is known.
func (c *Cabinet) List(ctx context.Context, accountID string) ([]store.Evidence, error) {
	all, err := c.cfg.Store.EvidenceOf(ctx, accountID)
	for i := range all {
		all[i] = c.dated(all[i])
	}
	return all, err
}

// Current picks what belongs to the review that goes on.
func Current(all []store.Evidence) []store.Evidence {
	return slices.DeleteFunc(slices.Clone(all), func(e store.Evidence) bool { return !e.Current() })
}

// dated fills in what Tidy has not yet written.
func (c *Cabinet) dated(e store.Evidence) store.Evidence {
	if e.DeleteAfter.IsZero() && !e.DecidedAt.IsZero() {
		e.DeleteAfter = e.DecidedAt.Add(c.cfg.Rules.Keep)
	}
	return e
}

// Needs are the names of the kinds that a review cannot do without.
func (c *Cabinet) Needs() []string { return slices.Clone(c.cfg.Rules.Needs) }

// Keep is how long evidence is kept after the decision.
func (c *Cabinet) Keep() time.Duration { return c.cfg.Rules.Keep }

// Missing are the names of the kinds that a review cannot do without and that are not there.
func (c *Cabinet) Missing(all []store.Evidence) []string {
	return slices.DeleteFunc(c.Needs(), func(name string) bool {
		return slices.ContainsFunc(all, func(e store.Evidence) bool { return e.Current() && e.Kind == name })
	})
}

// Look returns what a piece shows, a picture drawn for a view. ErrNotFound also once it has to be deleted, whether or
// not it has been already.
func (c *Cabinet) Look(ctx context.Context, accountID, id string, v View) (store.Evidence, []byte, error) {
	e, err := c.cfg.Store.Evidence(ctx, accountID, id)
	if errors.Is(err, store.ErrNotFound) {
		return e, nil, ErrNotFound
	}
	if err != nil {
		return e, nil, err
	}
	e = c.dated(e)
	if !e.DeletedAt.IsZero() || !e.DeleteAfter.IsZero() && !c.cfg.Now().Before(e.DeleteAfter) {
		return e, nil, ErrNotFound
	}
	content, err := c.cfg.Vault.Evidence(ctx, accountID, e.Ref)
	if errors.Is(err, vault.ErrNotFound) {
		return e, nil, ErrNotFound
	}
	if err != nil || e.MediaType != mediaJPEG || v == (View{}) {
		return e, content, err
	}
	select {
	case c.desks <- struct{}{}:
		defer func() { <-c.desks }()
	case <-ctx.Done():
		return e, nil, ctx.Err()
	}
	content, err = Show(content, v)
	return e, content, err
}

// Remove takes a piece back while the review goes on, and deletes it. ErrNotFound if there is none of this id that
// could be taken back.
func (c *Cabinet) Remove(ctx context.Context, accountID, id string) (store.Evidence, error) {
	e, err := c.cfg.Store.TakeBackEvidence(ctx, accountID, id, c.cfg.Now())
	if errors.Is(err, store.ErrNotFound) {
		return e, ErrNotFound
	}
	if err == nil {
		c.try(ctx, e)
	}
	return e, err
}
