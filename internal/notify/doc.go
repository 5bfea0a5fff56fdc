// Package notify tells account services of changes: it turns every entry of an account's log into one message of
// Standard Webhooks (https://www.standardwebhooks.com) and delivers it to every webhook that wants it.
//
// The log's outbox is fanned out to deliveries in one transaction, so a message exists exactly once for each webhook. A
// delivery is claimed for a while, tried and recorded; who dies in between leaves a claim that ends, and the delivery is
// tried again under the same message id. So a receiver may get a message twice, and never under two ids. Messages of one
// account reach one webhook in the order of the log: the next waits until the one before is delivered or given up.
package notify
