//go:build !noengine

package app

import (
	"context"

	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/internal/temporal/devserver"
)

// EngineBuilt says whether this binary has the embedded engine.
const EngineBuilt = true

func startEmbedded(ctx context.Context, s engineSettings) (embeddedEngine, error) {
	server, err := devserver.Start(ctx, devserver.Config{
		Dir: s.temporal.Dir, Port: s.temporal.Port, UIPort: s.temporal.UIPort, Namespace: s.temporal.Namespace, Logger: s.log,
		SearchAttributes: temporal.SearchAttributes(), UICodecEndpoint: s.codec, UISignIn: s.signIn,
	})
	if err != nil {
		return embeddedEngine{}, err
	}
	return embeddedEngine{address: server.Address(), ui: server.UI(), stop: server.Stop}, nil
}
