// Package access decides who is signed in to the admin pages.
//
// A person signs in with a login name and a password (package password), or at an identity provider (OpenID Connect,
// authorization code with PKCE). Either way a session begins: 256 random bits in a cookie, of which the store has a hash.
// It ends by the person's sign-out, after a time without an act of theirs, after a time whatever they do, and at once
// when they are disabled or get another role or password: every request asks the store.
//
// Nothing says why a sign-in by password failed: an unknown name, a wrong password and a disabled person get the same
// answer after the same work. Attempts are slowed down, never locked out: see delays.
package access
