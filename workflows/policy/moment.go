package policy

import "time"

// moment is an instant as two numbers, exact over the whole range of time.Time. Decide compares instants for every
// rule, and comparing these is several times as fast as time.Time's methods, which first look for a process's
// monotonic reading. The zero moment is the zero time.Time.
type moment struct {
	sec  int64 // since the zero time.Time
	nsec int32
}

// unixZero is the Unix time of the zero time.Time, in seconds.
const unixZero = -62135596800

func momentOf(t time.Time) moment {
	return moment{sec: t.Unix() - unixZero, nsec: int32(t.Nanosecond())} //nolint:gosec // below 1e9 by definition
}

// in returns the moment as a time in the zone; the zero time for the zero moment.
func (m moment) in(zone *time.Location) time.Time {
	if m.isZero() {
		return time.Time{}
	}
	return time.Unix(m.sec+unixZero, int64(m.nsec)).In(zone)
}

func (m moment) isZero() bool { return m.sec == 0 && m.nsec == 0 }

func (m moment) before(o moment) bool { return m.sec < o.sec || m.sec == o.sec && m.nsec < o.nsec }

// add returns the moment d later.
func (m moment) add(d time.Duration) moment {
	sec, nsec := m.sec+int64(d/time.Second), m.nsec+int32(d%time.Second) // both below 1e9
	switch {
	case nsec >= 1e9:
		return moment{sec: sec + 1, nsec: nsec - 1e9}
	case nsec < 0:
		return moment{sec: sec - 1, nsec: nsec + 1e9}
	}
	return moment{sec: sec, nsec: nsec}
}
