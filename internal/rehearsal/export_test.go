package rehearsal

// WayToVerified is wayToVerified, for the test that plays the real day.
var WayToVerified = wayToVerified

// RunInRounds is Run with rounds of another size: of one event, it plays one after the other.
var RunInRounds = runInRounds
