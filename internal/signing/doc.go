// Package signing signs what leaves this program and has to be believed later: receipts of decisions, and seals on
// checkpoints and exports. Signatures are Ed25519, so that whoever has the public keys can check them without asking
// anybody; see docs/receipts.md and adr/0020. Receipts of what was allowed carry a MAC instead, which is quick, and which
// only the holder of the secret can check.
package signing
