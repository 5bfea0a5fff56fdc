package app

import "time"

// Clock is business time: the real clock, shifted.
type Clock struct{ Offset time.Duration }

// Now returns the business instant.
func (c Clock) Now() time.Time { return time.Now().Add(c.Offset) }
