package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/routes"
)

// Routes is the table of the API's addresses.
func (s *Server) Routes() []routes.Route {
	return s.mux.Routes(func(r *routes.Route) {
		op := s.documented(r.Method, r.Path)
		switch {
		case op != nil && op.Tags[0] == tagLinks:
			r.Who = routes.Holder
		case op == nil || len(op.Security) == 0:
			r.Who = routes.Everybody
		default:
			r.Who = routes.Key
			r.Scopes, _ = op.Extensions["x-scopes"].([]string)
			r.Reach, _ = op.Extensions["x-reach"].(string)
			r.Audited, _ = op.Extensions["x-audited"].(bool)
			for _, role := range Roles() {
				if allows(texts(role.Scopes()), scopesOf(r.Scopes)...) {
					r.Roles = append(r.Roles, string(role))
				}
			}
		}
	})
}

func scopesOf(texts []string) []Scope {
	all := make([]Scope, len(texts))
	for i, t := range texts {
		all[i] = Scope(t)
	}
	return all
}

// documented is the operation of an address, nil if there is none.
func (s *Server) documented(method, path string) *huma.Operation {
	item := s.openapi.Paths[path]
	if item == nil {
		return nil
	}
	for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
		if op != nil && op.Method == method {
			return op
		}
	}
	return nil
}
