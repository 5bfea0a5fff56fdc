package gate

import "github.com/verigate/verigate/internal/signing"

// Seal signs a text, such as a checkpoint of the logs, with the key that signs receipts, and says which key that is.
func (g *Gate) Seal(text []byte) (keyID string, signature []byte) { return g.ring.Seal(text) }

// Sealed reports whether a key of this gate made the signature of Seal.
func (g *Gate) Sealed(keyID string, text, signature []byte) bool {
	return g.ring.Sealed(keyID, text, signature)
}

// PublicKeys are what everybody may have to check receipts and seals with.
func (g *Gate) PublicKeys() signing.Set { return g.ring.Public() }
