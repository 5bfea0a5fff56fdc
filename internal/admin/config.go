package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/api"
)

// Person is somebody of the operator who is signed in.
type Person struct {
	ID   string // opaque and lasting; stands in logs
	Name string // to be greeted with
	Role api.Role
}

// ErrSignedOut means that nobody is signed in.
var ErrSignedOut = errors.New("admin: nobody is signed in")

// Sessions knows who is signed in.
type Sessions interface {
	// Person returns who sent a request. idle requests are sent by a page alone and do not prolong the session. It
	// fails with ErrSignedOut.
	Person(ctx context.Context, r *http.Request, idle bool) (Person, error)
}

// Config is what a Server is made of. All fields without a default are required.
type Config struct {
	API      http.Handler // an *api.Server; requests get their person by api.As
	Sessions Sessions
	Now      func() time.Time // the business clock
	Logger   *slog.Logger

	// Entrance lets persons in and out; nil: there is no page for it.
	Entrance Entrance
	Title    string // heading of the page to sign in; default "Sign in"

	HTTPS bool // browsers reach the pages by https: cookies are bound to it
	// TemporalUI is the base URL of Temporal's web UI with its namespace, for links to workflows; empty shows none.
	TemporalUI string
	// PayloadOrigins are the origins of web UIs of Temporal that may have payloads opened; see Payloads.
	PayloadOrigins []string
}

func (c Config) validate() error {
	for name, missing := range map[string]bool{
		"API": c.API == nil, "Sessions": c.Sessions == nil, "Now": c.Now == nil, "Logger": c.Logger == nil,
	} {
		if missing {
			return errors.New("admin: " + name + " is required")
		}
	}
	return nil
}
