package routes_test

import (
	"flag"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/routes"
	"github.com/verigate/verigate/internal/web"
)

var update = flag.Bool("update", false, "write docs/routes.md")

const docsPath = "../../docs/routes.md"

// TestDocumentation generates the table of all routes from the servers. Run it with -update after a change.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	got := document(t)
	if *update {
		require.NoError(t, os.WriteFile(docsPath, []byte(got), 0o644))
	}
	want, err := os.ReadFile(docsPath)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "go test ./internal/routes -run TestDocumentation -update")
}

func document(t *testing.T) string {
	t.Helper()
	tokens, err := api.NewTokens("https://verigate.example", make([]byte, 32))
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	service, err := api.New(api.Config{
		Store: struct{ api.Store }{}, Vault: struct{ api.Vault }{}, Gate: struct{ api.Gate }{}, Engine: struct{ api.Engine }{},
		Sweeps: struct{ api.Sweeps }{}, Launcher: struct{ api.Launcher }{}, Reminders: struct{ api.Reminders }{}, Webhooks: struct{ api.Webhooks }{},
		Tokens: tokens, Now: time.Now, Logger: log,
	})
	require.NoError(t, err)
	pages, err := web.New(web.Config{
		Store: struct{ web.Store }{}, Vault: struct{ web.Vault }{}, Engine: struct{ web.Engine }{}, Links: tokens, Launcher: struct{ web.Launcher }{},
		Rules: struct{ web.Rules }{}, Now: time.Now, Logger: log, Operator: web.Operator{NameZh: "x", NameEn: "x", Contact: "x"},
	})
	require.NoError(t, err)
	operators, err := admin.New(admin.Config{
		API: http.NotFoundHandler(), Sessions: struct{ admin.Sessions }{}, Entrance: struct{ admin.Entrance }{}, Now: time.Now, Logger: log,
	})
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString(`# Who may ask what

<!-- Generated from the route tables by: go test ./internal/routes -run TestDocumentation -update -->

Every address that the server answers, and who gets an answer. Tests ask each row as nobody, with every wrong scope or
role, and with keys that are bound to other accounts. What is not here is 404; another method than the one here is 405.

*Bound keys*: what a key that is bound to a set of accounts may do. ` + "`account`: if the account is one of its own, every other one is to it as if it were not there; `own`: it meets none but its own; `none`: there is nothing of any account; `all`: nothing" + `.

## API

Roles are those of persons on the admin pages, who use the same operations.

`)
	b.WriteString(routes.Table(service.Routes()))
	b.WriteString("\n## Merchant pages\n\n")
	b.WriteString(routes.Table(pages.Routes()))
	b.WriteString("\n## Admin pages\n\nEvery command of a page goes through the API, with the person's role.\n\n")
	b.WriteString(routes.Table(operators.Routes()))
	b.WriteString("\n## Beside them\n\n")
	b.WriteString(routes.Table([]routes.Route{
		{Method: "GET", Path: "/metrics", Who: routes.Network}, {Method: "POST", Path: "/hooks/sms/{secret}", Who: routes.Holder},
	}))
	return b.String()
}

// TestHandlersGoThroughTheTable: a handler that is registered elsewhere would have no row.
func TestHandlersGoThroughTheTable(t *testing.T) {
	t.Parallel()
	own := regexp.MustCompile(`http\.NewServeMux|http\.ServeMux\{`)
	for _, dir := range []string{"api", "web", "admin"} {
		files, err := filepath.Glob("../" + dir + "/*.go")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, name := range files {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			require.False(t, own.Match(text) && !strings.HasSuffix(name, "_test.go"), "%s: register handlers at a routes.Mux", name)
		}
	}
}
