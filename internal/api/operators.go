package api

import (
	"context"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

const (
	maxPage      = 500
	standardPage = 100
)

type unlockIn struct {
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"A code, or free text."`
}

type revokeIn struct {
	Reason string `json:"reason" maxLength:"2000" doc:"A code, or free text."`
	Note   string `json:"note,omitempty" maxLength:"2000" doc:"Kept in the vault."`
}

type historyView struct {
	Entries []entryView `json:"entries" nullable:"false" doc:"In the order that was asked for."`
	Cursor  *string     `json:"cursor" doc:"Where the list goes on; null at its end."`
}

// entryView is one entry of an account's log. References into the vault, digests and the provider's own numbers stay
// inside.
type entryView struct {
	Seq        int64          `json:"seq"`
	Event      string         `json:"event"`
	From       string         `json:"from"`
	To         string         `json:"to"`
	At         time.Time      `json:"at"`
	RecordedAt time.Time      `json:"recorded_at"`
	Actor      actorView      `json:"actor"`
	Reason     *string        `json:"reason"`
	Ignored    bool           `json:"ignored" doc:"News that no longer applied when it arrived."`
	Detail     map[string]any `json:"detail" doc:"What the event adds; its members depend on the event."`
}

type actorView struct {
	Kind string  `json:"kind" enum:"merchant,reviewer,operator,provider,system,import"`
	ID   *string `json:"id" doc:"Of the API key or operator."`
}

func (s *Server) operatorRoutes() {
	page := pageParameters()
	commands := []Code{CodeStepNotAllowed, CodeEngineUnavailable}
	handle(s, operation{
		id: "history", method: http.MethodGet, path: "/v1/accounts/{account_id}/history", tag: tagOperations,
		summary: "Read an account's log", words: "Who did what, when. It holds no personal data.", scopes: []Scope{VerificationsRead, AuditRead},
		query: append([]parameter{
			{name: "order", words: "oldest first, the default, or newest first.", values: []string{orderOldest, orderNewest}},
			{name: "only", words: "moves: only what led from one state to another, and every QR code.", values: []string{onlyMoves}},
		}, page...),
	}, s.history)
	handle(s, operation{
		id: "unlock", method: http.MethodPost, path: "/v1/accounts/{account_id}/unlock", tag: tagOperations,
		summary: "Unlock", words: "Ends a lock early and gives a fresh allowance of attempts.", scopes: []Scope{ReviewsWrite}, codes: commands,
	}, func(ctx context.Context, c *call, in unlockIn) (int, statusView, error) {
		return s.explained(ctx, c, lifecycle.ActorOperator, in.Reason, "", s.cfg.Engine.Unlock)
	})
	handle(s, operation{
		id: "revoke", method: http.MethodPost, path: "/v1/accounts/{account_id}/revoke", tag: tagOperations,
		summary: "Revoke a verification", words: "Undoes the verification, with a reason. The rules apply again at once.", scopes: []Scope{ReviewsWrite}, codes: commands,
	}, s.revoke)
}

func pageParameters() []parameter {
	return []parameter{
		{name: "cursor", words: "Where the page before ended, from its answer."},
		{name: "limit", words: "Size of the page, 1 to 500; default 100.", whole: true},
	}
}

func names[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

func (s *Server) revoke(ctx context.Context, c *call, in revokeIn) (int, statusView, error) {
	if in.Reason == "" {
		var f faults
		f.required("reason")
		return 0, statusView{}, f.err()
	}
	return s.explained(ctx, c, lifecycle.ActorOperator, in.Reason, in.Note, s.cfg.Engine.Revoke)
}

func viewEntry(e store.Entry, zone *time.Location) entryView {
	return entryView{
		Seq: e.Seq, Event: string(e.Event), From: string(e.From), To: string(e.To), At: e.At.In(zone), RecordedAt: e.RecordedAt.In(zone),
		Actor: actorView{string(e.Actor.Kind), orNil(e.Actor.ID)}, Reason: orNil(e.Reason), Ignored: e.Ignored, Detail: viewDetail(e.Detail, zone),
	}
}

// viewDetail picks what may be seen; what a later version adds to the log stays inside until it is named here.
func viewDetail(d lifecycle.Detail, zone *time.Location) map[string]any {
	view := map[string]any{}
	if len(d.Findings) > 0 {
		view["findings"] = d.Findings
	}
	if d.NoteRef != "" {
		view["has_note"] = true
	}
	if d.Correction != "" {
		view["correction"] = d.Correction
	}
	if c := d.Consent; c != nil {
		view["consent"] = map[string]any{"text_version": c.TextVersion, "language": c.Language, "agreed_at": c.AgreedAt.In(zone)}
	}
	if len(d.Also) > 0 {
		kinds := make([]string, len(d.Also))
		for i, c := range d.Also {
			kinds[i] = c.TextVersion
		}
		view["also_agreed"] = kinds
	}
	if a := d.Attempt; a != nil {
		view["attempt"] = map[string]any{"id": a.ID, "number": a.Number, "provider": a.Provider, "ends_at": a.EndsAt.In(zone)}
	}
	if l := d.Lease; l != nil {
		view["lease"] = map[string]any{"id": l.ID, "expires_at": l.ExpiresAt.In(zone)}
	}
	if d.LeaseID != "" {
		view["lease_id"] = d.LeaseID
	}
	if d.AttemptID != "" {
		view["attempt_id"] = d.AttemptID
	}
	if e := d.Evidence; e != nil {
		view["evidence"] = map[string]any{"provider": e.Provider, "code": e.Code, "digest": e.Digest, "at": e.At.In(zone)}
	}
	if !d.UnlockAt.IsZero() {
		view["unlock_at"] = d.UnlockAt.In(zone)
	}
	if p := d.Provenance; p != nil {
		view["provenance"] = map[string]any{"at": p.At.In(zone), "method": p.Method, "evidence": p.Evidence, "by": orNil(p.By)}
	}
	if r := d.Reminder; r != nil {
		view["reminder"] = map[string]any{
			"number": r.Number, "milestone": r.Milestone, "level": r.Level, "deadline": r.Deadline.In(zone), "policy": r.Policy,
			"policy_version": r.PolicyVersion, "rule": r.Rule,
		}
	}
	if p := d.Prompt; p != nil {
		view["prompt"] = map[string]any{"number": p.Number, "level": p.Level, "policy": p.Policy, "policy_version": p.PolicyVersion, "rule": p.Rule}
	}
	if r := d.Restricted; r != nil {
		view["restricted"] = map[string]any{
			"policy": r.Policy, "policy_version": r.PolicyVersion, "rule": r.Rule, "since": instantIn(r.Since, zone), "actions": r.Actions,
			"opened": orNil(r.Opened), "sweep": orNil(r.Sweep),
		}
	}
	return view
}
