package admin

import (
	"slices"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/routes"
)

// opened are the routes for which nobody needs to be signed in. Every other one has a rule, which a test asks.
func opened() []string {
	return []string{
		"GET " + signInPath, "POST " + signInPath, "GET " + signInPath + "/provider", "GET " + signInPath + "/return", "POST /admin/sign-out",
		"GET /admin/assets/{file}", "POST /admin/lang", "GET /admin",
	}
}

// Routes is the table of the pages' addresses, empty where there are no pages.
func (s *Server) Routes() []routes.Route {
	if s == nil {
		return nil
	}
	return s.mux.Routes(func(r *routes.Route) {
		pattern := r.Method + " " + r.Path
		if slices.Contains(opened(), pattern) {
			r.Who = routes.Everybody
			return
		}
		r.Who = routes.Person
		i := slices.IndexFunc(s.rules, func(rule rule) bool { return rule.pattern == pattern })
		if i < 0 {
			return
		}
		for _, scope := range s.rules[i].needs {
			r.Scopes = append(r.Scopes, string(scope))
		}
		for _, role := range api.Roles() {
			if role.Allows(s.rules[i].needs...) {
				r.Roles = append(r.Roles, string(role))
			}
		}
	})
}
