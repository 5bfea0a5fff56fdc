package transit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/verigate/verigate/internal/vault"
)

// New returns the KEK. It does not call the service.
func New(c Config) (*KEK, error) {
	transport, err := newTransport(c)
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(&api.Config{
		Address: c.Address, HttpClient: &http.Client{Transport: transport, CheckRedirect: stay}, DisableRedirects: true,
		Timeout: c.Timeout, MaxRetries: 1, MinRetryWait: 50 * time.Millisecond, MaxRetryWait: 200 * time.Millisecond,
	})
	if err != nil {
		return nil, errors.New("transit: the address, or a VAULT_… variable of the environment, cannot be used")
	}
	// The library takes settings from VAULT_… variables of the environment, which may be there for another program. With
	// a client of HTTP of ours it has no way to; what is left are headers, the namespace, the token and wrapped answers.
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	if c.Namespace != "" {
		client.SetNamespace(c.Namespace)
	}
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	client.SetToken(c.Token)
	return &KEK{cfg: c, client: client, opened: map[string][]byte{}}, nil
}

func newTransport(c Config) (*http.Transport, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		text, err := os.ReadFile(c.CAFile)
		settings.RootCAs = x509.NewCertPool()
		if err != nil || !settings.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("transit: the file of certificates cannot be used")
		}
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: settings, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second,
	}, nil
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// call asks the service. What it says of an error may quote what it was sent, so only its status is passed on.
func (k *KEK) call(ctx context.Context, verb string, body map[string]any) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, k.cfg.Timeout)
	defer cancel()
	if err := k.authorize(); err != nil {
		return nil, err
	}
	path := strings.Trim(k.cfg.Mount, "/") + "/" + verb + "/" + k.cfg.Key
	var answer *api.Secret
	var err error
	if body == nil {
		answer, err = k.client.Logical().ReadWithContext(ctx, path)
	} else {
		answer, err = k.client.Logical().WriteWithContext(ctx, path, body)
	}
	var refused *api.ResponseError
	switch {
	case errors.As(err, &refused) && refused.StatusCode == http.StatusBadRequest && verb == "decrypt":
		return nil, vault.ErrUnsealed // another key, a version that may not decrypt any more, or something altered
	case errors.As(err, &refused):
		return nil, fmt.Errorf("%w: the key service answered with status %d", vault.ErrUnavailable, refused.StatusCode)
	case err != nil:
		return nil, fmt.Errorf("%w: the key service does not answer", vault.ErrUnavailable)
	case answer == nil:
		return nil, fmt.Errorf("%w: the key service does not know the key", vault.ErrUnavailable)
	}
	return answer.Data, nil
}

// authorize gives the client the token of now. A file that is being written may be empty for a moment; a call without a
// token would be answered with the status of a key that does not open, which is for good.
func (k *KEK) authorize() error {
	if k.cfg.TokenFile == "" {
		return nil
	}
	text, err := os.ReadFile(k.cfg.TokenFile)
	token := strings.TrimSpace(string(text))
	if err != nil || token == "" {
		return fmt.Errorf("%w: the file of the key service's token cannot be read, or is empty", vault.ErrUnavailable)
	}
	k.client.SetToken(token)
	return nil
}
