package api

import "strconv"

// numberIn reads the parameter cursor of a list by number: where the page before ended, 0 at the beginning of the list.
func (s *Server) numberIn(c *call, scope string) (int64, error) {
	given := c.query("cursor")
	if given == "" {
		return 0, nil
	}
	text, err := s.cfg.Tokens.openCursor(scope, given)
	if err != nil {
		return 0, badCursor()
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, badCursor()
	}
	return number, nil
}

// numbered is the cursor that numberIn reads.
func (s *Server) numbered(scope string, number int64) *string {
	return orNil(s.cfg.Tokens.cursor(scope, strconv.FormatInt(number, 10)))
}

func badCursor() error {
	var f faults
	f.add("cursor", "form", "must be the cursor of the page before, with the same filters", "应为上一页返回的 cursor，且筛选条件相同")
	return f.err()
}
