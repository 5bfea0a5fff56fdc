package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/campaign"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/rehearsal"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// RehearseOptions say what to rehearse.
type RehearseOptions struct {
	Config   config.Config
	From, To time.Time
	Scenario *rehearsal.Scenario
	// PolicyText is a policy that is not published; in the copy it is in force from From on. Nil: none.
	PolicyText []byte
	Logger     *slog.Logger
	Progress   func(at time.Time) // told now and then; may be nil
}

// Rehearsed is a campaign that was played over a copy of the database. Close it to remove the copy.
type Rehearsed struct {
	rehearsal.Result

	dir   string
	store *sqlstore.Store
	at    time.Time
}

// Rehearse copies the configured database into a temporary file and plays the campaign there. The database itself is
// only read, and may be in use.
func Rehearse(ctx context.Context, o RehearseOptions) (_ *Rehearsed, err error) {
	dir, err := os.MkdirTemp("", "verigate-rehearsal-*")
	if err != nil {
		return nil, fmt.Errorf("app: folder of the copy: %w", err)
	}
	r := &Rehearsed{dir: dir, at: o.To}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	path := filepath.Join(dir, "copy.db")
	if err := copyStore(ctx, o.Config.Store, path); err != nil {
		return nil, err
	}
	clock := rehearsal.NewClock(o.From)
	if r.store, err = sqlstore.Open(ctx, sqlstore.Config{Path: path, Now: clock.Now, Volatile: true}); err != nil {
		return nil, err
	}
	if _, err := r.store.Migrate(ctx); err != nil {
		return nil, err
	}
	if o.PolicyText != nil {
		if err := r.publish(ctx, o.PolicyText, o.From); err != nil {
			return nil, err
		}
	}
	r.Result, err = rehearsal.Run(ctx, rehearsal.Config{
		Store: r.store, Clock: clock, From: o.From, To: o.To, Scenario: o.Scenario, Schedule: rehearsal.DefaultSchedule(),
		Logger: o.Logger, Progress: o.Progress,
	})
	return r, err
}

// copyStore copies the configured database into a new SQLite file.
func copyStore(ctx context.Context, from config.Store, to string) error {
	const busy = 5 * time.Second
	if from.Driver != config.Postgres {
		return sqlstore.Copy(ctx, from.Path, to, busy)
	}
	if err := sqlstore.CopyURL(ctx, from.URL.Reveal(), to, busy); err != nil {
		return fmt.Errorf("store.url: %w", err)
	}
	return nil
}

func (r *Rehearsed) publish(ctx context.Context, text []byte, from time.Time) error {
	parsed, err := policyfile.Parse(text)
	if err != nil {
		return err
	}
	err = r.store.PublishPolicy(ctx, store.PublishedPolicy{
		Name: parsed.Name, Version: parsed.Version, Text: text, EffectiveFrom: from, Author: "rehearsal", Note: "rehearsal",
	})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("app: version %d of %s is published with another text; give the file the next number", parsed.Version, parsed.Name)
	}
	return err
}

// InForce names the policies that are in force at the end, sorted.
func (r *Rehearsed) InForce(ctx context.Context) ([]string, error) {
	force, err := rulebook.New(r.store).InForce(ctx, r.at)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range force.Set.Policies() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names, nil
}

// Report is the report at the end on the version of a policy that is in force then.
func (r *Rehearsed) Report(ctx context.Context, name string, lang campaign.Lang) (campaign.Report, error) {
	force, err := rulebook.New(r.store).InForce(ctx, r.at)
	if err != nil {
		return campaign.Report{}, err
	}
	number := -1
	for _, p := range force.Set.Policies() {
		if p.Name == name {
			number = p.Version
		}
	}
	published, err := r.store.Policies(ctx)
	if err != nil {
		return campaign.Report{}, err
	}
	version, err := campaign.Find(published, name, number)
	return campaign.Report{Source: r.store, Sweeps: r.store, Version: version, At: r.at, Lang: lang}, err
}

// Close removes the copy.
func (r *Rehearsed) Close() error {
	var err error
	if r.store != nil {
		err = r.store.Close()
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}
