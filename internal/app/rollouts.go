package app

import (
	"context"
	"log/slog"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/temporal"
)

// OpenRollouts connects to a remote engine, to divide the work among the builds of worker.deployment. The caller closes. It
// needs none of the secrets.
func OpenRollouts(ctx context.Context, c config.Config, log *slog.Logger) (*temporal.Rollouts, func(), error) {
	options, err := reach(c.Temporal, log)
	if err != nil {
		return nil, nil, err
	}
	return temporal.OpenRollouts(ctx, options, c.Worker.Deployment)
}
