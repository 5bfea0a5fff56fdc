package api

import (
	"context"
	"net/http"

	"github.com/verigate/verigate/internal/figures"
)

func (s *Server) figureRoutes() {
	keeper := figures.New(figures.Config{
		Store: s.cfg.Store, Now: s.cfg.Now, Logger: s.cfg.Logger, Tasks: s.tasks, Wait: s.cfg.FiguresWait,
		Provider: s.cfg.ProviderHealth, NextSweep: s.cfg.NextSweep,
	})
	handle(s, operation{
		id: "figures", method: http.MethodGet, path: "/v1/figures", tag: tagOperations, summary: "See how the campaign stands",
		words: "Who is verified, who will be blocked at the next instant of enforcement and by the pace of the last days, what waits and what failed. " +
			"The answer is kept for all askers and says of which instant it is: a pass over every account is at most thirty seconds old, or ten times as old as " +
			"it takes, and the rest ten seconds. The first one who asks waits for the pass, which takes seconds for a million accounts.",
		scopes: []Scope{VerificationsRead},
	}, func(ctx context.Context, _ *call, _ none) (int, *figures.Figures, error) {
		v, err := keeper.Figures(ctx)
		return http.StatusOK, v, err
	})
	schemas := s.openapi.Components.Schemas.Map()
	for name, members := range map[string][]string{"Figures": {"provider"}, "Population": {"enforcement"}, "BurnDown": {"pace"}, "SweepFigures": {"last"}} {
		orNull(schemas[name], members...)
	}
}
