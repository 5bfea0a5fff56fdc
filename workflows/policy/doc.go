// Package policy holds the dated identity rules and the one pure function, Decide, that answers whether an
// account may act.
//
// A Policy is data: rules over cohorts of accounts, each with phases that begin at stated instants. Several
// policies may be in force at one instant; NewSet checks and compiles them, and Decide reads only the compiled
// Set and the facts it is given. The package reads no clock, no file and no database, so the gate, the login
// prompt, the sweep, the impact preview, the rehearsal and the tests cannot disagree: they all ask Decide.
//
// # One rule
//
// The first reason of this list that applies is the rule's answer:
//
//	not_covered        the account is outside the rule's cohort                      allow
//	not_restricted     no phase of the rule prompts or blocks the action             allow
//	verified           the account is verified, and still is under ValidFor          allow
//	not_yet_announced  no phase has begun, or an optional one is in force            allow
//	extended           the phase blocks, and an extension of the account is running  what the action was before it was blocked
//	grace              the phase blocks, and the wait is not the merchant's          what the action was before it was blocked
//	announced          an announced phase is in force                                as the phase says
//	enforced           an enforced phase is in force                                 as the phase says
//
// Extensions and grace take away a block and nothing else: an action that was prompted before it was blocked is
// prompted again, and an action that is only prompted stays prompted under its phase's own reason.
//
// # Several rules
//
// The strictest effect wins, then the earliest Since, then the place in the set (policies by name, rules as
// written). When no rule is stricter than allow, the answer is the one that tells the reader most about what is
// still to come: grace, extended, announced, enforced, verified, not_yet_announced, not_restricted, not_covered;
// among equals a rule that enforces goes before one that observes, then the earliest Since, then the place.
//
// # Instants
//
// Every interval includes its first instant and excludes its last. Time zones never matter to the answer: only
// the instants do, and the Decision writes its own instants in the zone of the policy that decided.
//
// # What Decide leaves to its callers
//
// Which policy versions are in force at an instant, and which facts were known at it, is decided by whoever
// loads them. An action that no policy declares is answered allow, because Decide has no error to return: ask
// Set.Declares first and refuse. A closed account is judged like an open one, so that closing can never lift a
// block; passes over the population skip it with Account.Closed.
package policy
