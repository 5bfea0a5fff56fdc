package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

const (
	orderOldest = "oldest"
	orderNewest = "newest"
	onlyMoves   = "moves"
)

func (s *Server) history(ctx context.Context, c *call, _ none) (int, historyView, error) {
	view := historyView{Entries: []entryView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	filter := store.EntryFilter{Newest: c.query("order") == orderNewest, Limit: limit + 1}
	if c.query("only") == onlyMoves {
		filter.Events = movingEvents()
	}
	scope := strings.Join([]string{"history", c.account, c.query("order"), c.query("only")}, "/")
	if given := c.query("cursor"); given != "" {
		text, err := s.cfg.Tokens.openCursor(scope, given)
		if err == nil {
			filter.Beyond, err = strconv.ParseInt(text, 10, 64)
		}
		if err != nil {
			return 0, view, badCursor()
		}
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	entries, err := s.cfg.Store.Entries(ctx, c.account, filter)
	if err != nil {
		return 0, view, err
	}
	if len(entries) > limit {
		entries = entries[:limit]
		view.Cursor = orNil(s.cfg.Tokens.cursor(scope, strconv.FormatInt(entries[limit-1].Seq, 10)))
	}
	for _, e := range entries {
		if filter.Events == nil || moved(e.Change) {
			view.Entries = append(view.Entries, viewEntry(e, zone))
		}
	}
	return http.StatusOK, view, nil
}

// movingEvents are the events that can lead from one state to another.
func movingEvents() []lifecycle.Event {
	var all []lifecycle.Event
	for _, e := range lifecycle.Events() {
		for _, t := range lifecycle.Transitions() {
			if t.Event == e && (len(t.From) > 1 || t.From[0] != t.To) {
				all = append(all, e)
				break
			}
		}
	}
	return all
}

// moved reports whether an entry is a step of the way; another QR code is one, though the state stays.
func moved(c lifecycle.Change) bool {
	return !c.Ignored && (c.From != c.To || c.Event == lifecycle.IssueQR)
}
