package access

import (
	"sync"
	"time"
)

// delays slow sign-ins down. An attempt counts as failed from its beginning, so that many at once count as many, and is
// taken back when it succeeds.
//
// Three streaks are kept: of an account name from an address, of an address whatever the names, and of a name whatever
// the addresses. The last one is what somebody with many addresses would meet, and it also slows down the person whose
// name it is; therefore it grows to a minute at most, and does not count for an address from which this person signed in
// of late. So no stranger can keep anybody out of their usual place.
type delays struct {
	now func() time.Time

	mu            sync.Mutex
	recent, older map[string]*streak // in generations, so a flood of names cannot grow it
}

// streak is a row of failures.
type streak struct {
	failures int
	last     time.Time
	until    time.Time // no attempt before
}

// pace is how a streak slows down.
type pace struct {
	free int // failures without any delay
	most time.Duration
}

const (
	firstDelay = time.Second
	forgetting = time.Hour // a streak without an attempt for so long is over
	maxStreaks = 20_000    // of one of the two generations
)

func newDelays(now func() time.Time) *delays {
	return &delays{now: now, recent: map[string]*streak{}}
}

func pairPace() pace    { return pace{5, 15 * time.Minute} }
func addressPace() pace { return pace{20, 15 * time.Minute} }
func namePace() pace    { return pace{20, time.Minute} }

// attempt is one sign-in as it is counted.
type attempt struct {
	name, address string
	familiar      bool // this person signed in from there of late
}

// streaks are what an attempt counts for.
func (a attempt) streaks() map[string]pace {
	all := map[string]pace{"pair\x00" + a.name + "\x00" + a.address: pairPace(), "address\x00" + a.address: addressPace()}
	if !a.familiar {
		all["name\x00"+a.name] = namePace()
	}
	return all
}

// begin counts an attempt, or returns how long it has to wait before it may be made.
func (d *delays) begin(a attempt) (wait time.Duration) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key := range a.streaks() {
		if s := d.streak(key, now); s != nil {
			wait = max(wait, s.until.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for key, p := range a.streaks() {
		s := d.streak(key, now)
		if s == nil {
			s = &streak{}
			d.keep(key, s)
		}
		s.failures, s.last = s.failures+1, now
		s.until = now.Add(p.delay(s.failures))
	}
	return 0
}

// succeeded takes an attempt back. Whoever has an account of their own must not get rid of an address's streak by it,
// so of that one only this attempt is taken.
func (d *delays) succeeded(a attempt) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, p := range a.streaks() {
		s := d.streak(key, now)
		if s == nil {
			continue
		}
		s.failures--
		if key == "pair\x00"+a.name+"\x00"+a.address {
			s.failures = 0
		}
		s.until = s.last.Add(p.delay(s.failures))
	}
}

// delay is what follows so many failures.
func (p pace) delay(failures int) time.Duration {
	if failures < p.free {
		return 0
	}
	wait := firstDelay
	for range min(failures-p.free, 20) {
		wait *= 2
	}
	return min(wait, p.most)
}

func (d *delays) streak(key string, now time.Time) *streak {
	s := d.recent[key]
	if s == nil {
		if s = d.older[key]; s != nil {
			d.keep(key, s)
		}
	}
	if s != nil && now.Sub(s.last) >= forgetting {
		*s = streak{}
	}
	return s
}

func (d *delays) keep(key string, s *streak) {
	if len(d.recent) >= maxStreaks {
		d.recent, d.older = map[string]*streak{}, d.recent
	}
	d.recent[key] = s
}
