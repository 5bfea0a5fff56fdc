package temporal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/payload"
)

// Options say how to reach a Temporal server.
type Options struct {
	HostPort  string
	Namespace string
	Codec     *payload.Codec // required: nothing is sent in clear
	TLS       *tls.Config    // nil: plain text, for loopback
	APIKey    string         // for servers that want one; needs TLS
	Identity  string         // shown in histories; empty: the SDK's (process and host)
	Logger    *slog.Logger
}

// Dial connects and makes sure that the server answers before the context ends.
func Dial(ctx context.Context, o Options) (client.Client, error) {
	if o.Codec == nil {
		return nil, errors.New("temporal: a codec is required")
	}
	options := client.Options{
		HostPort: o.HostPort, Namespace: o.Namespace, Identity: o.Identity,
		DataConverter: o.Codec.DataConverter(), FailureConverter: o.Codec.FailureConverter(),
		Logger:            log.NewStructuredLogger(o.Logger),
		ConnectionOptions: client.ConnectionOptions{TLS: o.TLS},
	}
	if o.APIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(o.APIKey)
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("temporal: connect to %s: %w", o.HostPort, err)
	}
	return c, nil
}

// SearchAttributes are what the workflows set; the namespace must know them before the first start.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{contract.AttributeTurn: enumspb.INDEXED_VALUE_TYPE_KEYWORD}
}

// Prepare creates the namespace and the search attributes where they are missing. It is for whoever runs the server:
// it needs the rights of an operator, and doing it twice is harmless.
func Prepare(ctx context.Context, o Options, retention time.Duration) error {
	namespaces, err := client.NewNamespaceClient(client.Options{
		HostPort: o.HostPort, Logger: log.NewStructuredLogger(o.Logger), ConnectionOptions: client.ConnectionOptions{TLS: o.TLS},
	})
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
	return nil
}

// Ping asks the server whether it takes requests for the namespace.
func Ping(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	return err
}
