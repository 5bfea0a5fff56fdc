// Package impact tells, before the day, whom dated rules will hit: how many accounts are prompted, blocked, extended or
// in grace at an instant, day by day until then, and what that changes against the versions in force now. It reads a
// stream of facts, decides with package policy alone and writes nothing.
package impact
