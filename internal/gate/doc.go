// Package gate answers "may this account do that, now?" on the hot path.
//
// A decision is one indexed read of facts, one policy.Decide and, for a refusal, a durable record. Rules live in
// policy alone; this package adds what a decision needs around them: which policy versions are in force at the
// instant (they are dated too), a clock that is known to agree with the database's, sentences for people, a signed
// receipt, and the memory of refusals.
//
// What cannot be known is never guessed: if the store does not answer or the clock is off, the caller gets an error
// and decides for itself whether it fails open or shut.
//
// The first refusal of an account under a rule and version is written before it is answered. Repeats are counted in
// memory and written in batches, so that a shop that keeps pressing the button costs no write per press.
package gate
