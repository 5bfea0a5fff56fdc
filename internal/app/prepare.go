package app

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/temporal"
)

// retention is how long a remote engine keeps closed runs, to be looked at. The truth is in the store.
const retention = 72 * time.Hour

// prepareRemote creates namespace and search attributes of a remote engine where they are missing.
func prepareRemote(ctx context.Context, c config.Config, log *slog.Logger) error {
	options, err := reach(c.Temporal, log)
	if err != nil {
		return err
	}
	_, err = temporal.Prepare(ctx, options, retention)
	return err
}

// Migrated is how the schemas and a remote engine stand.
type Migrated struct {
	Schema []sqlstore.Migration `json:"schema"`
	Engine []temporal.Need      `json:"engine,omitempty"`
}

// Pending reports that steps of a schema are to be applied.
func (m Migrated) Pending() bool {
	return slices.ContainsFunc(m.Schema, func(s sqlstore.Migration) bool { return s.AppliedAt.IsZero() })
}

// EngineNeeds tells what a remote engine has and lacks: namespace, search attributes, and schedules as the policies on record
// say. It changes nothing. The schemas must be up to date.
func (a *Admin) EngineNeeds(ctx context.Context, log *slog.Logger) ([]temporal.Need, error) {
	options, plans, err := a.engine(ctx, log)
	if err != nil {
		return nil, err
	}
	needs, err := temporal.Namespace(ctx, options)
	if err != nil {
		return nil, err
	}
	if needs[0].Finding == temporal.Missing && a.clock.Offset == 0 {
		return append(needs, plans.Missing()...), nil
	}
	return a.schedules(ctx, options, needs, plans.Needs)
}

// PrepareEngine makes what a remote engine lacks, and tells what it made. Doing it twice is harmless.
func (a *Admin) PrepareEngine(ctx context.Context, log *slog.Logger) ([]temporal.Need, error) {
	options, plans, err := a.engine(ctx, log)
	if err != nil {
		return nil, err
	}
	needs, err := temporal.Prepare(ctx, options, retention)
	if err != nil {
		return nil, err
	}
	return a.schedules(ctx, options, needs, plans.Mend)
}

// schedules adds to needs what do finds or does.
func (a *Admin) schedules(
	ctx context.Context, o temporal.Options, needs []temporal.Need, do func(context.Context, client.Client) ([]temporal.Need, error),
) ([]temporal.Need, error) {
	if a.clock.Offset != 0 { // the program starts sweeps itself
		return needs, nil
	}
	c, err := temporal.Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	more, err := do(ctx, c)
	return slices.Concat(needs, more), err
}

// engine is how to reach the engine, and what its schedules are to be.
func (a *Admin) engine(ctx context.Context, log *slog.Logger) (temporal.Options, temporal.Plans, error) {
	plans := temporal.Plans{Now: a.clock.Now()}
	options, err := temporalOptions(a.config.Temporal, a.config.Secrets.CodecKeyset, log)
	if err != nil {
		return options, plans, err
	}
	plans.Sweeps, err = timetable(ctx, enforce.New(a.store, rulebook.New(a.store), a.clock.Now), a.config.Sweeps.Daily)
	if err != nil {
		return options, plans, err
	}
	plans.Reminders, err = reminders.New(reminders.Config{Store: a.store, Now: a.clock.Now, Logger: log}).PolicyNames(ctx)
	return options, plans, err
}
