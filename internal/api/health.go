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
			"and the worker, where this process runs one. parts names all that do not work; the code is that of the worst.",
		codes: []Code{CodeStoreUnavailable, CodeClockSkew, CodeEngineUnavailable},
	}, func(ctx context.Context, _ *call, _ none) (int, healthView, error) {
		if p := s.unready(ctx); p != nil {
			return 0, healthView{}, p
		}
		return http.StatusOK, healthView{"ok"}, nil
	})
}

// unready returns what does not work, nil if everything does.
func (s *Server) unready(ctx context.Context) *Problem {
	failing := map[string]error{}
	if s.cfg.Ready != nil {
		maps.Copy(failing, s.cfg.Ready(ctx))
	}
	if _, told := failing["store"]; !told {
		if err := s.cfg.Store.Ping(ctx); err != nil {
			failing["store"] = err
		}
	}
	if len(failing) == 0 {
		return nil
	}
	parts := slices.Sorted(maps.Keys(failing))
	code, first := CodeEngineUnavailable, parts[0]
	for _, row := range []struct {
		part string
		code Code
	}{{"store", CodeStoreUnavailable}, {"vault", CodeStoreUnavailable}, {"clock", CodeClockSkew}} {
		if failing[row.part] != nil {
			code, first = row.code, row.part
			break
		}
	}
	p := problem(code).because(fmt.Errorf("%s: %w", first, failing[first]))
	p.Parts = parts
	return p
}
