package temporal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"

	"github.com/verigate/verigate/workflows/payload"
)

// Options say how to reach a Temporal server.
type Options struct {
	HostPort  string
	Namespace string
	Codec     *payload.Codec    // required: nothing is sent in clear
	TLS       *tls.Config       // nil: plain text, for loopback
	APIKey    string            // for servers that want one; needs TLS
	Authority string            // of the connection; empty: the server's name
	Headers   map[string]string // of every call
	Identity  string            // shown in histories; empty: the SDK's (process and host)
	Logger    *slog.Logger
	Metrics   client.MetricsHandler // what the SDK measures; nil: nobody reads it
	Tracer    trace.Tracer          // makes spans of commands, workflows and activities; nil: none are made
	Lazy      bool                  // Dial takes a server that does not answer for one that will
}

// Dial connects and, unless told to be lazy, makes sure that the server answers before the context ends.
func Dial(ctx context.Context, o Options) (client.Client, error) {
	if o.Codec == nil {
		return nil, errors.New("temporal: a codec is required")
	}
	options := o.connection()
	options.DataConverter, options.FailureConverter = o.Codec.DataConverter(), o.Codec.FailureConverter()
	options.MetricsHandler = o.Metrics
	if o.Tracer != nil {
		traced, err := NewTracing(o.Tracer)
		if err != nil {
			return nil, err
		}
		options.Interceptors = []interceptor.ClientInterceptor{traced} // workers take theirs from the client
	}
	c, err := dial(ctx, options, o.Lazy)
	if err != nil {
		return nil, fmt.Errorf("temporal: connect to %s: %w", o.HostPort, err)
	}
	return c, nil
}

func dial(ctx context.Context, options client.Options, lazy bool) (client.Client, error) {
	if lazy {
		return client.NewLazyClient(options)
	}
	return client.DialContext(ctx, options)
}

// connection says whom to call, and as whom.
func (o Options) connection() client.Options {
	options := client.Options{
		HostPort: o.HostPort, Namespace: o.Namespace, Identity: o.Identity, Logger: log.NewStructuredLogger(o.Logger),
		ConnectionOptions: client.ConnectionOptions{TLS: o.TLS, Authority: o.Authority},
	}
	if o.APIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(o.APIKey)
	}
	if len(o.Headers) > 0 {
		options.HeadersProvider = headers(o.Headers)
	}
	return options
}

// headers satisfies client.HeadersProvider.
type headers map[string]string

func (h headers) GetHeaders(context.Context) (map[string]string, error) { return h, nil }

// NewTracing returns what makes spans of commands, workflows and activities. A trace is carried on in a header of starts,
// updates and activities, which workflows neither see nor depend on; replays make no spans.
func NewTracing(tracer trace.Tracer) (interceptor.Interceptor, error) {
	traced, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: tracer, TextMapPropagator: propagation.TraceContext{}, DisableBaggage: true,
		AllowInvalidParentSpans: true, // a header that cannot be read must not stop a workflow
	})
	if err != nil {
		return nil, fmt.Errorf("temporal: tracing: %w", err)
	}
	return traced, nil
}

// Ping asks the server whether it takes requests for the namespace.
func Ping(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	return err
}
