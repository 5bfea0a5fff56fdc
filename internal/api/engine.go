package api

import (
	"context"
	"errors"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// What an Engine fails with, besides *lifecycle.Refusal (the command was judged and not taken).
var (
	// ErrAccountUnknown: the account is not registered.
	ErrAccountUnknown = errors.New("api: account is not registered")
	// ErrEngineUnavailable: the command was not taken.
	ErrEngineUnavailable = errors.New("api: engine does not answer, command not taken")
	// ErrOutcomeUnknown: the command may have been taken. Asking again under the same change id tells.
	ErrOutcomeUnknown = errors.New("api: engine does not answer, command may have been taken")
	// ErrRunClosed: the account's last run has ended, so nothing remembers the verification but the record.
	ErrRunClosed = errors.New("api: run has ended")
	// ErrProviderUnavailable: the face provider did not take the order; nothing was changed.
	ErrProviderUnavailable = errors.New("api: face provider does not answer")
	// ErrProviderRefused: the face provider refuses the information, and would again.
	ErrProviderRefused = errors.New("api: face provider refuses")
)

// Engine takes commands. changeID names a command: the same one again is answered like the first time. An answer
// means that the change is durable.
type Engine interface {
	Login(ctx context.Context, accountID string, in contract.Login) (contract.LoginResult, error)
	Submit(ctx context.Context, accountID, changeID string, in contract.Submit) (contract.Status, error)
	Correct(ctx context.Context, accountID, changeID string, in contract.Correct) (contract.Status, error)
	Review(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error)
	StartFace(ctx context.Context, accountID, changeID string, in contract.StartFace) (contract.Status, error)
	Scan(ctx context.Context, accountID, changeID string, in contract.Scan) (contract.Status, error)
	Refresh(ctx context.Context, accountID, changeID string, in contract.Refresh) (contract.Status, error)
	ChooseManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
	CancelManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
	ManualDecision(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error)
	WithdrawConsent(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
	Unlock(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
	Revoke(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
	// Status asks the account's running workflow for what it remembers, and changes nothing. It fails with ErrRunUnknown
	// if there is no run, ErrRunClosed, or ErrEngineUnavailable.
	Status(ctx context.Context, accountID string) (contract.Status, error)
}

// Launcher gives the provider's address at which the phone goes on with an attempt, freshly signed.
type Launcher interface {
	Launch(ctx context.Context, accountID string, attempt lifecycle.Attempt) (url string, err error)
}
