package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// Redacted stands in place of what is not logged.
const Redacted = "[redacted]"

// sensitive are parts of keys whose values are never logged.
func sensitive() []string {
	return []string{
		"legal_name", "real_name", "cert_name", "cert_no", "doc_no", "document", "id_number", "identity", "subject",
		"token", "secret", "password", "authorization", "cookie", "api_key", "private_key", "keyset",
		"sub_msg", "body", "query", "qr_url", "user_agent", "remote_addr", "note",
	}
}

// Shapes that are personal or secret wherever they stand: a mainland identity number of 18 or 15 digits, and an API
// key. A longer run of digits is no identity number.
var shapes = regexp.MustCompile(`(?:^|[^0-9A-Za-z])(?:[1-9][0-9]{16}[0-9Xx]|[1-9][0-9]{14})(?:[^0-9A-Za-z]|$)|vg_[A-Za-z0-9]+_[A-Za-z0-9_-]{16,}|[Bb]earer [A-Za-z0-9._~+/-]{8,}`)

// Redact wraps a handler so that sensitive values do not reach it.
func Redact(to slog.Handler) slog.Handler { return redactor{to: to, keys: sensitive()} }

type redactor struct {
	to   slog.Handler
	keys []string
}

// Enabled implements slog.Handler.
func (r redactor) Enabled(ctx context.Context, level slog.Level) bool {
	return r.to.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (r redactor) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, hide(record.Message), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(r.clean(a))
		return true
	})
	return r.to.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (r redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = r.clean(a)
	}
	return redactor{to: r.to.WithAttrs(clean), keys: r.keys}
}

// WithGroup implements slog.Handler.
func (r redactor) WithGroup(name string) slog.Handler {
	return redactor{to: r.to.WithGroup(name), keys: r.keys}
}

func (r redactor) clean(a slog.Attr) slog.Attr {
	key := strings.ToLower(strings.ReplaceAll(a.Key, "-", "_"))
	if slices.ContainsFunc(r.keys, func(s string) bool { return strings.Contains(key, s) }) {
		return slog.String(a.Key, Redacted)
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		group := slices.Clone(v.Group())
		for i := range group {
			group[i] = r.clean(group[i])
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindString:
		return slog.String(a.Key, hide(v.String()))
	case slog.KindAny:
		text := fmt.Sprintf("%+v", v.Any())
		if hidden := hide(text); hidden != text {
			return slog.String(a.Key, hidden)
		}
		return slog.Attr{Key: a.Key, Value: v}
	case slog.KindInt64, slog.KindUint64:
		if hide(v.String()) != v.String() {
			return slog.String(a.Key, Redacted)
		}
		return slog.Attr{Key: a.Key, Value: v}
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindTime, slog.KindLogValuer:
		return slog.Attr{Key: a.Key, Value: v}
	default:
		return slog.String(a.Key, Redacted)
	}
}

// hide replaces a whole text: what stands around a number may say whose it is.
func hide(text string) string {
	if shapes.MatchString(text) {
		return Redacted
	}
	return text
}
