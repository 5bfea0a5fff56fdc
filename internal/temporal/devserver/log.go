package devserver

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// fatal is what the engine would have ended the process for.
type fatal struct{ message string }

// logger hands the engine's log to slog.
type logger struct {
	to    *slog.Logger
	muted *atomic.Bool // set while stopping, when services that lose each other complain at length
}

var _ log.WithLogger = logger{}

func (l logger) log(level slog.Level, msg string, tags []tag.Tag) {
	if l.muted.Load() || !l.to.Enabled(context.Background(), level) {
		return
	}
	l.to.LogAttrs(context.Background(), level, msg, attrs(tags)...)
}

func attrs(tags []tag.Tag) []slog.Attr {
	out := make([]slog.Attr, len(tags))
	for i, t := range tags {
		out[i] = slog.Any(t.Key(), t.Value())
	}
	return out
}

// With implements log.WithLogger.
func (l logger) With(tags ...tag.Tag) log.Logger {
	return logger{to: slog.New(l.to.Handler().WithAttrs(attrs(tags))), muted: l.muted}
}

func (l logger) Debug(msg string, tags ...tag.Tag)  { l.log(slog.LevelDebug, msg, tags) }
func (l logger) Info(msg string, tags ...tag.Tag)   { l.log(slog.LevelInfo, msg, tags) }
func (l logger) Warn(msg string, tags ...tag.Tag)   { l.log(slog.LevelWarn, msg, tags) }
func (l logger) Error(msg string, tags ...tag.Tag)  { l.log(slog.LevelError, msg, tags) }
func (l logger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

func (l logger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic(fatal{msg})
}

// Fatal panics instead of ending the process: Start turns it into an error, so that a port that was taken in the
// meantime is reported like any other fault.
func (l logger) Fatal(msg string, tags ...tag.Tag) { l.Panic(msg, tags...) }
