// Package pgtest runs one PostgreSQL server for the tests of a process, from the binaries of the machine, and gives each
// test a database of its own.
//
// The server does not care for the disk. TestMain calls Main, which stops it; should the process die first, the server is
// told to stop by the system.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
)

// Off is the value of the variable VERIGATE_TEST_POSTGRES that says, on purpose, that there is no PostgreSQL.
const Off = "off"

// shared is the server of this process.
type shared struct {
	once   sync.Once
	server *pgserver.Server
	err    error
	made   atomic.Int64 // databases

	mu        sync.Mutex
	templates map[string]*template
}

// template is a database that others are copies of.
type template struct {
	once sync.Once
	name string
	err  error

	mu   sync.Mutex
	free []string // copies that were emptied
}

// running is the one server that a process has.
var running = sync.OnceValue(func() *shared { return &shared{templates: map[string]*template{}} })

// Runner runs the tests of a package, as *testing.M does.
type Runner interface{ Run() int }

// Main runs the tests of a package and stops the server, if one was started.
func Main(m Runner) int {
	code := m.Run()
	if err := running().stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Tests are the tests of a package, after which the server is stopped: for whatever looks at what they leave behind.
type Tests struct{ *testing.M }

// Run implements Runner.
func (t Tests) Run() int { return Main(t.M) }

// Available skips a test where VERIGATE_TEST_POSTGRES=off. Where PostgreSQL is merely missing the test fails.
func Available(t testing.TB) {
	t.Helper()
	if os.Getenv("VERIGATE_TEST_POSTGRES") == Off && os.Getenv("CI") == "" {
		t.Skip("VERIGATE_TEST_POSTGRES=off")
	}
}

// Kind says how databases of one kind are made.
type Kind struct {
	// Name tells kinds apart.
	Name string
	// Prepare fills the database that those of tests are copies of, once in the life of the process. It must leave no
	// connection open. nil: an empty database.
	Prepare func(ctx context.Context, url string) error
	// Empty are statements that make a database as it was before a test, which is much cheaper than a new one. Without
	// them each test has a new one.
	Empty string
}

// Database returns the URL of a database that only this test uses.
func Database(t testing.TB, k Kind) string {
	t.Helper()
	Available(t)
	s, err := running().start()
	if errors.Is(err, pgserver.ErrMissing) {
		require.FailNow(t, err.Error()+"; or say VERIGATE_TEST_POSTGRES=off to go without")
	}
	require.NoError(t, err)
	from, err := running().template(t.Context(), k)
	require.NoError(t, err)
	own := from.take()
	if own == "" {
		own = fmt.Sprintf("test_%d", running().made.Add(1))
		require.NoError(t, s.Exec(t.Context(), "postgres", `CREATE DATABASE `+own+` TEMPLATE `+from.name))
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if k.Empty == "" {
			require.NoError(t, s.Exec(ctx, "postgres", `DROP DATABASE `+own+` WITH (FORCE)`))
			return
		}
		require.NoError(t, s.Exec(ctx, own, k.Empty))
		from.give(own)
	})
	return s.URL(own)
}

// Execute runs statements in a database of the server, as its superuser.
func Execute(t testing.TB, database, statements string) {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	require.NoError(t, running().server.Exec(t.Context(), strings.TrimPrefix(u.Path, "/"), statements))
}

// As returns the URL of a database for another role, which is let in without a password.
func As(t testing.TB, database, role string) string {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	query := u.Query()
	query.Set("user", role)
	u.RawQuery = query.Encode()
	return u.String()
}

// Server returns the server, and starts it if need be.
func Server() (*pgserver.Server, error) { return running().start() }

// Files returns the folder of everything that the server keeps, with nothing left to be written.
func Files(t testing.TB) string {
	t.Helper()
	s := running().server
	require.NotNil(t, s, "no database was asked for")
	require.NoError(t, s.Exec(t.Context(), "postgres", "CHECKPOINT"))
	return s.Data()
}

func (t *template) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.free) == 0 {
		return ""
	}
	own := t.free[len(t.free)-1]
	t.free = t.free[:len(t.free)-1]
	return own
}

func (t *template) give(own string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free = append(t.free, own)
}

func (s *shared) start() (*pgserver.Server, error) {
	s.once.Do(func() { s.server, s.err = pgserver.Start(context.Background(), pgserver.Forgetful()) })
	return s.server, s.err
}

func (s *shared) stop() error {
	if s.server == nil {
		return nil
	}
	return s.server.Stop()
}

func (s *shared) template(ctx context.Context, k Kind) (*template, error) {
	s.mu.Lock()
	made := s.templates[k.Name]
	if made == nil {
		made = &template{name: "template_" + k.Name}
		s.templates[k.Name] = made
	}
	s.mu.Unlock()
	made.once.Do(func() {
		ctx := context.WithoutCancel(ctx) // whoever waits for it has another test's context
		made.err = s.server.Exec(ctx, "postgres", `CREATE DATABASE `+made.name)
		if made.err == nil && k.Prepare != nil {
			made.err = k.Prepare(ctx, s.server.URL(made.name))
		}
	})
	return made, made.err
}
