package rehearsal

// WayToVerified is wayToVerified, for the test that plays the real day.
var WayToVerified = wayToVerified
