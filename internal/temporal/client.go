package temporal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/verigate/verigate/workflows/contract"
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
}

// Dial connects and makes sure that the server answers before the context ends.
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
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("temporal: connect to %s: %w", o.HostPort, err)
	}
	return c, nil
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

// SearchAttributes are what the workflows set; the namespace must know them before the first start.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{contract.AttributeTurn: enumspb.INDEXED_VALUE_TYPE_KEYWORD}
}

// Prepare creates the namespace and the search attributes where they are missing. It is for whoever runs the server:
// it needs the rights of an operator, and doing it twice is harmless.
func Prepare(ctx context.Context, o Options, retention time.Duration) error {
	namespaces, err := client.NewNamespaceClient(o.connection())
	if err != nil {
		return fmt.Errorf("temporal: connect to %s: %w", o.HostPort, err)
	}
	defer namespaces.Close()
	err = namespaces.Register(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: o.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	var exists *serviceerror.NamespaceAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("temporal: register namespace: %w", err)
	}
	c, err := Dial(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: o.Namespace, SearchAttributes: SearchAttributes(),
	})
	var known *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &known) {
		return fmt.Errorf("temporal: add search attributes: %w", err)
	}
	return awaitSearchAttributes(ctx, c, o.Namespace)
}

// awaitSearchAttributes returns when the server has taken notice of its own search attributes, which is some seconds after it
// said that it added them; until then it refuses starts.
func awaitSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for name := range SearchAttributes() {
		for {
			_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
				Namespace: namespace, Query: name + ` = "none"`,
			})
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("temporal: the search attribute %s cannot be used: %w", name, err)
			case <-tick.C:
			}
		}
	}
	return nil
}

// Ping asks the server whether it takes requests for the namespace.
func Ping(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	return err
}
