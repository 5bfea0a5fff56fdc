// Package notify is the port through which merchants are told something: one short message to one phone number, in a
// text that the provider has approved and with values that say nothing about the person.
package notify

import (
	"context"
	"errors"
	"time"
)

// Classes of what goes wrong, for errors.Is.
var (
	// ErrNotTaken: the provider did not take the message; try again soon.
	ErrNotTaken = errors.New("notify: not taken")
	// ErrUncertain: the provider may have taken the message. Ask with Find before it is sent again.
	ErrUncertain = errors.New("notify: may have been taken")
	// ErrLimited: the number has had enough messages for now; try again much later.
	ErrLimited = errors.New("notify: number is over its limit")
	// ErrRefused: this message to this number will never be taken.
	ErrRefused = errors.New("notify: refused")
	// ErrSettings: nothing goes out until an operator mends the contract or the settings.
	ErrSettings = errors.New("notify: contract or settings")
)

// Error is a class with the provider's code. It never holds the provider's text, which can quote the number.
type Error struct {
	Class error
	Code  string
}

func (e *Error) Error() string { return e.Class.Error() + ": " + e.Code }

func (e *Error) Unwrap() error { return e.Class }

// CodeOf returns the provider's code of an error, "" if it has none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Notice is one reminder to one merchant.
type Notice struct {
	ID       string // ours; the provider keeps it, so that the message can be found by it
	To       Phone
	Deadline time.Time // in the zone in which it is to be read
	Passed   bool      // the deadline is over
	Days     int       // begun days until the deadline, or whole ones since
}

// Receipt is the provider's word that it took a message.
type Receipt struct {
	ProviderID string
}

// Notifier sends notices by one channel.
type Notifier interface {
	// Send hands a notice to the provider. Unless its error is ErrUncertain, the message was not taken.
	Send(ctx context.Context, n Notice) (Receipt, error)
	// Find asks whether the provider took a notice that was sent at an instant, or shortly after.
	Find(ctx context.Context, n Notice, sentAt time.Time) (r Receipt, found bool, err error)
}
