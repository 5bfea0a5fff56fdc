package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
)

// DemoKeys are the API keys that a demonstration shows.
type DemoKeys struct {
	API      string `json:"api_key"`      // what the platform's account service may do
	Reviewer string `json:"reviewer_key"` // what reviewers and operators may do, approve policies among it
	Operator string `json:"operator_key"` // who proposes policies and brakes them: the other person of the two

	DemoOperators `json:"-"` // kept in a file of their own
}

// StartDemo starts the program on a demonstration's data, with the rules of 2020, the sample accounts and three keys.
func StartDemo(ctx context.Context, d DemoDir, o Options) (*App, DemoKeys, error) {
	listener, err := d.listenPortal() // first, because prompts lead there
	if err != nil {
		return nil, DemoKeys{}, err
	}
	site := "http://" + listener.Addr().String()
	o.alone = true
	o.Config.Pages.PromptLink = cmp.Or(o.Config.Pages.PromptLink, site+"/dashboard")
	a, err := Start(ctx, o)
	if err != nil {
		return nil, DemoKeys{}, errors.Join(err, listener.Close())
	}
	a.Portal = site
	keys, err := a.dress(ctx, d, listener)
	if err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Config.HTTP.ShutdownTimeout)
		defer cancel()
		return nil, DemoKeys{}, errors.Join(err, a.Stop(stopping))
	}
	return a, keys, nil
}

// dress gives a new program what a demonstration has. The listener is closed if the portal does not come to use it.
func (a *App) dress(ctx context.Context, d DemoDir, listener net.Listener) (DemoKeys, error) {
	err := a.seed(ctx)
	keys := DemoKeys{}
	if err == nil {
		keys, err = a.demoKeys(ctx, d)
	}
	if err == nil {
		keys.DemoOperators, err = a.demoOperators(ctx, d)
	}
	if err == nil {
		err = a.startPortal(listener, keys)
	}
	if err != nil {
		return DemoKeys{}, errors.Join(err, listener.Close())
	}
	return keys, d.keepPorts(a.Addresses)
}

// demoKeys returns the keys of the data, made at the first start.
func (a *App) demoKeys(ctx context.Context, d DemoDir) (DemoKeys, error) {
	var keys DemoKeys
	if _, err := readJSON(d.file("keys.json"), &keys); err != nil {
		return keys, err
	}
	for _, k := range []struct {
		secret *string
		label  string
		scopes []api.Scope
	}{
		{&keys.API, "demo account service", []api.Scope{
			api.AccountsWrite, api.DecisionsRead, api.VerificationsWrite, api.VerificationsRead, api.AuditRead,
			api.WebhooksWrite, api.ExtensionsWrite,
		}},
		{&keys.Reviewer, "demo reviewer and operator", []api.Scope{
			api.ReviewsWrite, api.VerificationsRead, api.AuditRead, api.AccountsCorrect, api.PoliciesApprove, api.SweepsWrite,
		}},
		{&keys.Operator, "demo author of policies", []api.Scope{api.PoliciesWrite, api.DecisionsRead, api.AuditRead}},
	} {
		if a.hasKey(ctx, *k.secret) {
			continue
		}
		var err error
		if *k.secret, err = createKey(ctx, a.store, a.clock, NewKey{Label: k.label, Scopes: k.scopes}); err != nil {
			return keys, err
		}
	}
	return keys, writeJSON(d.file("keys.json"), keys)
}

func (a *App) hasKey(ctx context.Context, secret string) bool {
	parts := strings.SplitN(secret, "_", 3)
	if len(parts) != 3 {
		return false
	}
	_, err := a.store.Key(ctx, parts[1])
	return !errors.Is(err, store.ErrNotFound)
}

// Decide asks the gate as the API would, for the demonstration's display.
func (a *App) Decide(ctx context.Context, accountID, action string) (gate.Answer, error) {
	return a.gate.Decide(ctx, accountID, action)
}

// portOf is the port of an address or base URL, 0 if it has none.
func portOf(address string) int {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		address = u.Host
	}
	_, port, _ := strings.Cut(address, ":")
	n, _ := strconv.Atoi(port)
	return n
}

// Describe lists the sample accounts with what the gate says of creating a label now.
func (a *App) Describe(ctx context.Context) ([]string, error) {
	var lines []string
	for _, s := range Samples() {
		answer, err := a.Decide(ctx, s.ID, "create_label")
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("%-18s %-6s %-14s %s", s.ID, answer.Effect, answer.Reason, s.Show))
	}
	return lines, nil
}
