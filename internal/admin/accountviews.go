package admin

import (
	"encoding/json"
	"time"
)

// What the API answers of one account, as far as the page shows it.

type accountFacts struct {
	AccountID    string                     `json:"account_id"`
	Kind         string                     `json:"kind"`
	Region       string                     `json:"region"`
	RegisteredAt time.Time                  `json:"registered_at"`
	ClosedAt     *time.Time                 `json:"closed_at"`
	Version      int                        `json:"version"`
	GraceUntil   *time.Time                 `json:"grace_until"`
	Verification accountStatus              `json:"verification"`
	Gates        map[string]accountDecision `json:"gates"`
}

type accountStatus struct {
	State    string     `json:"state"`
	Turn     string     `json:"turn"`
	Seq      int64      `json:"seq"`
	Since    *time.Time `json:"since"`
	Method   string     `json:"method"`
	Reason   string     `json:"reason"`
	Allowed  []string   `json:"allowed"`
	Attempts struct {
		Used   int        `json:"used"`
		Left   int        `json:"left"`
		NextAt *time.Time `json:"next_at"`
	} `json:"attempts"`
	QR *struct {
		ExpiresAt time.Time `json:"expires_at"`
	} `json:"qr"`
	Workflow struct {
		ID    string `json:"id"`
		RunID string `json:"run_id"`
	} `json:"workflow"`
}

type accountDecision struct {
	Action        string     `json:"action"`
	Effect        string     `json:"effect"`
	Reason        string     `json:"reason"`
	Rule          string     `json:"rule"`
	Policy        string     `json:"policy"`
	PolicyVersion *int       `json:"policy_version"`
	Since         *time.Time `json:"since"`
	At            time.Time  `json:"at"`
	NextChangeAt  *time.Time `json:"next_change_at"`
	WouldBe       string     `json:"would_be"`
	Deadline      *time.Time `json:"deadline"`
	Hypothetical  bool       `json:"hypothetical"`
	Message       struct {
		ZhCN string `json:"zh-CN"`
		En   string `json:"en"`
	} `json:"message"`
}

type accountLive struct {
	Run         string         `json:"run"`
	Live        *accountStatus `json:"live"`
	Recorded    accountStatus  `json:"recorded"`
	Behind      int64          `json:"behind"`
	Differences []struct {
		Field    string `json:"field"`
		Live     string `json:"live"`
		Recorded string `json:"recorded"`
	} `json:"differences"`
}

type accountIdentity struct {
	Known        bool   `json:"known"`
	Revision     int    `json:"revision"`
	DocumentType string `json:"document_type"`
	Name         string `json:"name"`
	Number       string `json:"number"`
}

type accountAttempt struct {
	ID         string     `json:"id"`
	Number     int        `json:"number"`
	Provider   string     `json:"provider"`
	OrderNo    string     `json:"order_no"`
	Counts     bool       `json:"counts"`
	StartedAt  time.Time  `json:"started_at"`
	EndsAt     time.Time  `json:"ends_at"`
	ResultBy   time.Time  `json:"result_by"`
	Watched    bool       `json:"watched"`
	ReturnedAt *time.Time `json:"returned_at"`
	Result     string     `json:"result"`
	ResultAt   *time.Time `json:"result_at"`
	Leases     []struct {
		IssuedAt  time.Time  `json:"issued_at"`
		ExpiresAt time.Time  `json:"expires_at"`
		ScannedAt *time.Time `json:"scanned_at"`
	} `json:"leases"`
}

type accountConsent struct {
	TextVersion string     `json:"text_version"`
	Language    string     `json:"language"`
	AgreedAt    time.Time  `json:"agreed_at"`
	EndedAt     *time.Time `json:"ended_at"`
	Generation  int        `json:"generation"`
	HasEvidence bool       `json:"has_evidence"`
}

type accountHolding struct {
	Kind    string     `json:"kind"`
	Records int        `json:"records"`
	Oldest  *time.Time `json:"oldest"`
}

type accountErasure struct {
	ID          string       `json:"id"`
	State       string       `json:"state"`
	Kinds       []string     `json:"kinds"`
	Reason      string       `json:"reason"`
	Rule        *string      `json:"rule"`
	Actor       accountActor `json:"actor"`
	RequestedAt time.Time    `json:"requested_at"`
	CompletedAt *time.Time   `json:"completed_at"`
	Receipt     *struct {
		KeyID   string `json:"key_id"`
		Genuine bool   `json:"genuine"`
	} `json:"receipt"`
}

type accountBlock struct {
	Action        string     `json:"action"`
	Policy        string     `json:"policy"`
	PolicyVersion int        `json:"policy_version"`
	Rule          string     `json:"rule"`
	Since         *time.Time `json:"since"`
	At            time.Time  `json:"at"`
	Repeats       int        `json:"repeats"`
	Observed      bool       `json:"observed"`
	Receipt       string     `json:"receipt"`
}

type accountPrompts struct {
	Prompts []struct {
		Number        int        `json:"number"`
		At            time.Time  `json:"at"`
		Level         string     `json:"level"`
		Rule          string     `json:"rule"`
		PolicyVersion int        `json:"policy_version"`
		ShownAt       *time.Time `json:"shown_at"`
		DismissedAt   *time.Time `json:"dismissed_at"`
		ActedAt       *time.Time `json:"acted_at"`
	} `json:"prompts"`
	Cursor *string `json:"cursor"`
}

type accountNotice struct {
	Milestone string     `json:"milestone"`
	Rule      string     `json:"rule"`
	Channel   string     `json:"channel"`
	Deadline  time.Time  `json:"deadline"`
	State     string     `json:"state"`
	Code      string     `json:"code"`
	Attempts  int        `json:"attempts"`
	NextAt    *time.Time `json:"next_at"`
	At        time.Time  `json:"at"`
}

type accountRestriction struct {
	Policy        string     `json:"policy"`
	PolicyVersion int        `json:"policy_version"`
	Rule          string     `json:"rule"`
	Since         *time.Time `json:"since"`
	Actions       []string   `json:"actions"`
	OpenedAt      time.Time  `json:"opened_at"`
	LiftedAt      *time.Time `json:"lifted_at"`
	LiftReason    string     `json:"lift_reason"`
	Sweep         string     `json:"sweep"`
}

type accountExtension struct {
	ID    string    `json:"id"`
	Rule  string    `json:"rule"`
	Until time.Time `json:"until"`
	State string    `json:"state"`
	Steps []struct {
		State   string       `json:"state"`
		At      time.Time    `json:"at"`
		Actor   accountActor `json:"actor"`
		Reason  string       `json:"reason"`
		HasNote bool         `json:"has_note"`
	} `json:"steps"`
}

type accountVersion struct {
	Version      int          `json:"version"`
	Kind         string       `json:"kind"`
	Region       string       `json:"region"`
	RegisteredAt time.Time    `json:"registered_at"`
	ClosedAt     *time.Time   `json:"closed_at"`
	RecordedAt   time.Time    `json:"recorded_at"`
	Actor        accountActor `json:"actor"`
	Reason       string       `json:"reason"`
	HasNote      bool         `json:"has_note"`
}

type accountActor struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// logPage is a page of the log; each entry as the API wrote it.
type logPage struct {
	Entries []json.RawMessage `json:"entries"`
	Cursor  *string           `json:"cursor"`
}

type logEntry struct {
	Seq        int64          `json:"seq"`
	Event      string         `json:"event"`
	From       string         `json:"from"`
	To         string         `json:"to"`
	At         time.Time      `json:"at"`
	RecordedAt time.Time      `json:"recorded_at"`
	Actor      accountActor   `json:"actor"`
	Reason     string         `json:"reason"`
	Ignored    bool           `json:"ignored"`
	Detail     map[string]any `json:"detail"`
}

type accountRules struct {
	Policies []struct {
		Name  string `json:"name"`
		Rules []struct {
			ID     string `json:"id"`
			Phases []struct {
				From  time.Time `json:"from"`
				Stage string    `json:"stage"`
			} `json:"phases"`
		} `json:"rules"`
	} `json:"policies"`
}
