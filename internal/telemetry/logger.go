package telemetry

import (
	"io"
	"log/slog"
)

// Format is the form of a log line.
type Format string

const (
	Text Format = "text"
	JSON Format = "json"
)

// NewLogger returns a logger that writes redacted lines, each with the request, trace and workflow that it belongs to. An
// unknown level is info, an unknown format JSON; the
// configuration admits neither.
func NewLogger(w io.Writer, level string, format Format) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // leaves info when it fails
	options := &slog.HandlerOptions{Level: least}
	if format == Text {
		return slog.New(correlated{Redact(slog.NewTextHandler(w, options))})
	}
	return slog.New(correlated{Redact(slog.NewJSONHandler(w, options))})
}
