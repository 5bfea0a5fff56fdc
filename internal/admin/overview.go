package admin

import "github.com/verigate/verigate/internal/api"

func (s *Server) overviewRoutes() {
	s.page("GET /admin/{$}", s.overview, api.VerificationsRead)
}

type overviewPage struct{ *frame }

func (s *Server) overview(v *visit) error {
	return v.render("overview", &overviewPage{v.frame("overview")})
}
