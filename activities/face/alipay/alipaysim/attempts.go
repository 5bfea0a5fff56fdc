package alipaysim

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"
)

// attemptTTL is how long a certify_id can be passed (documented).
const attemptTTL = 23 * time.Hour

// resultMonths is how long a result can be queried (documented).
const resultMonths = 3

// What became of an attempt, as the listing names it.
const (
	stateWaiting   = "waiting"   // initialized, not opened
	stateOpened    = "opened"    // the certify page was opened
	stateAgreed    = "agreed"    // "agree and verify" pressed
	statePassed    = "passed"    // terminal
	stateFailed    = "failed"    // may be tried again
	stateCancelled = "cancelled" // may be tried again
	stateClosed    = "closed"    // app closed; may be tried again
	stateExpired   = "expired"   // listing only: not passed within attemptTTL
)

// attempt is one certify_id. It holds nothing about the person.
type attempt struct {
	CertifyID    string    `json:"certify_id"`
	OuterOrderNo string    `json:"outer_order_no"`
	ReturnURL    string    `json:"return_url"`
	State        string    `json:"state"`
	CreatedAt    time.Time `json:"created_at"`
	OpenedAt     time.Time `json:"opened_at,omitzero"`
	FinishedAt   time.Time `json:"finished_at,omitzero"`
}

func (a *attempt) expiresAt() time.Time { return a.CreatedAt.Add(attemptTTL) }

// expired reports that nobody passed in time.
func (a *attempt) expired(now time.Time) bool {
	return a.State != statePassed && !now.Before(a.expiresAt())
}

// forgotten reports that even the result is too old to be queried.
func (a *attempt) forgotten(now time.Time) bool {
	return a.expired(now) || (a.State == statePassed && !now.Before(a.FinishedAt.AddDate(0, resultMonths, 0)))
}

func (a *attempt) stateAt(now time.Time) string {
	if a.expired(now) {
		return stateExpired
	}
	return a.State
}

var (
	errUnknownAttempt = errors.New("alipaysim: no such certify_id")
	errExpired        = errors.New("alipaysim: the attempt has expired")
	errAlreadyPassed  = errors.New("alipaysim: the attempt has passed already")
	errUnknownResult  = errors.New("alipaysim: result must be pass, fail, cancel or close")
	errRepeatedOrder  = errors.New("alipaysim: outer_order_no was used before")
)

// put adds a to the indexes; the caller holds mu or is New.
func (s *Simulator) put(a *attempt) {
	s.attempts[a.CertifyID] = a
	s.orders[a.OuterOrderNo] = a
	s.sequence = append(s.sequence, a)
}

// create makes an attempt, or finds the one of a repeated number.
func (s *Simulator) create(orderNo, returnURL string) (attempt, error) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails since Go 1.24
	s.mu.Lock()
	if first, repeated := s.orders[orderNo]; repeated {
		found := *first
		s.mu.Unlock()
		if s.cfg.RepeatOrder {
			return found, nil
		}
		return attempt{}, errRepeatedOrder
	}
	a := &attempt{
		CertifyID: hex.EncodeToString(id), OuterOrderNo: orderNo, ReturnURL: returnURL,
		State: stateWaiting, CreatedAt: s.cfg.Now(),
	}
	s.put(a)
	made := *a
	s.version++
	s.mu.Unlock()
	s.log.Info("attempt created", "certify_id", made.CertifyID)
	return made, s.save()
}

// find returns a copy of an attempt.
func (s *Simulator) find(id string) (attempt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.attempts[id]
	if !ok {
		return attempt{}, false
	}
	return *a, true
}

// all returns copies in order of creation.
func (s *Simulator) all() []attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]attempt, len(s.sequence))
	for i, a := range s.sequence {
		list[i] = *a
	}
	return list
}

// Orders counts the attempts that were ever made.
func (s *Simulator) Orders() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sequence)
}

// change applies f to an attempt that can still change, and saves.
func (s *Simulator) change(id string, f func(*attempt, time.Time) error) (attempt, error) {
	s.mu.Lock()
	a, ok := s.attempts[id]
	if !ok {
		s.mu.Unlock()
		return attempt{}, errUnknownAttempt
	}
	now, before := s.cfg.Now(), *a
	err := f(a, now)
	after := *a
	if err == nil && after != before {
		s.version++
	}
	s.mu.Unlock()
	if err != nil || after == before {
		return after, err
	}
	s.log.Info("attempt changed", "certify_id", id, "from", before.State, "to", after.State)
	return after, s.save()
}

// open records that the certify page was opened on a phone. returnURL is the
// public parameter, which counts only if initialize gave none.
func (s *Simulator) open(id, returnURL string) (attempt, error) {
	return s.change(id, func(a *attempt, now time.Time) error {
		if a.State == statePassed || a.expired(now) {
			return nil // the page says so
		}
		if a.ReturnURL == "" {
			a.ReturnURL = returnURL
		}
		if a.OpenedAt.IsZero() {
			a.OpenedAt = now
		}
		a.State, a.FinishedAt = stateOpened, time.Time{}
		return nil
	})
}

// agree records "agree and verify".
func (s *Simulator) agree(id string) (attempt, error) {
	return s.change(id, func(a *attempt, now time.Time) error {
		switch {
		case a.State == statePassed:
			return errAlreadyPassed
		case a.expired(now):
			return errExpired
		}
		a.State, a.FinishedAt = stateAgreed, time.Time{}
		return nil
	})
}

// decide records what the person did. Passing twice is one pass; nothing undoes it.
func (s *Simulator) decide(id, result string) (attempt, error) {
	state, ok := map[string]string{
		"pass": statePassed, "fail": stateFailed, "cancel": stateCancelled, "close": stateClosed,
	}[result]
	if !ok {
		return attempt{}, errUnknownResult
	}
	return s.change(id, func(a *attempt, now time.Time) error {
		switch {
		case a.State == statePassed && state == statePassed:
			return nil
		case a.State == statePassed:
			return errAlreadyPassed
		case a.expired(now):
			return errExpired
		}
		if a.OpenedAt.IsZero() {
			a.OpenedAt = now
		}
		a.State, a.FinishedAt = state, now
		return nil
	})
}
