package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/verigate/verigate/workflows/policy"
)

// ErrReceipt means that a text is no receipt of this gate, or was altered.
var ErrReceipt = errors.New("gate: not a receipt")

// maxReceipt bounds what verify looks at, in bytes.
const maxReceipt = 4096

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Key signs receipts. Secret is at least 32 random bytes; ID names it in the receipts that it signed.
type Key struct {
	ID     string
	Secret []byte
}

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

// receipts signs with HMAC-SHA256: whoever verifies one is the operator that issued it, and the hot path cannot
// spare the time of a public-key signature.
type receipts struct {
	first  Key
	secret map[string][]byte
}

func newReceipts(keys []Key) (*receipts, error) {
	if len(keys) == 0 {
		return nil, errors.New("gate: ReceiptKeys needs at least one key")
	}
	r := &receipts{first: keys[0], secret: map[string][]byte{}}
	for i, k := range keys {
		_, twice := r.secret[k.ID]
		if !keyIDPattern.MatchString(k.ID) || len(k.Secret) < 32 || twice {
			return nil, fmt.Errorf("gate: ReceiptKeys[%d] needs an id of its own of 1 to 32 letters, digits, - or _, and a secret of at least 32 bytes", i)
		}
		r.secret[k.ID] = k.Secret
	}
	return r, nil
}

// sign returns key id, content and signature, joined by dots.
func (r *receipts) sign(a Answer) string {
	content, err := json.Marshal(Receipt{
		AccountID: a.AccountID, Action: a.Action, Effect: a.Effect, Reason: a.Reason, RuleID: a.RuleID,
		PolicyName: a.PolicyName, PolicyVersion: a.PolicyVersion, Since: a.Since, At: a.At, NextChangeAt: a.NextChangeAt, WouldBe: a.WouldBe,
	})
	if err != nil {
		return "" // an instant beyond the year 9999; nobody can be shown a receipt of it
	}
	text := make([]byte, 0, len(r.first.ID)+base64.RawURLEncoding.EncodedLen(len(content)+sha256.Size)+3)
	text = append(append(text, r.first.ID...), '.')
	text = base64.RawURLEncoding.AppendEncode(text, content)
	signature := mac(r.first.Secret, text)
	return string(base64.RawURLEncoding.AppendEncode(append(text, '.'), signature))
}

func (r *receipts) verify(receipt string) (Receipt, error) {
	var said Receipt
	end := strings.LastIndexByte(receipt, '.')
	if len(receipt) > maxReceipt || end < 0 {
		return said, ErrReceipt
	}
	id, content, ok := strings.Cut(receipt[:end], ".")
	secret, known := r.secret[id]
	given, err := base64.RawURLEncoding.Strict().DecodeString(receipt[end+1:])
	if !ok || !known || err != nil || !hmac.Equal(given, mac(secret, []byte(receipt[:end]))) {
		return said, ErrReceipt
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(content)
	if err != nil || json.Unmarshal(text, &said) != nil {
		return Receipt{}, ErrReceipt
	}
	return said, nil
}

func mac(secret, signed []byte) []byte { return macFor("receipt", secret, signed) }

// macFor signs for one purpose, so that what was signed for one is nothing for another.
func macFor(purpose string, secret, signed []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("verigate " + purpose + "\n"))
	h.Write(signed)
	return h.Sum(nil)
}
