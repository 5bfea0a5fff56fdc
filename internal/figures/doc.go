// Package figures tells how a campaign stands: who is verified, who will be blocked at the next instant of enforcement,
// what waits, what failed.
//
// Nothing is counted per viewer. Two snapshots are kept and made anew when somebody asks and they are too old: one of
// the whole population, decided with package impact, which takes seconds for a million accounts, and one of what
// indexed reads and the hourly counts of the log answer in milliseconds. Each says of which instant it is.
// docs/adr/0012-figures.md has the reasons and what was measured.
package figures
