package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
)

func TestValidateTelemetry(t *testing.T) {
	t.Parallel()
	for endpoint, good := range map[string]bool{
		"": true, "http://127.0.0.1:4317": true, "https://collector.example.com:4317": true, "ftp://collector.example.com": false,
		"127.0.0.1:4317": false,
	} {
		c := config.Default()
		c.Provider.Kind = config.ProviderSimulated
		c.Telemetry.Traces.Endpoint = endpoint
		faults := c.Validate()
		require.Equal(t, good, len(faults) == 0, endpoint)
		for _, f := range faults {
			require.Equal(t, "telemetry.traces.endpoint", f.Field)
		}
	}
	for listen, good := range map[string]bool{"": true, "127.0.0.1:9464": true, ":9464": true, "9464": false, "127.0.0.1:": false} {
		c := config.Default()
		c.Provider.Kind = config.ProviderSimulated
		c.Telemetry.Listen = listen
		faults := c.Validate()
		require.Equal(t, good, len(faults) == 0, listen)
		for _, f := range faults {
			require.Equal(t, "telemetry.listen", f.Field)
		}
	}
}
