package e2e

import "time"

// The answers of the API as its documentation has them. Every member is named: decoding is strict.

type words struct {
	En   string `json:"en"`
	ZhCN string `json:"zh-CN"`
}

type decision struct {
	AccountID     string     `json:"account_id"`
	Action        string     `json:"action"`
	Effect        string     `json:"effect"`
	Reason        string     `json:"reason"`
	Rule          *string    `json:"rule"`
	Policy        *string    `json:"policy"`
	PolicyVersion *int       `json:"policy_version"`
	Since         *time.Time `json:"since"`
	At            time.Time  `json:"at"`
	NextChangeAt  *time.Time `json:"next_change_at"`
	WouldBe       *string    `json:"would_be"`
	Deadline      *time.Time `json:"deadline"`
	RequiredStep  *string    `json:"required_step"`
	Message       words      `json:"message"`
	Receipt       *string    `json:"receipt"`
	Hypothetical  bool       `json:"hypothetical"`
	Basis         string     `json:"basis"`
}

type login struct {
	Decision decision `json:"decision"`
	Prompt   struct {
		Show     bool       `json:"show"`
		Number   *int       `json:"number"`
		Level    *string    `json:"level"`
		Deadline *time.Time `json:"deadline"`
		DaysLeft *int       `json:"days_left"`
		Message  *words     `json:"message"`
		Link     *string    `json:"link"`
	} `json:"prompt"`
}

type qrCode struct {
	URL       string    `json:"url"`
	PNG       string    `json:"png"`
	LeaseID   string    `json:"lease_id"`
	ExpiresAt time.Time `json:"expires_at"`
}

type status struct {
	AccountID string     `json:"account_id"`
	State     string     `json:"state"`
	Turn      string     `json:"turn"`
	Seq       int64      `json:"seq"`
	Since     *time.Time `json:"since"`
	Method    *string    `json:"method"`
	Attempts  struct {
		Used   int        `json:"used"`
		Left   int        `json:"left"`
		NextAt *time.Time `json:"next_at"`
	} `json:"attempts"`
	Reason   *string  `json:"reason"`
	Allowed  []string `json:"allowed"`
	QR       *qrCode  `json:"qr"`
	Workflow struct {
		ID    string  `json:"id"`
		RunID *string `json:"run_id"`
	} `json:"workflow"`
}

// listedStatus is a status with what a list says of its account.
type listedStatus struct {
	status
	Kind           string     `json:"kind"`
	Region         string     `json:"region"`
	RegisteredAt   time.Time  `json:"registered_at"`
	ClosedAt       *time.Time `json:"closed_at"`
	ChangedAt      time.Time  `json:"changed_at"`
	Restricted     bool       `json:"restricted"`
	RestrictedBy   []string   `json:"restricted_by"`
	ExtendedUntil  *time.Time `json:"extended_until"`
	RequestedUntil *time.Time `json:"extension_requested_until"`
	Deadline       *time.Time `json:"deadline"`
}

type accountFacts struct {
	AccountID    string    `json:"account_id"`
	Kind         string    `json:"kind"`
	Region       string    `json:"region"`
	RegisteredAt time.Time `json:"registered_at"`
	Version      int       `json:"version"`

	ClosedAt *time.Time `json:"closed_at"`
}

type accountDetail struct {
	accountFacts
	GraceUntil   *time.Time          `json:"grace_until"`
	Verification status              `json:"verification"`
	Gates        map[string]decision `json:"gates"`
}

type extension struct {
	ID        string    `json:"id"`
	AccountID string    `json:"account_id"`
	Rule      *string   `json:"rule"`
	Until     time.Time `json:"until"`
	GrantedAt time.Time `json:"granted_at"`

	State       string          `json:"state"`
	BatchID     *string         `json:"batch_id"`
	RequestedAt time.Time       `json:"requested_at"`
	RevokedAt   *time.Time      `json:"revoked_at"`
	Steps       []extensionStep `json:"steps"`
}

type extensionStep struct {
	State      string    `json:"state"`
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recorded_at"`
	Actor      struct {
		Kind string  `json:"kind"`
		ID   *string `json:"id"`
	} `json:"actor"`
	Reason  *string `json:"reason"`
	HasNote bool    `json:"has_note"`
}

type statusPage struct {
	Verifications []listedStatus `json:"verifications"`
	Sort          string         `json:"sort"`
	Rules         []string       `json:"rules"`
	Cursor        *string        `json:"cursor"`
}

type historyPage struct {
	Entries []entry `json:"entries"`
	Cursor  *string `json:"cursor"`
}

type entry struct {
	Seq        int64     `json:"seq"`
	Event      string    `json:"event"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recorded_at"`
	Actor      struct {
		Kind string  `json:"kind"`
		ID   *string `json:"id"`
	} `json:"actor"`
	Reason  *string `json:"reason"`
	Ignored bool    `json:"ignored"`
	Detail  detail  `json:"detail"`
}

type detail struct {
	Findings   []string `json:"findings"`
	HasNote    bool     `json:"has_note"`
	Correction string   `json:"correction"`
	Consent    *struct {
		TextVersion string    `json:"text_version"`
		Language    string    `json:"language"`
		AgreedAt    time.Time `json:"agreed_at"`
	} `json:"consent"`
	AlsoAgreed []string `json:"also_agreed"`
	Attempt    *struct {
		ID       string    `json:"id"`
		Number   int       `json:"number"`
		Provider string    `json:"provider"`
		EndsAt   time.Time `json:"ends_at"`
	} `json:"attempt"`
	Lease *struct {
		ID        string    `json:"id"`
		ExpiresAt time.Time `json:"expires_at"`
	} `json:"lease"`
	LeaseID   string `json:"lease_id"`
	AttemptID string `json:"attempt_id"`
	Evidence  *struct {
		Provider string    `json:"provider"`
		Code     string    `json:"code"`
		Digest   string    `json:"digest"`
		At       time.Time `json:"at"`
	} `json:"evidence"`
	UnlockAt   *time.Time `json:"unlock_at"`
	Provenance *struct {
		At       time.Time `json:"at"`
		Method   string    `json:"method"`
		By       *string   `json:"by"`
		Evidence string    `json:"evidence"`
	} `json:"provenance"`
	Prompt *struct {
		Number        int    `json:"number"`
		Level         string `json:"level"`
		Policy        string `json:"policy"`
		PolicyVersion int    `json:"policy_version"`
		Rule          string `json:"rule"`
	} `json:"prompt"`
	Reminder *struct {
		Number        int       `json:"number"`
		Milestone     string    `json:"milestone"`
		Level         string    `json:"level"`
		Deadline      time.Time `json:"deadline"`
		Policy        string    `json:"policy"`
		PolicyVersion int       `json:"policy_version"`
		Rule          string    `json:"rule"`
	} `json:"reminder"`
	Restricted *struct {
		Policy        string    `json:"policy"`
		PolicyVersion int       `json:"policy_version"`
		Rule          string    `json:"rule"`
		Since         time.Time `json:"since"`
		Actions       []string  `json:"actions"`
		Opened        *int64    `json:"opened"`
		Sweep         *string   `json:"sweep"`
	} `json:"restricted"`
}

// refusal is a problem as RFC 9457 writes it.
type refusal struct {
	Type    string       `json:"type"`
	Title   string       `json:"title"`
	Status  int          `json:"status"`
	Detail  string       `json:"detail"`
	Code    string       `json:"code"`
	Errors  []fieldError `json:"errors"`
	State   string       `json:"state"`
	Allowed []string     `json:"allowed"`
	NextAt  *time.Time   `json:"next_at"`
	Scope   string       `json:"scope"`
	Command string       `json:"command"`
}

type fieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// fields lists the fields that a problem names.
func (r refusal) fields() []string {
	var names []string
	for _, e := range r.Errors {
		names = append(names, e.Field)
	}
	return names
}
