package web

import "github.com/verigate/verigate/internal/routes"

// opened are the routes that need no session. A route that is not among them has to be within one, which a test asks.
func opened() map[string]routes.Who {
	return map[string]routes.Who{
		"GET /m/l/{token}": routes.Holder, "POST /m/l/{token}": routes.Holder, "POST /m/lang": routes.Everybody, "GET /m/assets/{file}": routes.Everybody,
		"GET /embed/{file}": routes.Everybody, "GET /m/bye": routes.Everybody, "GET /m": routes.Everybody,
	}
}

// Routes is the table of the pages' addresses.
func (s *Server) Routes() []routes.Route {
	return s.mux.Routes(func(r *routes.Route) {
		r.Who = routes.Merchant
		if who, ok := opened()[r.Method+" "+r.Path]; ok {
			r.Who = who
		}
	})
}
