// Package audit proves the logs: what people did (store.Audit) and what happened to each account. It follows their hash
// chains, takes checkpoints of where they end, signed with keys that the database does not hold, and holds the chains
// against the checkpoints. So whoever edits, drops, reorders or cuts off entries is found; and whoever can write to the
// database and makes all hashes anew is found too, up to the newest checkpoint.
package audit
