// Package api is the JSON API of version 1, the scan and return links that merchants' phones open, and the
// documentation of both.
//
// Each operation is one row: method, path, scopes, bounds and words, with a typed handler beside it (see handle).
// The row and the types make the OpenAPI document, through huma's model of it; so what is served is what is
// documented. Requests are decoded and answered here and not by huma, for three reasons: its validation errors quote
// the values that were sent, which here are names and document numbers; its error constructor is a variable of its
// package; and the contract tells "not understood" (400) from "understood but wrong" (422).
//
// Every error is a Problem with a stable code. Causes are logged and never shown.
//
// A command has a change id. It is derived from the caller's Idempotency-Key, so a repeated request is the same
// command to the engine too, whatever became of the first answer; the saved answer is only the short way. Addresses
// of QR codes are secrets that can be derived again from a lease id: they are left out of what is saved.
//
// The package knows no Temporal and no SQL. It declares the Engine, Store and Launcher that it needs.
package api
