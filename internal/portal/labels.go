package portal

import (
	"fmt"
	"net/http"
	"slices"
)

// actionCreateLabel is the action that the portal asks the gate about.
const actionCreateLabel = "create_label"

// createLabel asks the gate each time, and never remembers an answer: rules begin at an instant, and merchants
// become verified at another.
func (p *Portal) createLabel(w http.ResponseWriter, r *http.Request) {
	account, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	decision, err := p.cfg.Client.Decide(r.Context(), account, actionCreateLabel)
	var said answer
	switch {
	case Unavailable(err):
		// A choice that each portal has to make. This one stays open during an outage and marks the label.
		p.cfg.Logger.WarnContext(r.Context(), "label created without an answer of the gate", "error", err)
		said = answer{Kind: "unchecked"}
	case err != nil:
		p.fail(w, r, err)
		return
	case decision.Effect == "block":
		said = answer{Kind: "blocked", Decision: &decision}
	default:
		said = answer{Kind: "created"}
	}
	p.sessions.change(sessionID(r), func(s *session) {
		s.answer = &said
		if said.Kind == "blocked" {
			return
		}
		made := label{Number: p.nextNumber(), CreatedAt: p.cfg.Now(), Unchecked: said.Kind == "unchecked"}
		s.labels = slices.Insert(s.labels, 0, made)
		s.labels = s.labels[:min(len(s.labels), maxLabels)]
	})
	http.Redirect(w, r, "/dashboard", http.StatusSeeOther) // so that a reload creates no second label
}

func (p *Portal) nextNumber() string { return fmt.Sprintf("SF%09d", p.made.Add(1)) }
