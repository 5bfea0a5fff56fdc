// Package rulebook knows which policy versions are in force at an instant: they are dated, as the rules in them are.
// Who decides, sweeps, reminds or previews asks a Book for the set to hand to policy.Decide.
//
// A Desk is where that changes. A version is proposed under the next number and comes into force once a second person
// has approved it, never earlier than that; so the past stays what it was. A brake is the exception that needs one person
// and no date: it sets rules to observe, at once, until it is released.
package rulebook
