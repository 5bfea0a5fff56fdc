// Package rehearsal plays a campaign on a simulated clock over a copy of the population: logins and their prompts,
// reminders, sweeps with restrictions and lifts, by the code of the real day (gate, reminders, enforce), without the
// engine. The clock jumps from one instant at which anything can change to the next: a run of the sweep or of the
// reminders that cannot find anything to do is left out, so a year takes minutes. The report is that of package campaign.
package rehearsal
