package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
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
		summary: "Can it work?",
		words: "Asks every part: the store (reachable, its schema up to date), the vault, the clock (within two seconds of the store's), the engine, " +
			"the worker, where this process runs one, and whether the process is stopping. parts names all that do not work. Without store or right clock nothing can be " +
			"answered: 503, as from a process that stops. Without the others decisions go on: 200 and degraded.",
		codes: []Code{CodeStoreUnavailable, CodeClockSkew, CodeStopping},
	}, func(ctx context.Context, _ *call, _ none) (int, readyView, error) {
		return s.readiness(ctx)
	})
}

type readyView struct {
	Status string   `json:"status" enum:"ok,degraded"`
	Parts  []string `json:"parts,omitempty" nullable:"false" doc:"The parts that do not work."`
}

// readiness says what does not work. It is an error if a balancer had better ask another process; were it one for what all
// processes share and decisions do not need, an engine that is away would take the gate with it.
func (s *Server) readiness(ctx context.Context) (int, readyView, error) {
	if s.cfg.Ready == nil {
		return http.StatusOK, readyView{Status: "ok"}, nil
	}
	failing, usable := s.cfg.Ready(ctx)
	parts := slices.Sorted(maps.Keys(failing))
	switch {
	case len(parts) == 0:
		return http.StatusOK, readyView{Status: "ok"}, nil
	case usable:
		return http.StatusOK, readyView{"degraded", parts}, nil
	}
	code, worst := CodeStoreUnavailable, "store"
	switch {
	case failing["store"] != nil:
	case failing["clock"] != nil:
		code, worst = CodeClockSkew, "clock"
	case failing["process"] != nil:
		code, worst = CodeStopping, "process"
	}
	p := problem(code).because(fmt.Errorf("%s: %w", worst, failing[worst]))
	p.Parts = parts
	return 0, readyView{}, p
}
