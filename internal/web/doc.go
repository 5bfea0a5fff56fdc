// Package web serves the merchant pages: what a merchant sees from real-name information to verified, in Chinese and
// English, with and without JavaScript.
//
// A platform makes a one-time link (POST /v1/accounts/{id}/links). Opening it shows a landing page; only the press on
// that page uses the link up and begins a session, so a link scanner's GET opens nothing. The session is a random
// cookie of which a hash is stored; it belongs to the link's account and to no other, whatever a request says.
//
// Every page has its own address and shows the state as it is recorded. A page that does not fit the state leads to
// the one that does (see fits and main): reload, back and bookmarks are therefore always right. Commands are
// POST forms, answered by a redirect; each carries a number made when its page was drawn, so a double click is one
// command. A page follows changes from elsewhere by server-sent events, or by polling where those do not arrive, or by
// a refresh of the whole page where there is no script.
//
// Nothing in a handler is text for people: that is in assets/messages, in both languages.
package web
