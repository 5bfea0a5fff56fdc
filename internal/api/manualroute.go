package api

import (
	"context"
	"net/http"

	"github.com/verigate/verigate/workflows/lifecycle"
)

type manualRouteIn struct {
	Reason string `json:"reason" maxLength:"2000" doc:"A code, or free text."`
	Note   string `json:"note,omitempty" maxLength:"2000" doc:"Kept in the vault."`
}

// manualRoutes is the route without a face as the operator takes it for a merchant, who may also choose it alone.
func (s *Server) manualRoutes() {
	post := func(id, summary, words string) operation {
		return operation{
			id: id, method: http.MethodPost, path: "/v1/accounts/{account_id}/" + id, tag: tagOperations, summary: summary, words: words,
			scopes: []Scope{ReviewsWrite}, codes: []Code{CodeStepNotAllowed, CodeAccountClosed, CodeEngineUnavailable},
		}
	}
	handle(s, post("send-to-manual", "Send to the route without a face",
		"As the merchant's choose-manual, by the operator and with a reason: a reviewer decides on evidence. The QR code that is shown ends."),
		func(ctx context.Context, c *call, in manualRouteIn) (int, statusView, error) {
			return s.manualRoute(ctx, c, in, s.cfg.Engine.ChooseManual)
		})
	handle(s, post("take-from-manual", "Take back from the route without a face",
		"As the merchant's cancel-manual, by the operator and with a reason: back to where face verification can be started."),
		func(ctx context.Context, c *call, in manualRouteIn) (int, statusView, error) {
			return s.manualRoute(ctx, c, in, s.cfg.Engine.CancelManual)
		})
}

func (s *Server) manualRoute(ctx context.Context, c *call, in manualRouteIn, run plainCommand) (int, statusView, error) {
	if in.Reason == "" {
		var f faults
		f.required("reason")
		return 0, statusView{}, f.err()
	}
	if err := s.openAccount(ctx, c); err != nil {
		return 0, statusView{}, err
	}
	return s.explained(ctx, c, lifecycle.ActorOperator, in.Reason, in.Note, run)
}
