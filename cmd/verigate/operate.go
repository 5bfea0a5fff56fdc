package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/workflows/payload"
)

func itoa(n int) string { return strconv.Itoa(n) }

type migrateCmd struct {
	place
	Status bool `help:"Show the steps, and what a remote engine lacks, and change nothing."`
	Engine bool `negatable:"" default:"true" help:"Prepare a remote engine as well: its namespace, search attributes and schedules."`
	JSON   bool `name:"json" help:"Print the steps as JSON."`
}

// Help is the manual page.
func (migrateCmd) Help() string {
	return `Applies the schema steps that are missing; running it twice, or beside a running program, is harmless. With vault.keys_url it does so for both databases. With temporal.mode remote it also creates the namespace and its search attributes where they are missing, which needs an operator's rights on the engine, and puts the schedules of sweeps and reminders right, as a running program does from then on. --no-engine leaves all that out, as for Temporal Cloud, where they are made by other means (docs/deployment.md). A pause of a schedule is an operator's and stays.`
}

// Run migrates.
func (c migrateCmd) Run(w *world) (err error) {
	conf, clock, err := c.load(w)
	if err != nil {
		return err
	}
	admin, err := app.OpenAdmin(w.ctx, conf, clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	steps, applied := admin.Migrations, 0
	all, err := steps(w.ctx)
	if err == nil && !c.Status {
		all, applied, err = admin.Migrate(w.ctx)
	}
	if err != nil {
		return err
	}
	found := app.Migrated{Schema: all}
	remote := conf.Temporal.Mode == config.Remote && c.Engine
	if remote && !found.Pending() {
		look := admin.PrepareEngine
		if c.Status {
			look = admin.EngineNeeds
		}
		if found.Engine, err = look(w.ctx, w.logger(conf.Log)); err != nil {
			return err
		}
	}
	if c.JSON {
		return w.json(found)
	}
	w.migrated(found, applied)
	if remote && found.Pending() {
		w.say("the engine is looked at when the schema is up to date\n")
	}
	return nil
}

func (w *world) migrated(found app.Migrated, applied int) {
	for _, m := range found.Schema {
		at := "pending"
		if !m.AppliedAt.IsZero() {
			at = m.AppliedAt.Format(time.RFC3339)
		}
		w.say("%4d  %-40s %s\n", m.Version, m.Name, at)
	}
	w.say("%d applied now\n", applied)
	for _, n := range found.Engine {
		w.say("%-16s  %-28s %s\n", n.Kind, n.Name, standing(n))
	}
}

// standing says in words what was found, or done about it.
func standing(n temporal.Need) string {
	if !n.Mended {
		return string(n.Finding)
	}
	switch n.Finding {
	case temporal.Missing:
		return "made now"
	case temporal.Obsolete:
		return "removed now"
	case temporal.Good, temporal.Differs:
	}
	return "changed now"
}

type reconcileCmd struct {
	place
	JSON bool `name:"json" help:"Print one JSON object for each account."`
}

// Help is the manual page.
func (reconcileCmd) Help() string {
	return `Run it after store and engine were restored from different moments, while the program (or a worker) runs. For every account that has a log it checks that the store's projection is the fold of the log, and has the account's workflow read on in the log: a missing workflow is started, one that knows of changes which the store has lost is begun again from the store, and one whose account the store has lost is ended. The store is the truth.

Run it before accounts are served again: start the workers, reconcile, then start the API.

Exits with 1 if an account could not be brought together. Running it again is harmless.`
}

// Run reconciles.
func (c reconcileCmd) Run(w *world) (err error) {
	conf, clock, err := c.load(w)
	if err != nil {
		return err
	}
	if err := checked(conf); err != nil {
		return err
	}
	log := w.logger(config.Log{Level: "error", Format: conf.Log.Format})
	r, err := app.NewReconciler(w.ctx, app.Options{Config: conf, Clock: clock, Logger: log, EngineLogger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(w.ctx)) }()
	counts := map[app.Finding]int{}
	err = r.Run(w.ctx, func(found app.Reconciled) {
		counts[found.Finding]++
		switch {
		case c.JSON:
			_ = json.NewEncoder(w.stdout).Encode(found)
		case found.Finding == app.Broken:
			w.say("%s: failed: %s\n", found.AccountID, found.Error)
		case found.Finding == app.Ended:
			w.say("%s: ended; the store does not know the account\n", found.AccountID)
		case found.Finding == app.Restarted:
			w.say("%s: begun again from the store at %d; the workflow was at %d\n", found.AccountID, found.Seq, found.RunSeq)
		}
	})
	if err != nil {
		return err
	}
	if !c.JSON {
		w.say("%d agreed, %d begun again, %d ended, %d failed\n",
			counts[app.Agreed], counts[app.Restarted], counts[app.Ended], counts[app.Broken])
	}
	if counts[app.Broken] > 0 {
		return errQuiet
	}
	return nil
}

type replayCmd struct {
	Files []string `arg:"" name:"file" help:"Histories in JSON, as Temporal's command line and web UI export them."`
	Codec string   `type:"path" placeholder:"FILE" help:"Keyset that the payloads were encrypted with (secrets.codec_keyset)." xor:"codec"`
	Data  string   `type:"path" placeholder:"DIR" help:"Directory of the demonstration that the histories are from." xor:"codec"`
	JSON  bool     `name:"json" help:"Print one JSON object for each file."`
}

// Help is the manual page.
func (replayCmd) Help() string {
	return `Shows, before a new build meets them, whether its workflow code takes the same course as the recorded runs did. Exits with 1 if one differs.

Example:
  temporal workflow show --workflow-id verification/a1 --output json > a1.json
  verigate replay a1.json --codec secrets/codec-keyset`
}

// Run replays.
func (c replayCmd) Run(w *world) error {
	codec, err := c.codec(w)
	if err != nil {
		return err
	}
	failed := false
	for _, file := range c.Files {
		history, err := os.ReadFile(file) //nolint:gosec // reading the files named is the command
		if err != nil {
			return usageError{err}
		}
		fault := ""
		if err := temporal.Replay(codec, history, w.logger(config.Log{Level: "error", Format: "text"})); err != nil {
			fault, failed = err.Error(), true
		}
		switch {
		case c.JSON:
			_ = json.NewEncoder(w.stdout).Encode(map[string]any{"file": file, "same": fault == "", "error": fault})
		case fault == "":
			w.say("%s: the same course\n", file)
		default:
			w.say("%s: %s\n", file, fault)
		}
	}
	if failed {
		return errQuiet
	}
	return nil
}

func (c replayCmd) codec(w *world) (*payload.Codec, error) {
	if c.Data != "" {
		conf, _, err := place{Data: c.Data}.load(w)
		if err != nil {
			return nil, err
		}
		return payload.NewCodec([]byte(conf.Secrets.CodecKeyset.Reveal()))
	}
	if c.Codec == "" {
		return nil, usageError{errors.New("the payloads are encrypted: give --codec FILE or --data DIR")}
	}
	keyset, err := os.ReadFile(c.Codec)
	if err != nil {
		return nil, usageError{fmt.Errorf("--codec: %w", err)}
	}
	return payload.NewCodec(keyset)
}

// json prints a value for machines.
func (w *world) json(value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	w.say("%s\n", text)
	return nil
}
