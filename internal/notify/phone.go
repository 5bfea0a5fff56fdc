package notify

import (
	"errors"
	"log/slog"
	"regexp"
)

// ErrPhone means that a text is not a mobile number of mainland China with its country code. It quotes nothing.
var ErrPhone = errors.New("notify: phone must be +86 and a mobile number of 11 digits, such as +8613800000000")

var mobile = regexp.MustCompile(`^\+861[3-9]\d{9}$`)

// Phone is a mobile number. It shows itself only masked; Reveal is for the provider and the vault.
type Phone struct{ number string }

// ParsePhone reads a number in E.164 form, without spaces, or returns ErrPhone.
func ParsePhone(text string) (Phone, error) {
	if !mobile.MatchString(text) {
		return Phone{}, ErrPhone
	}
	return Phone{text}, nil
}

// Reveal returns the number with its country code.
func (p Phone) Reveal() string { return p.number }

// National returns the number as it is dialled within the country.
func (p Phone) National() string { return p.number[min(len(p.number), len("+86")):] }

// Masked returns the number with its middle hidden.
func (p Phone) Masked() string {
	if p.number == "" {
		return ""
	}
	return p.number[:6] + "****" + p.number[10:]
}

// String implements fmt.Stringer.
func (p Phone) String() string { return "phone" }

// GoString implements fmt.GoStringer.
func (p Phone) GoString() string { return "notify.Phone" }

// LogValue implements slog.LogValuer.
func (p Phone) LogValue() slog.Value { return slog.StringValue("phone") }

// MarshalText implements encoding.TextMarshaler: what is encoded by mistake is masked.
func (p Phone) MarshalText() ([]byte, error) { return []byte(p.Masked()), nil }
