package gate

import (
	"crypto/hmac"
	"strings"
)

// Seal signs a checkpoint of the logs with the key that signs receipts, and says which key that is.
func (g *Gate) Seal(text []byte) (keyID string, signature []byte) {
	return g.receipts.first.ID, macFor("checkpoint", g.receipts.first.Secret, text)
}

// Sealed reports whether a key of this gate made the signature of Seal.
func (g *Gate) Sealed(keyID string, text, signature []byte) bool {
	secret, known := g.receipts.secret[keyID]
	return known && hmac.Equal(signature, macFor("checkpoint", secret, text))
}

// ReadReceipt returns what a receipt of this gate says, in sentences too, and which key signed it; ErrReceipt if it is
// none.
func (g *Gate) ReadReceipt(receipt string) (said Receipt, words Message, keyID string, err error) {
	said, err = g.receipts.verify(receipt)
	if err != nil {
		return Receipt{}, Message{}, "", err
	}
	keyID, _, _ = strings.Cut(receipt, ".")
	a := Answer{AccountID: said.AccountID, Action: said.Action, At: said.At}
	a.Effect, a.Reason, a.RuleID, a.Since = said.Effect, said.Reason, said.RuleID, said.Since
	a.PolicyName, a.PolicyVersion, a.NextChangeAt = said.PolicyName, said.PolicyVersion, said.NextChangeAt
	return said, g.messages.of(a), keyID, nil
}
