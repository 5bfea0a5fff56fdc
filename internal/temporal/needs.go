package temporal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/verigate/verigate/internal/pause"
	"github.com/verigate/verigate/workflows/contract"
)

// Finding says how a namespace stands to something that the program needs of it.
type Finding string

const (
	Good     Finding = "good"
	Missing  Finding = "missing"
	Differs  Finding = "differs"  // a schedule that is not as the policies in force say
	Obsolete Finding = "obsolete" // a schedule of a policy that reminds nobody any more
)

// Need is one thing that the program needs of a namespace.
type Need struct {
	Kind    string  `json:"kind"` // namespace, search attribute or schedule
	Name    string  `json:"name"`
	Finding Finding `json:"finding"` // as it was found
	Mended  bool    `json:"mended"`  // made, changed or removed since
}

// ErrAttributeType means that a search attribute of our name is somebody else's, or of another program.
var ErrAttributeType = errors.New("is there and has another type; remove it (temporal operator search-attribute remove --name NAME), or name another namespace in " +
	"temporal.namespace, and run verigate migrate again")

// ErrNoOperator means that whoever runs the server has to make what is missing.
var ErrNoOperator = errors.New("may not be made by this program here: make it with the tools of whoever runs the server (Temporal Cloud: tcld or its web " +
	"pages; self-hosted: temporal operator), and run verigate migrate again")

// SearchAttributes are what the workflows set; the namespace must know them before the first start.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{contract.AttributeTurn: enumspb.INDEXED_VALUE_TYPE_KEYWORD}
}

// Namespace looks for a namespace and its search attributes, and changes nothing.
func Namespace(ctx context.Context, o Options) ([]Need, error) {
	c, err := client.DialContext(ctx, o.connection())
	if err != nil {
		return nil, fmt.Errorf("temporal: connect to %s: %w", o.HostPort, err)
	}
	defer c.Close()
	return namespaceNeeds(ctx, c, o.Namespace)
}

func namespaceNeeds(ctx context.Context, c client.Client, namespace string) ([]Need, error) {
	needs := []Need{{Kind: "namespace", Name: namespace, Finding: Good}}
	known := map[string]enumspb.IndexedValueType{}
	err := Ping(ctx, c, namespace)
	var gone *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &gone):
		needs[0].Finding = Missing
	case err != nil:
		return nil, fmt.Errorf("temporal: describe namespace %s: %w", namespace, err)
	default:
		answer, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
		if err != nil {
			return nil, fmt.Errorf("temporal: list search attributes: %w", err)
		}
		known = answer.GetCustomAttributes()
	}
	wanted := SearchAttributes()
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		need := Need{Kind: "search attribute", Name: name, Finding: Good}
		kind, there := known[name]
		if !there {
			need.Finding = Missing
		} else if kind != wanted[name] {
			return nil, fmt.Errorf("temporal: search attribute %s of namespace %s, which must be a %s, is a %s: it %w", name, namespace, wanted[name], kind, ErrAttributeType)
		}
		needs = append(needs, need)
	}
	return needs, nil
}

// Prepare makes what Namespace misses, and says what it made. Closed runs of a new namespace are kept for
// retention. It needs the rights of an operator only for what is missing; doing it twice is harmless.
func Prepare(ctx context.Context, o Options, retention time.Duration) ([]Need, error) {
	c, err := client.DialContext(ctx, o.connection())
	if err != nil {
		return nil, fmt.Errorf("temporal: connect to %s: %w", o.HostPort, err)
	}
	defer c.Close()
	needs, err := namespaceNeeds(ctx, c, o.Namespace)
	if err != nil {
		return nil, err
	}
	if needs[0].Finding == Missing {
		if err := register(ctx, o, retention); err != nil {
			return nil, err
		}
		needs[0].Mended = true
	}
	for i, n := range needs[1:] {
		if n.Finding != Missing {
			continue
		}
		if err := addSearchAttribute(ctx, c, o.Namespace, n.Name); err != nil {
			return nil, err
		}
		needs[i+1].Mended = true
	}
	if err := awaitSearchAttributes(ctx, c, o.Namespace); err != nil || !slices.ContainsFunc(needs, func(n Need) bool { return n.Mended }) {
		return needs, err
	}
	return needs, pause.For(ctx, settling)
}

// settling is what every process of a server takes to hear of a new namespace and its search attributes, twice over: each
// looks every 2 s. The frontend that answers here knows; a history process that does not would fail the first tasks.
const settling = 4 * time.Second

// again asks until it is done or a minute has passed, and returns the last error.
func again(ctx context.Context, ask func(context.Context) (done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if done, err := ask(ctx); done || pause.For(ctx, 100*time.Millisecond) != nil {
			return err
		}
	}
}

// addSearchAttribute adds one. A namespace that was made just now is known to all of the server some seconds later.
func addSearchAttribute(ctx context.Context, c client.Client, namespace, name string) error {
	err := again(ctx, func(ctx context.Context) (bool, error) {
		_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: namespace, SearchAttributes: map[string]enumspb.IndexedValueType{name: SearchAttributes()[name]},
		})
		var known *serviceerror.AlreadyExists
		if errors.As(err, &known) {
			return true, nil
		}
		var young *serviceerror.NamespaceNotFound
		return !errors.As(err, &young), err
	})
	if err != nil {
		return fmt.Errorf("temporal: search attribute %s: %w", name, operatorFault(err))
	}
	return nil
}

func operatorFault(err error) error {
	var denied *serviceerror.PermissionDenied
	var unknown *serviceerror.Unimplemented
	if errors.As(err, &denied) || errors.As(err, &unknown) {
		return fmt.Errorf("it %w", ErrNoOperator)
	}
	return err
}

// register makes a namespace.
func register(ctx context.Context, o Options, retention time.Duration) error {
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
		return fmt.Errorf("temporal: namespace %s: %w", o.Namespace, operatorFault(err))
	}
	return nil
}

// awaitSearchAttributes returns when the server has taken notice of its own search attributes, which is some seconds after it
// said that it added them; until then it refuses starts.
func awaitSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	for name := range SearchAttributes() {
		err := again(ctx, func(ctx context.Context) (bool, error) {
			_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: name + ` = "none"`})
			return err == nil, err
		})
		if err != nil {
			return fmt.Errorf("temporal: the search attribute %s cannot be used: %w", name, err)
		}
	}
	return nil
}
