package store

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrLastAdmin means that a change would leave nobody who may manage operators.
	ErrLastAdmin = errors.New("store: nobody would be left to manage operators")
	// ErrElsewhere means that an operator's role or password is kept by the identity provider.
	ErrElsewhere = errors.New("store: the identity provider keeps this")
)

// AdminRole is the role of those who manage operators: one of them always stays.
const AdminRole = "admin"

// NoRole is the role of those whose identity provider no longer gives them one. It opens nothing.
const NoRole = "none"

// Operator is a person of the operator who may sign in to the admin pages: by a login name and a password, or by an
// identity at a provider (Issuer and Subject).
type Operator struct {
	ID         string // opaque and lasting; stands in logs
	Login      string // in lower case; empty for who signs in by a provider
	Name       string // to be greeted with
	Role       string
	Password   string // hash in PHC form; empty for who signs in by a provider
	Issuer     string
	Subject    string
	Disabled   bool
	CreatedAt  time.Time
	CreatedBy  string // id of a key or an operator, "cli", or "oidc"
	ChangedAt  time.Time
	SignedInAt time.Time // last sign-in; zero: never
}

// OperatorChange changes an operator; nil leaves a field as it is.
type OperatorChange struct {
	Name     *string
	Role     *string
	Disabled *bool
	Password *string // hash
	At       time.Time
	// ByProvider says that the identity provider decides: it alone changes the role of those who sign in by it, and may
	// take the last admin's.
	ByProvider bool
}

// OperatorSession is a browser that somebody signed in with. Of its cookie only a hash is stored.
type OperatorSession struct {
	Hash       []byte // sha256 of the cookie's 256 random bits
	OperatorID string
	Address    string // that it was begun from
	CreatedAt  time.Time
	SeenAt     time.Time // last act of the person
	ExpiresAt  time.Time // whatever the person does
	EndedAt    time.Time // zero while it goes on
}

// Operators holds the persons who may sign in, and their sessions.
type Operators interface {
	// AddOperator writes a new operator; ErrConflict if the id, the login name or the identity is somebody's.
	AddOperator(ctx context.Context, o Operator) error
	Operator(ctx context.Context, id string) (Operator, error)
	OperatorByLogin(ctx context.Context, login string) (Operator, error)
	OperatorByIdentity(ctx context.Context, issuer, subject string) (Operator, error)
	// Operators lists by id, after one; empty: from the first.
	Operators(ctx context.Context, after string, limit int) ([]Operator, error)
	// ChangeOperator changes somebody and returns the operator before and after. Another role, another password and
	// being disabled end all sessions of that person. It fails with ErrNotFound, ErrLastAdmin or ErrElsewhere.
	ChangeOperator(ctx context.Context, id string, c OperatorChange) (before, after Operator, err error)
	// RehashPassword replaces a hash by another of the same password. It does nothing if the password was changed meanwhile.
	RehashPassword(ctx context.Context, id, from, to string) error
	// BeginOperatorSession begins a session at CreatedAt, which is noted as the operator's last sign-in. It fails with ErrEnded
	// if the operator is disabled or the password is no longer the one given, ErrNotFound if there is no such operator.
	BeginOperatorSession(ctx context.Context, s OperatorSession, password string) error
	// OperatorSession answers whatever is known of a session, also after its end, with the operator as of now.
	OperatorSession(ctx context.Context, hash []byte) (OperatorSession, Operator, error)
	// TouchOperatorSession moves SeenAt forward.
	TouchOperatorSession(ctx context.Context, hash []byte, at time.Time) error
	// EndOperatorSession ends a session; the first end stays.
	EndOperatorSession(ctx context.Context, hash []byte, at time.Time) error
	// SignedInFrom reports whether somebody began a session from an address since an instant.
	SignedInFrom(ctx context.Context, operatorID, address string, since time.Time) (bool, error)
	// ForgetOperatorSessions deletes sessions that were to expire before an instant, and returns how many.
	ForgetOperatorSessions(ctx context.Context, before time.Time) (int, error)
}
