package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
)

// FuzzLoad: any file gives a configuration that holds, or faults with words; never both, never a panic, and never what
// stands in the files of secrets.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		complete, "", "http: {listen: 1}", "log: &a [*a]", "store:\n  path: [x]\n", "? [x]\n: y", "---\na: 1\n---\n", "vault: !!binary eA==",
		"provider: {alipay: {private_key: file:app.pem, public_key: 'file:missing'}}", "http: {idle_timeout: 9999999h}", "<<: {}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := config.Load(sources(string(file)))
		if err == nil {
			require.Empty(t, c.Validate())
			return
		}
		var faults config.Faults
		require.ErrorAs(t, err, &faults)
		require.NotEmpty(t, faults)
		for _, fault := range faults {
			require.NotEmpty(t, fault.Message)
		}
		require.NotContains(t, err.Error(), canary)
	})
}
