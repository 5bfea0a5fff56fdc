package config

import (
	"net"
	"strings"
)

func (t Telemetry) validate(need func(ok bool, field, message string)) {
	if t.Listen != "" {
		_, port, err := net.SplitHostPort(t.Listen)
		need(err == nil && port != "", "telemetry.listen", "must be host:port, such as 127.0.0.1:9464, or empty")
	}
	e := t.Traces.Endpoint
	need(e == "" || strings.HasPrefix(e, "http://") || strings.HasPrefix(e, "https://"),
		"telemetry.traces.endpoint", "must begin with http:// (in clear, for a collector on this machine) or https://")
}
