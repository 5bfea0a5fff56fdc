package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
)

func TestValidateNotify(t *testing.T) {
	t.Parallel()
	fields := func(change func(n *config.Notify)) []string {
		c := config.Default()
		c.Provider.Kind = config.ProviderSimulated
		change(&c.Notify)
		var all []string
		for _, f := range c.Validate() {
			all = append(all, f.Field)
		}
		return all
	}
	require.Empty(t, fields(func(*config.Notify) {}))
	require.Empty(t, fields(func(n *config.Notify) { n.Kind = config.NotifySimulated }))
	require.Equal(t, []string{
		"notify.aliyun.access_key_id", "notify.aliyun.access_key_secret", "notify.aliyun.sign_name", "notify.aliyun.template_before",
		"notify.aliyun.template_after",
	}, fields(func(n *config.Notify) { n.Kind = config.NotifyAliyun }))
	require.Equal(t, []string{"notify.aliyun.receipts_secret"}, fields(func(n *config.Notify) {
		n.Aliyun.ReceiptsSecret = config.NewSecret("0123456789abcde")
	}))
	require.Equal(t, []string{"notify.kind"}, fields(func(n *config.Notify) { n.Kind = "pigeon" }))
}
