package store

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrUsed means that a one-time link was opened before.
	ErrUsed = errors.New("store: used")
	// ErrEnded means that a link or a session is past its end.
	ErrEnded = errors.New("store: ended")
)

// Link is a one-time address of the merchant pages. Its token is made from ID with a key that the database does not
// hold, so whoever reads the database cannot open it.
type Link struct {
	ID        string
	AccountID string
	Purpose   string // what the page is for, such as verify
	ReturnURL string // of the platform, "" for none
	CreatedBy string // id of the API key
	CreatedAt time.Time
	ExpiresAt time.Time // the instant from which it no longer opens
	UsedAt    time.Time // zero while it was not opened
}

// Session is a browser that opened a link. Of its cookie only a hash is stored.
type Session struct {
	Hash      []byte // sha256 of the cookie's 256 random bits
	LinkID    string
	AccountID string // of the link
	ReturnURL string // of the link
	Notice    string // version of the risk notice that was confirmed in this session
	CreatedAt time.Time
	SeenAt    time.Time // last act of the person
	ExpiresAt time.Time
	EndedAt   time.Time // zero while nobody left
}

// Links holds one-time links and the sessions that they began.
type Links interface {
	// PutLink writes a link. The same id again writes nothing and answers the link as it was first put; ErrConflict if
	// that one is of another account, ErrNotFound if the account is not registered.
	PutLink(ctx context.Context, l Link) (Link, error)
	Link(ctx context.Context, id string) (Link, error)
	// OpenLink uses a link up and begins a session for its account, or does neither: ErrUsed, ErrEnded, ErrNotFound. Of s
	// only Hash, CreatedAt and ExpiresAt are read.
	OpenLink(ctx context.Context, linkID string, s Session) (Session, error)
	// Session answers whatever is known of a session, also after its end.
	Session(ctx context.Context, hash []byte) (Session, error)
	// TouchSession moves SeenAt forward.
	TouchSession(ctx context.Context, hash []byte, at time.Time) error
	// ConfirmNotice remembers which risk notice was confirmed.
	ConfirmNotice(ctx context.Context, hash []byte, version string) error
	// EndSession ends a session; the first end stays.
	EndSession(ctx context.Context, hash []byte, at time.Time) error
	// RevokeLinks ends the account's links that still open and its sessions that still live at an instant, and returns how
	// many of each; ErrNotFound if the account is not registered. What ended before stays as it is.
	RevokeLinks(ctx context.Context, accountID string, at time.Time) (links, sessions int, err error)
	// ForgetLinks deletes links, with their sessions, whose link and session both ended before an instant; it returns how
	// many links.
	ForgetLinks(ctx context.Context, before time.Time) (int, error)
}
