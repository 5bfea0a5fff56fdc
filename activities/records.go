package activities

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// RecordLog is the log that the workflow appends to. NotFound distinguishes an account that is not registered
// from a database that does not answer.
type RecordLog interface {
	Append(ctx context.Context, a lifecycle.Append) (lifecycle.AppendResult, error)
	Head(ctx context.Context, accountID string) (lifecycle.Verification, error)
}

// Rules answers what the policies in force grant at an instant.
type Rules interface {
	// Correction returns the right to correct approved information.
	Correction(ctx context.Context, accountID string, at time.Time) (policy.Correction, error)
	// Review returns how automatic checks are to be judged.
	Review(ctx context.Context, accountID string, at time.Time) (policy.Review, error)
}

// Settings are figures of the deployment that a run needs. They are loaded with the head, so they stand in the
// history and a replay sees what the run saw.
type Settings struct {
	Limits        lifecycle.Limits `json:"limits"`
	ContinueAfter int              `json:"continue_after"` // updates after which a run is continued as new
	Provider      string           `json:"provider"`
}

// Records are the activities on the log; all of them are local activities, batched into the workflow task that
// answers the update.
type Records struct {
	Log      RecordLog
	Rules    Rules
	Settings Settings
	IsGone   func(error) bool // reports that the account is not registered
	Logger   *slog.Logger
}

// Loaded is what a run begins with.
type Loaded struct {
	Verification lifecycle.Verification `json:"verification"`
	Settings     Settings               `json:"settings"`
}

// LoadHead returns the fold of the account's whole log.
func (r *Records) LoadHead(ctx context.Context, accountID string) (Loaded, error) {
	head, err := r.Log.Head(ctx, accountID)
	if err != nil {
		return Loaded{}, r.classify(ctx, "load", err)
	}
	return Loaded{Verification: head, Settings: r.Settings}, nil
}

// AppendLog writes changes by the append protocol: a re-run with the same change id is harmless. What was
// written is answered once, in Written or in Log: every byte of it stands in the history of the run.
func (r *Records) AppendLog(ctx context.Context, a lifecycle.Append) (lifecycle.AppendResult, error) {
	result, err := r.Log.Append(ctx, a)
	if err != nil {
		return lifecycle.AppendResult{}, r.classify(ctx, "append", err)
	}
	if result.Outcome == lifecycle.Appended {
		result.Written = nil
	}
	return result, nil
}

// CorrectionInput asks for the right to correct at an instant, after Used corrections.
type CorrectionInput struct {
	AccountID string    `json:"account_id"`
	At        time.Time `json:"at"`
	Used      int       `json:"used"`
}

// CorrectionRight reports whether the policy grants a correction now.
func (r *Records) CorrectionRight(ctx context.Context, in CorrectionInput) (bool, error) {
	right, err := r.Rules.Correction(ctx, in.AccountID, in.At)
	if err != nil {
		return false, r.classify(ctx, "correction", err)
	}
	return right.Allows(in.At, in.Used), nil
}

// classify logs the cause and returns an error that may stand in a history.
func (r *Records) classify(ctx context.Context, op string, err error) error {
	var refusal *lifecycle.Refusal
	switch {
	case errors.As(err, &refusal): // what only the store can judge: the account is closed
		return giveUp(contract.ErrTypeRefusal, string(refusal.Code), *refusal)
	case r.IsGone(err):
		return accountUnknown()
	case errors.Is(err, lifecycle.ErrBrokenLog):
		r.Logger.ErrorContext(ctx, "log cannot be folded", "op", op, "error", err)
		return giveUp(contract.ErrTypeBrokenLog, "the account's log cannot be folded")
	default:
		r.Logger.WarnContext(ctx, "store does not answer", "op", op, "error", err)
		return tryAgain("store_unavailable", "the store does not answer")
	}
}
