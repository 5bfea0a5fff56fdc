// Package bulk sends a file of accounts to an import in parts, reports the lines that were refused, and remembers how
// far it came, so that a run that was ended goes on where it was.
package bulk
