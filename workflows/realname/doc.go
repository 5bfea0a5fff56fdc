// Package realname knows what real-name information looks like: it normalises and validates a name and a document
// number (New), judges them as the automatic review does (Check), and masks them for display.
//
// It is pure: no clock, no input or output, standard library only. A Subject prints, logs and marshals as
// [Redacted] in every form; only Reveal gives its content away, and only the vault and a provider's adapter have a
// reason to call it. Numbers follow GB 11643-1999, names 民委发〔2016〕33号 (U+00B7 as separator, room for 25 Han
// characters, the whole GB 18030 repertoire).
package realname
