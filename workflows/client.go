package workflows

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Errors of Client besides *lifecycle.Refusal, which says that a command was judged and not taken.
var (
	ErrAccountUnknown      = errors.New("workflows: account is not registered")
	ErrInvalid             = errors.New("workflows: input breaks its contract")
	ErrProviderUnavailable = errors.New("workflows: the face provider does not answer; nothing was changed")
	ErrProviderRefused     = errors.New("workflows: the face provider refuses the information")
	ErrRunClosed           = errors.New("workflows: the account's run has ended")
	ErrBrokenLog           = errors.New("workflows: the account's log cannot be folded")
)

// Client starts and drives verifications over a Temporal client, for account services that have one. Each
// command is an update with start: it finds the account's run or begins one.
//
// changeID names a command. The same id again is the same command and is answered, not repeated; so a caller
// that got no answer asks again under the same id.
type Client struct {
	temporal client.Client
	offset   time.Duration
}

// ClientOption configures a Client.
type ClientOption func(*Client)

// WithClockOffset makes business time run ahead of (or behind) the wall clock; for demonstrations only.
func WithClockOffset(offset time.Duration) ClientOption {
	return func(c *Client) { c.offset = offset }
}

// NewClient returns a typed client. c must use the payload codec that the workers use.
func NewClient(c client.Client, options ...ClientOption) *Client {
	out := &Client{temporal: c}
	for _, o := range options {
		o(out)
	}
	return out
}

// Login counts a login prompt and returns its number. The same LoginID is counted once.
func (c *Client) Login(ctx context.Context, accountID string, in contract.Login) (contract.LoginResult, error) {
	var out contract.LoginResult
	return out, c.update(ctx, accountID, contract.UpdateLogin, "login:"+in.LoginID, in, &out)
}

// Submit saves real-name information that lies in the vault.
func (c *Client) Submit(ctx context.Context, accountID, changeID string, in contract.Submit) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateSubmit, changeID, in)
}

// Correct replaces approved real-name information.
func (c *Client) Correct(ctx context.Context, accountID, changeID string, in contract.Correct) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateCorrect, changeID, in)
}

// Review takes a reviewer's decision on real-name information.
func (c *Client) Review(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateReview, changeID, in)
}

// StartFace starts an attempt, or shows another QR for the one that lives.
func (c *Client) StartFace(ctx context.Context, accountID, changeID string, in contract.StartFace) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateStartFace, changeID, in)
}

// Scan reports that a QR was opened on a phone. A scan that no longer applies changes nothing and is no error.
func (c *Client) Scan(ctx context.Context, accountID, changeID string, in contract.Scan) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateScan, changeID, in)
}

// Refresh asks the provider now and answers what is true.
func (c *Client) Refresh(ctx context.Context, accountID, changeID string, in contract.Refresh) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateRefresh, changeID, in)
}

// ChooseManual takes the route without a face.
func (c *Client) ChooseManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateChooseManual, changeID, in)
}

// CancelManual leaves it again.
func (c *Client) CancelManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateCancelManual, changeID, in)
}

// ManualDecision takes a reviewer's decision on the manual route.
func (c *Client) ManualDecision(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateManualDecision, changeID, in)
}

// WithdrawConsent takes the face consent back.
func (c *Client) WithdrawConsent(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateWithdrawConsent, changeID, in)
}

// Unlock ends a lock early.
func (c *Client) Unlock(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateUnlock, changeID, in)
}

// Revoke undoes a verification.
func (c *Client) Revoke(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return c.command(ctx, accountID, contract.UpdateRevoke, changeID, in)
}

// Status asks the account's last run for its view. It fails if the account never had one.
func (c *Client) Status(ctx context.Context, accountID string) (contract.Status, error) {
	var out contract.Status
	value, err := c.temporal.QueryWorkflow(ctx, contract.VerificationID(accountID), "", contract.QueryStatus)
	if err != nil {
		return out, err
	}
	return out, value.Get(&out)
}

// RunningStatus is Status of a run that goes on: it fails with ErrRunClosed if the last one has ended.
func (c *Client) RunningStatus(ctx context.Context, accountID string) (contract.Status, error) {
	var out contract.Status
	answer, err := c.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: contract.VerificationID(accountID), QueryType: contract.QueryStatus,
		QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	if err != nil {
		return out, err
	}
	if answer.QueryRejected != nil {
		return out, ErrRunClosed
	}
	return out, answer.QueryResult.Get(&out)
}

// command sends an update under an id of its own. Were it the change id, a command that failed because the
// provider was away would be answered with that first failure for as long as the run lives.
func (c *Client) command(ctx context.Context, accountID, update, changeID string, in any) (contract.Status, error) {
	var out contract.Status
	return out, c.update(ctx, accountID, update, contract.UpdateID(changeID, uuid.NewString()), in, &out)
}

func (c *Client) update(ctx context.Context, accountID, update, updateID string, in, out any) error {
	if err := contract.CheckAccountID(accountID); err != nil {
		return errors.Join(ErrInvalid, err)
	}
	start := c.temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID:                       contract.VerificationID(accountID),
		TaskQueue:                contract.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes:    temporal.NewSearchAttributes(TurnAttribute().ValueSet(string(lifecycle.TurnMerchant))),
		StaticSummary:            "Verification of account " + accountID,
	}, contract.VerificationWorkflow, contract.Start{AccountID: accountID, ClockOffset: c.offset})
	handle, err := c.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: updateID, UpdateName: update, Args: []any{in}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(ctx, out)
	}
	return fromTemporal(err)
}

// fromTemporal turns the application errors of the contract into the errors of this package; whatever else
// Temporal says passes unchanged.
func fromTemporal(err error) error {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return err
	}
	switch app.Type() {
	case contract.ErrTypeRefusal:
		var r lifecycle.Refusal
		if app.Details(&r) == nil {
			return &r
		}
		return err
	case contract.ErrTypeInvalid:
		var field string
		if app.HasDetails() && app.Details(&field) == nil {
			return errors.Join(ErrInvalid, errors.New(field+" is missing or not allowed"))
		}
		return ErrInvalid
	case contract.ErrTypeAccountUnknown:
		return ErrAccountUnknown
	case contract.ErrTypeProviderUnavailable:
		return ErrProviderUnavailable
	case contract.ErrTypeProviderRefused:
		return ErrProviderRefused
	case contract.ErrTypeBrokenLog:
		return ErrBrokenLog
	default:
		return err
	}
}
