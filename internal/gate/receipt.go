package gate

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/verigate/verigate/internal/signing"
	"github.com/verigate/verigate/workflows/policy"
)

// ErrReceipt means that a text is no receipt of this gate, or was altered.
var ErrReceipt = errors.New("gate: not a receipt")

// Key signs receipts and seals; see signing.Key.
type Key = signing.Key

// Receipt is what a receipt says: the decision, and enough to repeat it by time travel.
type Receipt struct {
	AccountID     string        `json:"account_id"`
	Action        string        `json:"action"`
	Effect        policy.Effect `json:"effect"`
	Reason        policy.Reason `json:"reason"`
	RuleID        string        `json:"rule,omitempty"`
	PolicyName    string        `json:"policy,omitempty"`
	PolicyVersion int           `json:"policy_version,omitempty"`
	Since         time.Time     `json:"since,omitzero"`
	At            time.Time     `json:"at"`
	NextChangeAt  time.Time     `json:"next_change_at,omitzero"` // of an allow by grace: the end of the grace
	WouldBe       policy.Effect `json:"would_be,omitempty"`
}

// sign makes a receipt of an answer. Whoever is refused something, or told to act, can show the receipt to anybody; one
// of an allow is only ever asked about here, and the hot path cannot spare the time of a public-key signature.
func sign(ring *signing.Ring, a Answer) string {
	content, err := json.Marshal(Receipt{
		AccountID: a.AccountID, Action: a.Action, Effect: a.Effect, Reason: a.Reason, RuleID: a.RuleID,
		PolicyName: a.PolicyName, PolicyVersion: a.PolicyVersion, Since: a.Since, At: a.At, NextChangeAt: a.NextChangeAt, WouldBe: a.WouldBe,
	})
	switch {
	case err != nil:
		return "" // an instant beyond the year 9999; nobody can be shown a receipt of it
	case a.Effect == policy.Allow:
		return ring.SignQuickly(content)
	default:
		return ring.Sign(content)
	}
}

// VerifyReceipt returns what a receipt of this gate says, ErrReceipt if it is not one.
func (g *Gate) VerifyReceipt(receipt string) (Receipt, error) {
	said, _, err := read(g.ring.Open(receipt))
	return said, err
}

// ReadReceipt returns what a receipt of this gate says, in sentences too, and which key signed it; ErrReceipt if it is
// none.
func (g *Gate) ReadReceipt(receipt string) (said Receipt, words Message, keyID string, err error) {
	said, keyID, err = read(g.ring.Open(receipt))
	if err != nil {
		return Receipt{}, Message{}, "", err
	}
	return said, g.messages.of(said.answer()), keyID, nil
}

// ReadPublicly is ReadReceipt for who has nothing but the public keys. It also fails with signing.ErrServerOnly, for
// receipts of what was allowed.
func ReadPublicly(keys signing.Set, receipt string) (said Receipt, words Message, keyID string, err error) {
	said, keyID, err = read(keys.Open(receipt))
	if err != nil {
		return Receipt{}, Message{}, "", err
	}
	sentences, err := loadMessages()
	if err != nil {
		return Receipt{}, Message{}, "", err
	}
	return said, sentences.of(said.answer()), keyID, nil
}

func read(content []byte, keyID string, err error) (Receipt, string, error) {
	var said Receipt
	switch {
	case errors.Is(err, signing.ErrServerOnly):
		return said, "", err
	case err != nil || json.Unmarshal(content, &said) != nil:
		return Receipt{}, "", ErrReceipt
	}
	return said, keyID, nil
}

// answer is as much of the answer as the receipt says.
func (r Receipt) answer() Answer {
	a := Answer{AccountID: r.AccountID, Action: r.Action, At: r.At}
	a.Effect, a.Reason, a.RuleID, a.Since = r.Effect, r.Reason, r.RuleID, r.Since
	a.PolicyName, a.PolicyVersion, a.NextChangeAt = r.PolicyName, r.PolicyVersion, r.NextChangeAt
	return a
}
