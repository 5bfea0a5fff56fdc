// Package sqlstore keeps the log, the read model and the sealed records of the vault in an SQL database.
//
// The log is the truth. One append is one transaction that locks the account's row, looks whether its change id was
// written before, compares the head, folds the drafts (so an entry that cannot be folded is never written) and
// writes entries, projection, attempts, leases, consents and outbox rows. VerifyProjection folds a log again and
// compares; Rebuild writes the projection anew from it.
//
// Instants of recording come from the store's clock and never run backwards within one account, so what was
// recorded by an instant is always a prefix of its log, whatever the clock did.
//
// What differs between databases is in dialect. SQLite runs in WAL mode with synchronous=FULL, so an acknowledged append
// survives a power loss, and with secure_delete; every connection is refused whose pragmas read back differently. There
// is one writing connection, writers wait for it in order, and a pool of reading ones.
//
// PostgreSQL has many writers in many processes: what SQLite owes to its one writer is there owed to locks, which the
// transactions take of what they decide on. Those that meet all the same (a deadlock, a key taken meanwhile) run again, a
// few times. Processes tell each other of what they wrote by LISTEN and NOTIFY. docs/adr/0022-postgresql.md has the reasons.
package sqlstore
