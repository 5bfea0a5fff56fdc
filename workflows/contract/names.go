package contract

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Task queues. Each has workers of its own, so that what fills one does not hold up another; see docs/temporal.md.
const (
	// TaskQueue has verifications, and short activities on our own database.
	TaskQueue = "verigate"
	// ProviderQueue has calls to the face provider, which share its quota.
	ProviderQueue = "verigate-provider"
	// WaitingQueue has waits for face results. Each holds a place of its worker for minutes.
	WaitingQueue = "verigate-waiting"
	// EnforcementQueue has sweeps and reminders.
	EnforcementQueue = "verigate-enforcement"
)

// TaskQueues lists them.
func TaskQueues() []string { return []string{TaskQueue, ProviderQueue, WaitingQueue, EnforcementQueue} }

// Workflow types.
const (
	VerificationWorkflow = "Verification"
)

// Updates of the Verification workflow. Each takes the input of the same name and answers a Status, but for
// UpdateLogin, which answers a LoginResult.
const (
	UpdateLogin           = "login"
	UpdateSubmit          = "submit"
	UpdateCorrect         = "correct"
	UpdateReview          = "review"
	UpdateStartFace       = "start_face"
	UpdateScan            = "scan"
	UpdateRefresh         = "refresh"
	UpdateChooseManual    = "choose_manual"
	UpdateCancelManual    = "cancel_manual"
	UpdateManualDecision  = "manual_decision"
	UpdateWithdrawConsent = "withdraw_consent"
	UpdateUnlock          = "unlock"
	UpdateRevoke          = "revoke"
)

// QueryStatus answers a Status from the memory of the run.
const QueryStatus = "status"

// AttributeTurn is the one search attribute (keyword): whose turn it is.
const AttributeTurn = "VerificationTurn"

const verificationPrefix = "verification/"

var accountIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ErrAccountID means that an account id is not 1 to 64 characters of A-Z a-z 0-9 . _ -
var ErrAccountID = errors.New("account id must be 1 to 64 characters of A-Z a-z 0-9 . _ -")

// CheckAccountID returns ErrAccountID, without echoing the id, unless it has the form of an account id.
func CheckAccountID(id string) error {
	if !accountIDPattern.MatchString(id) {
		return ErrAccountID
	}
	return nil
}

// VerificationID returns the workflow id of an account's verification. AccountID reverses it.
func VerificationID(accountID string) string { return verificationPrefix + accountID }

// AccountID returns the account of a verification's workflow id.
func AccountID(workflowID string) (string, error) {
	id, ok := strings.CutPrefix(workflowID, verificationPrefix)
	if !ok {
		return "", fmt.Errorf("workflow id does not begin with %q", verificationPrefix)
	}
	return id, CheckAccountID(id)
}

// UpdateID is the id of one sending of a command: its change id, and what tells this sending from others.
// ChangeID reverses it.
func UpdateID(changeID, sending string) string { return changeID + "#" + sending }

// ChangeID returns the change id of an update id.
func ChangeID(updateID string) string {
	changeID, _, _ := strings.Cut(updateID, "#")
	return changeID
}
