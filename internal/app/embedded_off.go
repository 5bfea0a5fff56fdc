//go:build noengine

package app

import "context"

// EngineBuilt says whether this binary has the embedded engine.
const EngineBuilt = false

func startEmbedded(context.Context, engineSettings) (embeddedEngine, error) {
	return embeddedEngine{}, ErrNoEngine
}
