package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// What a run answered when it was asked for the status that it remembers.
const (
	runAnswered = "answered"
	runClosed   = "closed"
	runNone     = "none"
	runAway     = "away"
)

type liveView struct {
	AccountID   string           `json:"account_id"`
	Run         string           `json:"run" enum:"answered,closed,none,away" doc:"closed: the last run has ended; none: there is none. Either is in order: the next command begins one from the record. away: the engine did not answer in time."`
	Live        *statusView      `json:"live" doc:"What the running workflow remembers; null unless it answered."`
	Recorded    statusView       `json:"recorded" doc:"What is recorded, read after the answer."`
	Behind      int64            `json:"behind" doc:"By how many entries of the log the run is behind. It reads them before it takes its next command: sweeps, reminders and imports write without it. Negative: it knows of entries that the record does not have."`
	Differences []differenceLine `json:"differences" nullable:"false" doc:"Every field in which the two differ; empty if they agree, or if there is nothing to compare."`
}

// differenceLine is one field of both views.
type differenceLine struct {
	Field    string  `json:"field" enum:"state,turn,seq,since,method,verified_at,attempts.used,attempts.left,attempts.next_at,reason,allowed,lease,revision,generation,identity,consent_version,prompts"`
	Live     *string `json:"live"`
	Recorded *string `json:"recorded"`
}

// TransformSchema tells huma that live may be null.
func (liveView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	orNull(s, "live")
	return s
}

func (s *Server) liveRoute() {
	handle(s, operation{
		id: "live-verification", method: http.MethodGet, path: "/v1/accounts/{account_id}/verification/live", tag: tagOperations,
		summary: "Ask the running workflow",
		words: "The answer of the account's running workflow to the query status, from its memory, beside what is recorded, and in which fields they differ. " +
			"Nothing is changed. The record is the truth; a run that differs in more than seq for longer than a moment is a fault to look into.",
		scopes: []Scope{VerificationsRead, AuditRead},
	}, s.live)
}

func (s *Server) live(ctx context.Context, c *call, _ none) (int, liveView, error) {
	view := liveView{AccountID: c.account, Differences: []differenceLine{}}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	status, asked := s.askRun(ctx, c.account)
	head, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	now := s.cfg.Now()
	recorded := contract.StatusOf(head, s.cfg.Limits, now)
	view.Recorded = s.viewStatus(recorded, zone, now)
	switch {
	case asked == nil:
		live := s.viewStatus(status, zone, now)
		view.Run, view.Live = runAnswered, &live
		view.Behind, view.Differences = recorded.Seq-status.Seq, differences(status, recorded, zone)
	case errors.Is(asked, ErrRunUnknown):
		view.Run = runNone
	case errors.Is(asked, ErrRunClosed):
		view.Run = runClosed
	default:
		view.Run = runAway
		s.cfg.Logger.WarnContext(ctx, "a run was asked and did not answer", "code", problemOf(asked).Code, "error", asked)
	}
	return http.StatusOK, view, nil
}

// askRun asks within LiveWait: somebody looks at a page meanwhile.
func (s *Server) askRun(ctx context.Context, accountID string) (contract.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LiveWait)
	defer cancel()
	return s.cfg.Engine.Status(ctx, accountID)
}

// differences names every field in which two views of a verification differ. References into the vault are compared
// and not shown.
func differences(live, recorded contract.Status, zone *time.Location) []differenceLine {
	found := []differenceLine{}
	for _, f := range []struct{ field, live, recorded string }{
		{"state", string(live.State), string(recorded.State)},
		{"turn", string(live.Turn), string(recorded.Turn)},
		{"seq", strconv.FormatInt(live.Seq, 10), strconv.FormatInt(recorded.Seq, 10)},
		{"since", inZone(live.Since, zone), inZone(recorded.Since, zone)},
		{"method", string(live.Method), string(recorded.Method)},
		{"verified_at", inZone(live.VerifiedAt, zone), inZone(recorded.VerifiedAt, zone)},
		{"attempts.used", strconv.Itoa(live.Attempts.Used), strconv.Itoa(recorded.Attempts.Used)},
		{"attempts.left", strconv.Itoa(live.Attempts.Left), strconv.Itoa(recorded.Attempts.Left)},
		{"attempts.next_at", inZone(live.Attempts.NextAt, zone), inZone(recorded.Attempts.NextAt, zone)},
		{"reason", live.Reason, recorded.Reason},
		{"allowed", stepsText(live.Allowed), stepsText(recorded.Allowed)},
		{"lease", leaseText(live.Lease, zone), leaseText(recorded.Lease, zone)},
		{"revision", strconv.Itoa(live.Revision), strconv.Itoa(recorded.Revision)},
		{"generation", strconv.Itoa(live.Generation), strconv.Itoa(recorded.Generation)},
		{"consent_version", live.Consent, recorded.Consent},
		{"prompts", strconv.Itoa(live.Prompts), strconv.Itoa(recorded.Prompts)},
	} {
		if f.live != f.recorded {
			found = append(found, differenceLine{f.field, orNil(f.live), orNil(f.recorded)})
		}
	}
	if live.Identity != recorded.Identity {
		found = append(found, differenceLine{Field: "identity"})
	}
	return found
}

func stepsText(allowed []lifecycle.Step) string {
	return strings.Join(slices.Sorted(slices.Values(names(allowed))), ", ")
}

func leaseText(l *lifecycle.Lease, zone *time.Location) string {
	if l == nil {
		return ""
	}
	return strings.TrimSpace(l.ID + " " + inZone(l.ExpiresAt, zone) + " " + inZone(l.ScannedAt, zone))
}

// inZone writes an instant, "" for none.
func inZone(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.RFC3339Nano)
}
