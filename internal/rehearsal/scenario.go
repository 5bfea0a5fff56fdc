package rehearsal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Action is what happens to an account in a scenario.
type Action string

const (
	Login  Action = "login"
	Verify Action = "verify" // goes the rest of the way and is verified
	Revoke Action = "revoke"
	Extend Action = "extend" // until Event.Until
)

// Event is one line of a scenario.
type Event struct {
	At        time.Time `json:"at"`
	AccountID string    `json:"account_id"`
	Do        Action    `json:"do"`
	Until     time.Time `json:"until,omitzero"` // of an extension
}

// Rates let merchants act by chance instead, the same for the same seed whatever the order.
type Rates struct {
	LoginsPerDay        float64 `json:"logins_per_day"`         // of each account, 0 to 24
	VerifyRatePerPrompt float64 `json:"verify_rate_per_prompt"` // how likely a prompt leads to a verification, 0 to 1
	Seed                uint64  `json:"seed"`
}

// ErrScenario means that a scenario cannot be read; the text names the line.
var ErrScenario = errors.New("rehearsal: scenario")

// Scenario is a stream of events, by instant, and the rates.
type Scenario struct {
	Rates  Rates
	events []Event
}

const maxScenarioLine = 64 << 10

// ReadScenario reads one JSON object a line: {"rates": {...}}, at most once and first, or an event. Events ascend.
func ReadScenario(from io.Reader) (*Scenario, error) {
	s := &Scenario{}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxScenarioLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := s.line(lines.Bytes()); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrScenario, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrScenario, err)
	}
	return s, nil
}

func (s *Scenario) line(text []byte) error {
	var line struct {
		Event
		Rates *Rates `json:"rates"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil {
		return errors.New("must be one JSON object with at, account_id, do and, to extend, until; or rates")
	}
	if line.Rates != nil {
		return s.rates(*line.Rates)
	}
	e := line.Event
	switch {
	case e.At.IsZero() || e.AccountID == "":
		return errors.New("at and account_id are required")
	case e.Do != Login && e.Do != Verify && e.Do != Revoke && e.Do != Extend:
		return errors.New("do must be login, verify, revoke or extend")
	case (e.Do == Extend) != !e.Until.IsZero():
		return errors.New("until is required to extend, and for nothing else")
	case len(s.events) > 0 && e.At.Before(s.events[len(s.events)-1].At):
		return errors.New("at must not lie before that of the line above; sort the lines")
	}
	s.events = append(s.events, e)
	return nil
}

func (s *Scenario) rates(r Rates) error {
	switch {
	case s.Rates != (Rates{}) || len(s.events) > 0:
		return errors.New("rates may come once, before all events")
	case r.LoginsPerDay < 0 || r.LoginsPerDay > 24:
		return errors.New("logins_per_day must be 0 to 24")
	case r.VerifyRatePerPrompt < 0 || r.VerifyRatePerPrompt > 1:
		return errors.New("verify_rate_per_prompt must be 0 to 1")
	}
	s.Rates = r
	return nil
}
