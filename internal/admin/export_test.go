package admin

import (
	"io/fs"

	"github.com/verigate/verigate/internal/api"
)

// Rule is one row of the table of who may open what.
type Rule struct {
	Pattern string
	Needs   []api.Scope
}

// Rules is the whole table.
func (s *Server) Rules() []Rule {
	all := make([]Rule, len(s.rules))
	for i, r := range s.rules {
		all[i] = Rule{r.pattern, r.needs}
	}
	return all
}

// Assets are the embedded files.
func Assets() fs.FS { return assets }
