// Package transit wraps data keys with a key of a key management service that has the Transit interface of HashiCorp
// Vault, which OpenBao has too. The key never leaves the service.
package transit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/verigate/verigate/internal/vault"
)

// Config says which key of which service.
type Config struct {
	Address   string // URL
	Mount     string // path of the Transit engine
	Key       string // name, of a type with authenticated data
	Namespace string // empty where the service has none
	Token     string // or TokenFile, one of the two
	TokenFile string // read for each call
	CAFile    string // PEM; empty: the system's certificates
	Timeout   time.Duration
}

// KEK wraps with the newest version of the key. The id of a version is transit/NAME/v and its number.
type KEK struct {
	cfg    Config
	client *api.Client

	mu     sync.Mutex
	opened map[string][]byte // data keys in clear, by what authenticates them and what was wrapped; see remember
}

var _ vault.KEK = (*KEK)(nil)

// mostOpened bounds the data keys that are kept in clear so that the service is not asked for each record. Whether one
// may still be used, the key file says for each record: what was destroyed is never asked for.
const mostOpened = 2000

// Wrap implements vault.KEK.
func (k *KEK) Wrap(ctx context.Context, plain, bound []byte) ([]byte, string, error) {
	answer, err := k.call(ctx, "encrypt", map[string]any{"plaintext": encode(plain), "associated_data": encode(bound)})
	if err != nil {
		return nil, "", err
	}
	text, _ := answer["ciphertext"].(string)
	version, ok := versionOf(text)
	if !ok {
		return nil, "", fmt.Errorf("%w: the key service answered something else than a ciphertext", vault.ErrUnavailable)
	}
	k.remember(bound, []byte(text), plain)
	return []byte(text), k.id(version), nil
}

// Unwrap implements vault.KEK.
func (k *KEK) Unwrap(ctx context.Context, id string, wrapped, bound []byte) ([]byte, error) {
	version, ok := versionOf(string(wrapped))
	if !ok || k.id(version) != id {
		return nil, vault.ErrUnsealed
	}
	if plain := k.remembered(bound, wrapped); plain != nil {
		return plain, nil
	}
	answer, err := k.call(ctx, "decrypt", map[string]any{"ciphertext": string(wrapped), "associated_data": encode(bound)})
	if err != nil {
		return nil, err
	}
	text, _ := answer["plaintext"].(string)
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(plain) == 0 {
		return nil, fmt.Errorf("%w: the key service answered something else than a key", vault.ErrUnavailable)
	}
	k.remember(bound, wrapped, plain)
	return plain, nil
}

// IDs implements vault.KEK: the versions that decrypt, the newest first.
func (k *KEK) IDs(ctx context.Context) ([]string, error) {
	answer, err := k.call(ctx, "keys", nil)
	if err != nil {
		return nil, err
	}
	newest, oldest := number(answer["latest_version"]), number(answer["min_decryption_version"])
	if newest < 1 || newest-oldest > 10_000 {
		return nil, fmt.Errorf("%w: the key service does not say which versions the key has", vault.ErrUnavailable)
	}
	var ids []string
	for v := newest; v >= max(oldest, 1); v-- {
		ids = append(ids, k.id(v))
	}
	return ids, nil
}

func (k *KEK) id(version int64) string {
	return "transit/" + k.cfg.Key + "/v" + strconv.FormatInt(version, 10)
}

func (k *KEK) remembered(bound, wrapped []byte) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.opened[string(bound)+"\x00"+string(wrapped)]
}

func (k *KEK) remember(bound, wrapped, plain []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.opened) >= mostOpened {
		clear(k.opened)
	}
	k.opened[string(bound)+"\x00"+string(wrapped)] = plain
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// versionOf reads the version in front of a ciphertext, vault:v3:…
func versionOf(text string) (int64, bool) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 || parts[0] != "vault" || !strings.HasPrefix(parts[1], "v") {
		return 0, false
	}
	version, err := strconv.ParseInt(parts[1][1:], 10, 32)
	return version, err == nil && version > 0
}

func number(value any) int64 {
	n, _ := value.(json.Number)
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return i
}
