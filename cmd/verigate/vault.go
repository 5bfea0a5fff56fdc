package main

import (
	"context"
	"errors"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/vault"
)

type vaultCmd struct {
	Status vaultStatusCmd `cmd:"" help:"Say which keys hold what, and which of them may be removed."`
	Rewrap vaultRewrapCmd `cmd:"" help:"Wrap all data keys with the newest key, so that older ones may be removed."`
	Rotate vaultRotateCmd `cmd:"" help:"Give every account other data keys, and destroy the ones before."`
}

// Help is the manual page.
func (vaultCmd) Help() string {
	return `Personal data is sealed with data keys, one for each account and kind, and these are wrapped with the keys of secrets.vault_keyset or of a key management service; see docs/vault.md. These commands work on the databases, beside a running program, and go on where they were if they are ended.

To replace the key that wraps the data keys:
  verigate secrets announce vault secrets/vault-keyset > secrets/vault-keyset.new && mv secrets/vault-keyset.new secrets/vault-keyset
  # restart every process, one after the other
  verigate secrets rotate vault secrets/vault-keyset > secrets/vault-keyset.new && mv secrets/vault-keyset.new secrets/vault-keyset
  # restart every process again
  verigate vault rewrap --config verigate.yaml
  verigate vault status --config verigate.yaml
  verigate secrets retire vault secrets/vault-keyset > secrets/vault-keyset.new && mv secrets/vault-keyset.new secrets/vault-keyset`
}

// onVault opens the databases for one command.
func (p place) onVault(w *world, do func(*app.VaultKeys) error) (err error) {
	conf, clock, err := p.load(w)
	if err != nil {
		return err
	}
	if err := checked(conf); err != nil {
		return err
	}
	keys, err := app.OpenVaultKeys(w.ctx, conf, clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	return do(keys)
}

type kekView struct {
	ID        string `json:"id"`
	Newest    bool   `json:"newest"`
	Known     bool   `json:"known"`
	DataKeys  int    `json:"data_keys"`
	Secrets   int    `json:"secrets"`
	Removable bool   `json:"removable"`
}

type vaultView struct {
	KEKs       []kekView `json:"keys"`
	DataKeys   int       `json:"data_keys"`
	Destroyed  int       `json:"destroyed_data_keys"`
	Replacing  int       `json:"data_keys_being_replaced"`
	Records    int       `json:"records"`
	OldRecords int       `json:"records_without_data_key"`
	Secrets    int       `json:"secrets"`
	OldSecrets int       `json:"secrets_without_data_key"`
}

func viewVault(s vault.Status) vaultView {
	view := vaultView{
		KEKs: []kekView{}, DataKeys: s.Keys, Destroyed: s.Destroyed, Replacing: s.Replacing, Records: s.Records, OldRecords: s.OldRecords,
		Secrets: s.Secrets, OldSecrets: s.OldSecrets,
	}
	for _, k := range s.KEKs {
		view.KEKs = append(view.KEKs, kekView{k.ID, k.Newest, k.Known, k.Keys, k.Secrets, k.Removable(s)})
	}
	return view
}

type vaultStatusCmd struct {
	place
	JSON bool `name:"json" help:"Print as JSON."`
}

// Run prints it, and fails if a key is missing that is needed.
func (c vaultStatusCmd) Run(w *world) error {
	return c.onVault(w, func(v *app.VaultKeys) error {
		status, err := v.Status(w.ctx)
		if err != nil {
			return err
		}
		view := viewVault(status)
		missing := false
		for _, k := range view.KEKs {
			missing = missing || !k.Known
		}
		if c.JSON {
			err = w.json(view)
		} else {
			view.print(w)
		}
		if err == nil && missing {
			err = errQuiet
		}
		return err
	})
}

func (v vaultView) print(w *world) {
	for _, k := range v.KEKs {
		what := "needed"
		switch {
		case !k.Known:
			what = "MISSING: what it holds cannot be read; put it back"
		case k.Newest:
			what = "newest"
		case k.Removable:
			what = "may be removed"
		}
		w.say("%-28s %7d data keys  %4d secrets  %s\n", k.ID, k.DataKeys, k.Secrets, what)
	}
	w.say("%d records under %d data keys; %d data keys destroyed\n", v.Records, v.DataKeys, v.Destroyed)
	if v.OldRecords+v.OldSecrets > 0 {
		w.say("%d records and %d secrets have no data key yet, and may need any key of the keyset: verigate vault rewrap\n", v.OldRecords, v.OldSecrets)
	}
	if v.Replacing > 0 {
		w.say("%d data keys are being replaced; if nobody does: verigate vault rotate\n", v.Replacing)
	}
}

type vaultRewrapCmd struct {
	place
	JSON bool `name:"json" help:"Print as JSON."`
}

// Run wraps everything anew, and gives data keys to what has none.
func (c vaultRewrapCmd) Run(w *world) error {
	return c.onVault(w, func(v *app.VaultKeys) error {
		sealed, err := w.pass("records", v.SealOld)
		if err != nil {
			return err
		}
		wrapped, err := w.pass("keys", v.Rewrap)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return w.json(map[string]int{"sealed": sealed, "wrapped": wrapped})
		}
		w.say("%d keys and secrets wrapped anew, %d records given a data key\n", wrapped, sealed)
		return nil
	})
}

type vaultRotateCmd struct {
	place
	JSON bool `name:"json" help:"Print as JSON."`
}

// Help is the manual page.
func (vaultRotateCmd) Help() string {
	return `Seals every record anew under another data key and destroys the one before, so that no copy of the database from before opens with the keys of now: as after a copy came into wrong hands.`
}

// Run replaces data keys.
func (c vaultRotateCmd) Run(w *world) error {
	return c.onVault(w, func(v *app.VaultKeys) error {
		replaced, err := w.pass("data keys", v.RotateDataKeys)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return w.json(map[string]int{"replaced": replaced})
		}
		w.say("%d data keys replaced\n", replaced)
		return nil
	})
}

// pass runs a pass of the vault and shows how far it has come.
func (w *world) pass(what string, run func(context.Context, vault.Progress) (int, error)) (int, error) {
	if !isTerminal(w.stderr) {
		return run(w.ctx, func(int, int) {})
	}
	bar := progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(w.stderr), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond))
	n, err := run(w.ctx, func(done, total int) {
		if bar.GetMax() != total {
			bar.ChangeMax(total)
		}
		_ = bar.Set(done)
	})
	_ = bar.Finish()
	return n, err
}
