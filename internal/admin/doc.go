// Package admin is the operator's pages under /admin: server-rendered, in two languages, for viewers, reviewers,
// operators, auditors and admins.
//
// The pages are a client of the API in the same process: each asks api.Server for what it shows and sends it what its
// forms say, as the person who is signed in (api.As). So there is one place that checks input and decides who may do
// what, whatever is drawn on a page; and whatever a page can do, a program can do too. A page declares the scopes that
// it needs, so that somebody without them is told so before anything is asked.
//
// One file per page: its routes, what it reads, what its template gets. Texts are in assets/messages, one file per page
// and language; templates in assets/pages; style in assets/static.
package admin
