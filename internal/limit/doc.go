// Package limit bounds what one caller can ask for: a key, an account, or an address. What it remembers of callers is
// bounded too, so that a flood of them costs no more than a few.
package limit
