package temporal_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/verigate/verigate/internal/temporal"
)

// frontend is a server that knows of one thing: whether it works.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	broken atomic.Bool
}

func (f *frontend) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	if f.broken.Load() {
		return nil, status.Error(codes.PermissionDenied, "broken")
	}
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func TestPingTellsWhetherTheEngineWorks(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server, front := grpc.NewServer(), &frontend{}
	workflowservice.RegisterWorkflowServiceServer(server, front)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	c, err := client.NewLazyClient(client.Options{HostPort: listener.Addr().String()})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, temporal.Ping(t.Context(), c, "ns"))
	front.broken.Store(true)
	require.Error(t, temporal.Ping(t.Context(), c, "ns"))
	front.broken.Store(false)
	require.NoError(t, temporal.Ping(t.Context(), c, "ns"))
}
