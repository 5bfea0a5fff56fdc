// Package rulebook knows which policy versions are in force at an instant: they are dated, as the rules in them are.
// Who decides, sweeps, reminds or previews asks it for the set to hand to policy.Decide.
package rulebook
