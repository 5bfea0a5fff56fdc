package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/verigate/verigate/internal/config"
)

// ErrNoEngine says that this binary was built without the engine (build tag noengine).
var ErrNoEngine = errors.New("this binary was built without the embedded engine: set temporal.mode to remote, or take the whole binary")

// embeddedEngine is an engine that runs in this process.
type embeddedEngine struct {
	address string // host:port of the frontend
	ui      string // base URL, empty without a UI
	stop    func(context.Context) error
}

// engineSettings are what the embedded engine is started with.
type engineSettings struct {
	temporal config.Temporal
	log      *slog.Logger // of the engine itself
	codec    string       // where browsers have payloads opened, empty for nowhere
	signIn   string       // where their readers sign in
}
