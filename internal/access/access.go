package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/access/people"
	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/store"
)

// Store is what the sign-in needs of the database.
type Store interface {
	AddOperator(ctx context.Context, o store.Operator) error
	Operator(ctx context.Context, id string) (store.Operator, error)
	OperatorByLogin(ctx context.Context, login string) (store.Operator, error)
	OperatorByIdentity(ctx context.Context, issuer, subject string) (store.Operator, error)
	ChangeOperator(ctx context.Context, id string, c store.OperatorChange) (before, after store.Operator, err error)
	RehashPassword(ctx context.Context, id, from, to string) error
	BeginOperatorSession(ctx context.Context, s store.OperatorSession, password string) error
	OperatorSession(ctx context.Context, hash []byte) (store.OperatorSession, store.Operator, error)
	TouchOperatorSession(ctx context.Context, hash []byte, at time.Time) error
	EndOperatorSession(ctx context.Context, hash []byte, at time.Time) error
	SignedInFrom(ctx context.Context, operatorID, address string, since time.Time) (bool, error)
}

// Hasher is a *password.Hasher.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	// Verify does the same work for the empty hash as for any other.
	Verify(ctx context.Context, hash, password string) (fits, stale bool, err error)
}

// Config is what a Service is made of. All fields without a default are required.
type Config struct {
	Store  Store
	Hasher Hasher
	Now    func() time.Time // the business clock
	Logger *slog.Logger

	Idle  time.Duration // a session ends so long after the person's last act
	Life  time.Duration // and so long after its beginning, whatever the person does
	HTTPS bool          // browsers reach the pages by https: cookies are bound to it
	// Passwords says that persons may sign in by login name and password.
	Passwords bool
	// Provider lets persons sign in elsewhere; nil: nowhere.
	Provider *Provider
	// Address returns the caller's address, for delays and the audit log; default the connection's peer.
	Address func(*http.Request) string
	// Audit records who signed in and out, and who failed to; nil: nothing does.
	Audit interface {
		AppendAudit(ctx context.Context, e store.AuditEntry) (store.AuditEntry, error)
	}
}

// Service lets persons in and out, and knows who is in.
type Service struct {
	cfg    Config
	delays *delays
}

var (
	_ admin.Sessions = (*Service)(nil)
	_ admin.Entrance = (*Service)(nil)
)

// New returns a service.
func New(cfg Config) (*Service, error) {
	for name, missing := range map[string]bool{
		"Store": cfg.Store == nil, "Hasher": cfg.Hasher == nil, "Now": cfg.Now == nil, "Logger": cfg.Logger == nil,
		"Idle": cfg.Idle <= 0, "Life": cfg.Life <= 0,
	} {
		if missing {
			return nil, errors.New("access: " + name + " is required")
		}
	}
	if cfg.Address == nil {
		cfg.Address = limit.Peer
	}
	return &Service{cfg: cfg, delays: newDelays(cfg.Now)}, nil
}

// Ways implements admin.Entrance.
func (s *Service) Ways() admin.Ways {
	w := admin.Ways{Passwords: s.cfg.Passwords}
	if s.cfg.Provider != nil {
		w.Provider = s.cfg.Provider.cfg.Name
	}
	return w
}

// FamiliarFor is how long an address stays one that a person is known to sign in from.
const FamiliarFor = 30 * 24 * time.Hour

// SignIn implements admin.Entrance.
func (s *Service) SignIn(w http.ResponseWriter, r *http.Request, login, given string) (admin.Person, error) {
	if !s.cfg.Passwords {
		return admin.Person{}, admin.ErrRefused
	}
	ctx := r.Context()
	login = people.Login(login)
	known, err := s.cfg.Store.OperatorByLogin(ctx, login)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return admin.Person{}, err
	}
	// Asked for unknown names too: whoever is not known takes as many steps as whoever is.
	tried := attempt{name: login, address: limit.Subscriber(s.cfg.Address(r))}
	if tried.familiar, err = s.cfg.Store.SignedInFrom(ctx, known.ID, tried.address, s.cfg.Now().Add(-FamiliarFor)); err != nil {
		return admin.Person{}, err
	}
	if wait := s.delays.begin(tried); wait > 0 {
		return admin.Person{}, &admin.WaitError{Wait: wait}
	}
	fits, stale, err := s.cfg.Hasher.Verify(ctx, known.Password, given)
	if err != nil {
		return admin.Person{}, fmt.Errorf("access: %w", err)
	}
	if !fits || known.Disabled {
		s.record(r, known, "sign_in_failed", "refused")
		return admin.Person{}, admin.ErrRefused
	}
	if stale {
		s.rehash(ctx, &known, given)
	}
	person, err := s.enter(w, r, known)
	if err == nil {
		s.delays.succeeded(tried)
	}
	return person, err
}

// rehash keeps the password as it is kept now. It is no reason to refuse a sign-in if that fails.
func (s *Service) rehash(ctx context.Context, o *store.Operator, given string) {
	hash, err := s.cfg.Hasher.Hash(ctx, given)
	if err == nil {
		err = s.cfg.Store.RehashPassword(ctx, o.ID, o.Password, hash)
	}
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "a password could not be hashed anew", "operator", o.ID, "error", err)
		return
	}
	o.Password = hash
}

// enter begins a session, always a new one: whatever the browser brought is ended.
func (s *Service) enter(w http.ResponseWriter, r *http.Request, o store.Operator) (admin.Person, error) {
	ctx, now := r.Context(), s.cfg.Now()
	if err := s.end(ctx, r); err != nil {
		return admin.Person{}, err
	}
	secret, hash := newSecret()
	err := s.cfg.Store.BeginOperatorSession(ctx, store.OperatorSession{
		Hash: hash, OperatorID: o.ID, Address: limit.Subscriber(s.cfg.Address(r)), CreatedAt: now, ExpiresAt: now.Add(s.cfg.Life),
	}, o.Password)
	if errors.Is(err, store.ErrEnded) || errors.Is(err, store.ErrNotFound) {
		return admin.Person{}, admin.ErrRefused // disabled, or changed, since it was read
	}
	if err != nil {
		return admin.Person{}, err
	}
	s.keep(w, secret)
	s.record(r, o, "sign_in", "ok")
	return personOf(o), nil
}

// Person implements admin.Sessions.
func (s *Service) Person(ctx context.Context, r *http.Request, idle bool) (admin.Person, error) {
	hash := s.brought(r)
	if hash == nil {
		return admin.Person{}, admin.ErrSignedOut
	}
	session, o, err := s.cfg.Store.OperatorSession(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return admin.Person{}, admin.ErrSignedOut
	}
	if err != nil {
		return admin.Person{}, err
	}
	now := s.cfg.Now()
	if !s.good(session, now) || o.Disabled || !api.Role(o.Role).Valid() {
		return admin.Person{}, admin.ErrSignedOut
	}
	if !idle && now.Sub(session.SeenAt) >= touchEvery {
		if err := s.cfg.Store.TouchOperatorSession(ctx, hash, now); err != nil {
			return admin.Person{}, err
		}
	}
	return personOf(o), nil
}

func (s *Service) good(session store.OperatorSession, now time.Time) bool {
	return session.EndedAt.IsZero() && now.Before(session.ExpiresAt) && now.Before(session.CreatedAt.Add(s.cfg.Life)) &&
		now.Sub(session.SeenAt) < s.cfg.Idle
}

// SignOut implements admin.Entrance.
func (s *Service) SignOut(w http.ResponseWriter, r *http.Request) error {
	person, err := s.Person(r.Context(), r, true)
	if err != nil && !errors.Is(err, admin.ErrSignedOut) {
		return err
	}
	if err == nil {
		s.record(r, store.Operator{ID: person.ID, Role: string(person.Role)}, "sign_out", "ok")
	}
	if err := s.end(r.Context(), r); err != nil {
		return err
	}
	s.drop(w, s.cookie(sessionCookie))
	return nil
}

// end ends the session that a request brings, if it brings one.
func (s *Service) end(ctx context.Context, r *http.Request) error {
	hash := s.brought(r)
	if hash == nil {
		return nil
	}
	if err := s.cfg.Store.EndOperatorSession(ctx, hash, s.cfg.Now()); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// record tells the audit log. What was typed as a name is not told: people type passwords there.
func (s *Service) record(r *http.Request, o store.Operator, action, outcome string) {
	if s.cfg.Audit == nil {
		return
	}
	e := store.AuditEntry{Action: action, Outcome: outcome, Address: s.cfg.Address(r)}
	if o.ID != "" {
		e.Subject = "operator/" + o.ID
	}
	if outcome == "ok" {
		e.Actor, e.Role = o.ID, o.Role
	}
	ctx := context.WithoutCancel(r.Context())
	if _, err := s.cfg.Audit.AppendAudit(ctx, e); err != nil {
		s.cfg.Logger.ErrorContext(ctx, "the audit log does not take an entry", "action", action, "error", err)
	}
}

func personOf(o store.Operator) admin.Person {
	return admin.Person{ID: o.ID, Name: o.Name, Role: api.Role(o.Role)}
}
