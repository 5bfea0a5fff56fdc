package api

import (
	"context"
	"net/http"
)

type healthView struct {
	Status string `json:"status" enum:"ok"`
}

func (s *Server) healthRoutes() {
	handle(s, operation{
		id: "healthz", method: http.MethodGet, path: "/healthz", tag: tagServer,
		summary: "Is the process alive?", words: "Asks nothing else.",
	}, func(context.Context, *call, none) (int, healthView, error) {
		return http.StatusOK, healthView{"ok"}, nil
	})
	handle(s, operation{
		id: "readyz", method: http.MethodGet, path: "/readyz", tag: tagServer,
		summary: "Can it work?", words: "Asks the store and the engine.", codes: []Code{CodeStoreUnavailable, CodeEngineUnavailable},
	}, func(ctx context.Context, _ *call, _ none) (int, healthView, error) {
		if err := s.cfg.Store.Ping(ctx); err != nil {
			return 0, healthView{}, problem(CodeStoreUnavailable).because(err)
		}
		if s.cfg.Ready != nil {
			if err := s.cfg.Ready(ctx); err != nil {
				return 0, healthView{}, problem(CodeEngineUnavailable).because(err)
			}
		}
		return http.StatusOK, healthView{"ok"}, nil
	})
}
