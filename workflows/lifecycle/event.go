package lifecycle

// Event is something that happens to a verification. The strings are stored in the log.
type Event string

const (
	Submit          Event = "submit"           // the merchant saves real-name information: a new revision
	Correct         Event = "correct"          // the merchant replaces approved information, by right of the policy or of support
	BeginReview     Event = "begin_review"     // the automatic checks have begun
	Approve         Event = "approve"          // checks or a reviewer accept the information
	Reject          Event = "reject"           // checks or a reviewer refuse it, with a reason code
	IssueQR         Event = "issue_qr"         // a QR lease is shown, for a new attempt or for the one that lives
	Scan            Event = "scan"             // the QR was opened on a phone
	Pass            Event = "pass"             // the provider's signed answer: the person is who they say
	Fail            Event = "fail"             // evidence that the attempt ended without success
	Expire          Event = "expire"           // the lease ended; the provider's attempt lives on
	Lock            Event = "lock"             // the attempts of the period are used up
	Unlock          Event = "unlock"           // the period ended, or an operator unlocks
	ChooseManual    Event = "choose_manual"    // the merchant takes the route without a face
	CancelManual    Event = "cancel_manual"    // the merchant leaves it again
	RejectManual    Event = "reject_manual"    // a reviewer refuses the evidence of the manual route
	ApproveManual   Event = "approve_manual"   // a reviewer accepts it
	WithdrawConsent Event = "withdraw_consent" // the merchant takes the face consent back: a new generation
	Revoke          Event = "revoke"           // an operator undoes the verification: a new generation
	ImportApproved  Event = "import_approved"  // an older process had approved the real name, with provenance
	ImportVerified  Event = "import_verified"  // an older process had verified the person, with provenance
	Prompt          Event = "prompt"           // a login prompt was shown and counted
	Remind          Event = "remind"           // a reminder of the dated rules went out
	Restrict        Event = "restrict"         // a sweep found that a dated rule blocks the account, and announces it
	Lift            Event = "lift"             // a sweep found that the rule no longer does
)

// Events lists every event, in the order of the documentation.
func Events() []Event {
	return []Event{
		Submit, Correct, BeginReview, Approve, Reject, IssueQR, Scan, Pass, Fail, Expire, Lock, Unlock, ChooseManual,
		CancelManual, RejectManual, ApproveManual, WithdrawConsent, Revoke, ImportApproved, ImportVerified, Prompt, Remind,
		Restrict, Lift,
	}
}

// Kind says how an event that does not fit the state is treated: commands and system steps are refused,
// news and timers are ignored, because the world may tell us old things late and must not get an error for it.
type Kind string

const (
	KindCommand Kind = "command"
	KindNews    Kind = "news"
	KindTimer   Kind = "timer"
	KindSystem  Kind = "system"
)

// Kind returns the kind of e.
func (e Event) Kind() Kind {
	switch e {
	case Scan, Pass, Fail:
		return KindNews
	case Expire:
		return KindTimer
	case BeginReview, Lock, Prompt, Remind, Restrict, Lift:
		return KindSystem
	case Submit, Correct, Approve, Reject, IssueQR, Unlock, ChooseManual, CancelManual, RejectManual, ApproveManual,
		WithdrawConsent, Revoke, ImportApproved, ImportVerified:
		return KindCommand
	default:
		return KindCommand
	}
}
