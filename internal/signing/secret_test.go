package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/verigate/verigate/internal/signing"
)

func TestKeysShowOnlyTheirID(t *testing.T) {
	t.Parallel()
	key := signing.Key{ID: "k1", Secret: []byte("canary-5f2b9c")}
	type holder struct{ Keys []signing.Key }
	var b bytes.Buffer
	for _, verb := range strings.Split("vsqxXdbocUeEfFgGtT", "") { // %p and %w pass by every Formatter; go vet refuses them
		_, _ = fmt.Fprintf(&b, "%"+verb+" %+"+verb+" %#"+verb+"\n", key, []signing.Key{key}, holder{[]signing.Key{key}})
	}
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "key", key, "keys", holder{[]signing.Key{key}})
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "key", key, "keys", holder{[]signing.Key{key}})
	require.NoError(t, json.NewEncoder(&b).Encode(holder{[]signing.Key{key}}))
	require.NoError(t, yaml.NewEncoder(&b).Encode(holder{[]signing.Key{key}}))
	for _, form := range []string{
		string(key.Secret), hex.EncodeToString(key.Secret), base64.StdEncoding.EncodeToString(key.Secret)[:12],
		strings.Trim(fmt.Sprint(key.Secret), "[]"), strings.Trim(fmt.Sprintf("%x", key.Secret), "[]"),
	} {
		require.NotContains(t, strings.ToLower(b.String()), strings.ToLower(form))
	}
	require.Contains(t, b.String(), "key k1")
}
