package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
)

func TestDatabases(t *testing.T) {
	t.Parallel()
	const (
		here = "postgres://verigate:" + canary + "@127.0.0.1:5432/verigate"
		keys = "postgres://keeper:" + canary + "@127.0.0.1:5432/verigate_keys"
		form = "must be a URL such as"
	)
	for name, tc := range map[string]struct {
		driver, url, keysURL, path, keysPath string
		field, message                       string // of the only fault; none: good
	}{
		"a file":                   {driver: "sqlite", path: "v.db"},
		"no file":                  {driver: "sqlite", field: "store.path", message: "must name the file"},
		"a file and a URL":         {driver: "sqlite", path: "v.db", url: here, field: "store.url", message: "counts with store.driver postgres only"},
		"keys on a server":         {driver: "sqlite", path: "v.db", keysURL: keys},
		"two databases":            {driver: "postgres", url: here, keysURL: keys},
		"the path does not matter": {driver: "postgres", url: here, keysURL: keys, path: "v.db"},
		"keys in a file":           {driver: "postgres", url: here, keysPath: "keys.db"},
		"keys in two places":       {driver: "postgres", url: here, keysURL: keys, keysPath: "keys.db", field: "vault.keys_url", message: "exclude each other"},
		"no URL":                   {driver: "postgres", keysURL: keys, field: "store.url", message: "must say where the database is"},
		"no keys":                  {driver: "postgres", url: here, field: "vault.keys_url", message: "another database than store.url's"},
		"keys with the data":       {driver: "postgres", url: here, keysURL: here, field: "vault.keys_url", message: "must be another database"},
		"with the data, otherwise written": {
			driver: "postgres", url: here, keysURL: "postgresql://other@127.0.0.1/x?dbname=verigate", field: "vault.keys_url", message: "must be another database",
		},
		"one name on two servers": {driver: "postgres", url: here, keysURL: "postgres://keeper@127.0.0.1:5433/verigate"},
		"on a socket":             {driver: "postgres", url: "postgres:///v?host=/run/postgresql", keysURL: "postgres:///k?host=/run/postgresql"},
		"both on a socket": {
			driver: "postgres", url: "postgres:///v?host=/run/postgresql", keysURL: "postgres:///v?host=/run/postgresql&user=x", field: "vault.keys_url", message: "must be another database",
		},
		"no URL at all": {driver: "postgres", url: "host=127.0.0.1 password=" + canary, keysURL: keys, field: "store.url", message: form},
		"mysql":         {driver: "postgres", url: "mysql://h/" + canary, keysURL: keys, field: "store.url", message: form},
		"no database":   {driver: "postgres", url: "postgres://" + canary + "@127.0.0.1", keysURL: keys, field: "store.url", message: "must name the database"},
		"no host":       {driver: "postgres", url: "postgres:///" + canary, keysURL: keys, field: "store.url", message: "must name the host"},
		"another machine, perhaps in clear": {
			driver: "postgres", url: "postgres://u:" + canary + "@db.internal/v", keysURL: keys, field: "store.url", message: "must say sslmode",
		},
		"another machine, if it likes": {
			driver: "postgres", url: here, keysURL: "postgres://u@10.0.0.1/k?sslmode=prefer", field: "vault.keys_url", message: "must say sslmode",
		},
		"the second of two": {
			driver: "postgres", url: "postgres://127.0.0.1,db.internal/v", keysURL: keys, field: "store.url", message: "must say sslmode",
		},
		"another machine":           {driver: "postgres", url: "postgres://u@db.internal/v?sslmode=verify-full", keysURL: keys},
		"in clear, and said to be":  {driver: "postgres", url: "postgres://u@db.internal/v?sslmode=disable", keysURL: keys},
		"this machine, by its name": {driver: "postgres", url: "postgres://u@localhost/v", keysURL: "postgres://u@[::1]/k"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config.Default()
			c.Provider.Kind = config.ProviderSimulated
			c.Store.Driver, c.Store.Path, c.Store.URL = tc.driver, tc.path, config.NewSecret(tc.url)
			c.Vault.KeysURL, c.Vault.KeysPath = config.NewSecret(tc.keysURL), tc.keysPath
			faults := c.Validate()
			if tc.field == "" {
				require.Empty(t, faults)
				return
			}
			require.Len(t, faults, 1)
			require.Equal(t, tc.field, faults[0].Field)
			require.Contains(t, faults[0].Message, tc.message)
			require.NotContains(t, faults.Error(), canary)
		})
	}
}
