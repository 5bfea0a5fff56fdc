package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/signing"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

type keysCmd struct {
	Create  keysCreateCmd  `cmd:"" help:"Make an API key. Its secret is shown this once."`
	List    keysListCmd    `cmd:"" help:"List API keys; secrets are not known."`
	Rotate  keysRotateCmd  `cmd:"" help:"Give an API key another secret; the present one opens for a while as well."`
	Disable keysDisableCmd `cmd:"" help:"Close an API key for good."`
}

// withAdmin opens the database for one command.
func (p place) withAdmin(w *world, do func(*app.Admin, app.Clock) error) (err error) {
	conf, clock, err := p.load(w)
	if err != nil {
		return err
	}
	admin, err := app.OpenAdmin(w.ctx, conf, clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	return do(admin, clock)
}

type keysCreateCmd struct {
	place
	Label    string        `required:"" help:"What it is for; shown in lists."`
	Scopes   []string      `required:"" help:"What it may do, separated by commas: accounts:write, accounts:correct, decisions:read, verifications:write, verifications:read, reviews:write, policies:write, policies:approve, extensions:write, sweeps:write, webhooks:write, identities:read, identities:erase, audit:read, workflows:read, admin."`
	Accounts []string      `placeholder:"ID,PREFIX*" help:"Accounts that it may reach, separated by commas: ids, and beginnings of ids with * behind them, as shop-eu-* (default: all)."`
	For      time.Duration `placeholder:"DURATION" help:"Until it expires, such as 720h (default: never)."`
	JSON     bool          `name:"json" help:"Print as JSON."`
}

// Run makes a key.
func (c keysCreateCmd) Run(w *world) error {
	k := app.NewKey{Label: c.Label, For: c.For, Accounts: c.Accounts}
	if c.For < 0 {
		return usageError{errors.New("--for must be a positive duration")}
	}
	for _, s := range c.Scopes {
		scope := api.Scope(strings.TrimSpace(s))
		if !scope.Valid() {
			return usageError{fmt.Errorf("--scopes: there is no such scope; there are %v", api.Scopes())}
		}
		k.Scopes = append(k.Scopes, scope)
	}
	if err := k.Accounts.Check(); err != nil {
		return usageError{fmt.Errorf("--accounts: %w", err)}
	}
	return c.withAdmin(w, func(a *app.Admin, _ app.Clock) error {
		secret, err := a.CreateKey(w.ctx, k)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return w.json(map[string]any{"api_key": secret, "label": k.Label, "scopes": k.Scopes, "accounts": append([]string{}, k.Accounts...)})
		}
		w.say("%s\n", secret)
		w.warn("Keep it now: it is not shown again.\n")
		return nil
	})
}

type keysListCmd struct {
	place
	JSON bool `name:"json" help:"Print as JSON."`
}

type keyView struct {
	ID        string     `json:"id"`
	Label     string     `json:"label"`
	Scopes    []string   `json:"scopes"`
	Accounts  []string   `json:"accounts"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	State     string     `json:"state"`
}

func viewOf(k store.Key, now time.Time) keyView {
	v := keyView{ID: k.ID, Label: k.Label, Scopes: k.Scopes, Accounts: append([]string{}, k.Accounts...), CreatedAt: k.CreatedAt, State: "open"}
	if !k.ExpiresAt.IsZero() {
		v.ExpiresAt = &k.ExpiresAt
	}
	switch {
	case k.Disabled:
		v.State = "disabled"
	case v.ExpiresAt != nil && !now.Before(k.ExpiresAt):
		v.State = "expired"
	}
	return v
}

// Run lists.
func (c keysListCmd) Run(w *world) error {
	return c.withAdmin(w, func(a *app.Admin, clock app.Clock) error {
		keys, err := a.Keys(w.ctx)
		if err != nil {
			return err
		}
		views := make([]keyView, len(keys))
		for i, k := range keys {
			views[i] = viewOf(k, clock.Now())
		}
		if c.JSON {
			return w.json(views)
		}
		for _, v := range views {
			reach := ""
			if len(v.Accounts) > 0 {
				reach = "  accounts [" + strings.Join(v.Accounts, " ") + "]"
			}
			w.say("%s  %-8s  %s  %s  [%s]%s\n", v.ID, v.State, v.CreatedAt.Format(time.RFC3339), v.Label, strings.Join(v.Scopes, " "), reach)
		}
		return nil
	})
}

type keysRotateCmd struct {
	place
	ID      string        `arg:"" help:"Id of the key: the part between the underscores."`
	Overlap time.Duration `default:"24h" help:"How long the present secret opens as well, at most 720h. 0s ends every old one now: for a secret that leaked."`
	JSON    bool          `name:"json" help:"Print as JSON."`
}

// Help is the manual page.
func (keysRotateCmd) Help() string {
	return `Prints the new secret, this once. The key keeps its id, scopes and accounts, and what was done with it.

Example:
  verigate keys rotate 1f0c2a9b3d4e5f60 --overlap 48h
  # give the new secret to the program within two days; the old one ends by itself`
}

// Run rotates.
func (c keysRotateCmd) Run(w *world) error {
	const most = 30 * 24 * time.Hour
	if c.Overlap < 0 || c.Overlap > most {
		return usageError{errors.New("--overlap must be from 0s to 720h")}
	}
	return c.withAdmin(w, func(a *app.Admin, _ app.Clock) error {
		secret, err := a.RotateKey(w.ctx, c.ID, c.Overlap)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return errors.New("there is no key with that id; verigate keys list shows them")
		case errors.Is(err, app.ErrKeyEnded):
			return errors.New("the key is disabled or expired and gets no other secret; make another one with verigate keys create")
		case err != nil:
			return err
		case c.JSON:
			return w.json(map[string]any{"api_key": secret, "overlap": c.Overlap.String()})
		}
		w.say("%s\n", secret)
		w.warn("Keep it now: it is not shown again.\n")
		return nil
	})
}

type keysDisableCmd struct {
	place
	ID string `arg:"" help:"Id of the key: the part between the underscores."`
}

// Run disables.
func (c keysDisableCmd) Run(w *world) error {
	return c.withAdmin(w, func(a *app.Admin, _ app.Clock) error {
		err := a.DisableKey(w.ctx, c.ID)
		if errors.Is(err, store.ErrNotFound) {
			return errors.New("there is no key with that id; verigate keys list shows them")
		}
		return err
	})
}

type secretsCmd struct {
	New      secretsNewCmd      `cmd:"" help:"Print a new secret for a setting."`
	Rotate   secretsRotateCmd   `cmd:"" help:"Print a secret with a new key in front; the older keys still open and verify."`
	Announce secretsAnnounceCmd `cmd:"" help:"Print a secret with a new key that is known, and used after the next rotation only."`
	Retire   secretsRetireCmd   `cmd:"" help:"Print a secret with its newest key alone."`
	Public   secretsPublicCmd   `cmd:"" help:"Print the public keys that belong to a secret."`
}

type secretsNewCmd struct {
	Kind string `arg:"" enum:"vault,codec,links,receipts" help:"vault, codec, links or receipts."`
}

// Help is the manual page.
func (secretsNewCmd) Help() string {
	return `Prints to standard output; write it where only the program can read it, and name that place in the configuration.

Example:
  umask 077
  verigate secrets new vault > secrets/vault-keyset
  verigate secrets new codec > secrets/codec-keyset
  verigate secrets new links > secrets/link-keys
  verigate secrets new receipts > secrets/receipt-keys
  # secrets: {vault_keyset: file:secrets/vault-keyset, codec_keyset: file:secrets/codec-keyset, link_keys: file:secrets/link-keys, receipt_keys: file:secrets/receipt-keys}`
}

// Run makes one.
func (c secretsNewCmd) Run(w *world) error {
	secret, err := app.NewSecret(c.Kind)
	if err != nil {
		return err
	}
	w.say("%s", secret)
	return nil
}

type secretsAnnounceCmd struct {
	Kind string `arg:"" enum:"vault" help:"vault."`
	File string `arg:"" type:"path" help:"File with the present secret."`
}

// Help is the manual page.
func (secretsAnnounceCmd) Help() string {
	return `Where several processes share a keyset, each of them has to know a key before another one uses it: announce, restart all, rotate, restart all.`
}

// Run announces.
func (c secretsAnnounceCmd) Run(w *world) error { return changeSecret(w, c.File, app.AnnounceSecret) }

type secretsRetireCmd struct {
	Kind string `arg:"" enum:"vault" help:"vault."`
	File string `arg:"" type:"path" help:"File with the present secret."`
}

// Help is the manual page.
func (secretsRetireCmd) Help() string {
	return `What the older keys hold cannot be read any more: do it when verigate vault status says that they may be removed. Until then keep the old file. Afterwards destroy it, and with it every old copy of the databases becomes unreadable.`
}

// Run retires.
func (c secretsRetireCmd) Run(w *world) error { return changeSecret(w, c.File, vault.RetireKeyset) }

// changeSecret prints what becomes of the secret in a file.
func changeSecret(w *world, file string, change func(old []byte) ([]byte, error)) error {
	old, err := os.ReadFile(file) //nolint:gosec // the caller names the file of the secret
	if err != nil {
		return usageError{err}
	}
	secret, err := change(old)
	if err != nil {
		return err
	}
	w.say("%s", secret)
	return nil
}

type secretsRotateCmd struct {
	Kind string `arg:"" enum:"vault,codec,links,receipts" help:"vault, codec, links or receipts."`
	File string `arg:"" type:"path" help:"File with the present secret."`
}

// Help is the manual page.
func (secretsRotateCmd) Help() string {
	return `Prints to standard output. Give every process the new secret; how long the older keys are to be kept:

  receipts  as long as the server is to check what they signed; their public keys check it for ever (docs/receipts.md)
  links     until the last link of theirs has ended: a day
  codec     until no run is open that was begun under them, and the retention of the namespace has passed (docs/payloads.md);
            a worker that lacks a key names it and tries again, so all processes need the new secret at about the same time

Example:
  umask 077; verigate secrets rotate codec secrets/codec-keyset > secrets/codec-keyset.new && mv secrets/codec-keyset.new secrets/codec-keyset`
}

// Run rotates.
func (c secretsRotateCmd) Run(w *world) error {
	return changeSecret(w, c.File, func(old []byte) ([]byte, error) { return app.RotateSecret(c.Kind, old) })
}

type secretsPublicCmd struct {
	Kind string `arg:"" enum:"receipts" help:"receipts."`
	File string `arg:"" type:"path" help:"File with the secret."`
}

// Help is the manual page.
func (secretsPublicCmd) Help() string {
	return `Prints a JSON Web Key Set, newest key first, as GET /v1/receipt-keys answers it. It is no secret: give it to whoever has to check receipts, checkpoints or sealed exports, and tell them by another way that it is yours. Keep it beside what it proves: it still proves that when the secret is long gone.

Example:
  verigate secrets public receipts secrets/receipt-keys > receipt-keys.json
  verigate receipt check --keys receipt-keys.json ed25519.r1a2b3c4.eyJhY2NvdW50X2lkIjoi…`
}

// Run prints them.
func (c secretsPublicCmd) Run(w *world) error {
	secret, err := os.ReadFile(c.File)
	if err != nil {
		return usageError{err}
	}
	keys, err := app.ReceiptKeys(config.NewSecret(string(secret)))
	if err != nil {
		return usageError{err}
	}
	ring, err := signing.NewRing(keys)
	if err != nil {
		return usageError{fmt.Errorf("%s%w", c.File, err)}
	}
	return w.json(ring.Public().JWKS())
}
