// Package enforce keeps the record of restrictions in step with what the gate decides.
//
// The gate needs no sweep: it works every decision out from facts, rules and the instant. What a sweep adds is the
// announcement. It walks over the accounts, asks policy.Restrictions what the rules in force block, compares that with
// the restrictions that are open on record, and writes the entries restrict and lift that are missing. Webhooks, lists
// and reports hang on those entries; no decision does.
//
// An open restriction of (account, policy, rule) is an episode. A new version of the policy that blocks the account too
// goes on with it; docs/adr/0010-restriction-episodes.md says why. What is written follows from the facts in the same
// transaction, so a page that runs twice, or by two at once, writes once.
package enforce
