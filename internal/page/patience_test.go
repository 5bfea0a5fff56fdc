package page_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/page"
)

// TestBodiesThatDoNotArrive: a form that is announced and never sent ends; one that arrived does not.
func TestBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 2)
	read := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer page.Patience(w, r, 50*time.Millisecond)()
		_, err := io.ReadAll(r.Body)
		if r.URL.Path == "/slow" && err == nil {
			close(read)
			select {
			case <-r.Context().Done(): // the connection must not be cut while the handler works
				err = r.Context().Err()
			case <-time.After(200 * time.Millisecond):
			}
		}
		ended <- err
	}))
	t.Cleanup(server.Close)
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	_, err = io.WriteString(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	require.NoError(t, err)
	require.Error(t, <-ended)

	res, err := server.Client().Post(server.URL+"/slow", "text/plain", strings.NewReader("all of it"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	<-read
	require.NoError(t, <-ended)
}
