package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
)

// provided adds a good identity provider.
func provided(c *config.Config) *config.OIDC {
	c.HTTP.PublicURL = "https://idv.example.com"
	o := &c.Admin.OIDC
	o.Issuer, o.ClientID, o.Roles = "https://login.example.com", "verigate", []string{"idv-admins=admin"}
	return o
}

func TestGroupsHaveRoles(t *testing.T) {
	t.Parallel()
	o := config.OIDC{Issuer: "https://login.example.com:8443/realms/x", Roles: []string{"idv-admins=admin", "CN=idv,DC=example = reviewer"}}
	groups, err := o.Groups()
	require.NoError(t, err)
	require.Equal(t, []config.GroupRole{{Group: "idv-admins", Role: "admin"}, {Group: "CN=idv,DC=example", Role: "reviewer"}}, groups)
	require.Equal(t, "login.example.com", o.DisplayName())
	o.Name = "Example"
	require.Equal(t, "Example", o.DisplayName())
	for _, bad := range []string{"admin", "=admin", "g=", "g=Admin"} {
		o.Roles = []string{bad}
		_, err := o.Groups()
		require.Error(t, err, bad)
	}

	c := config.Default()
	provided(&c)
	for _, f := range c.Validate() {
		require.NotContains(t, f.Field, "admin.")
	}
	c.Admin.OIDC.Roles = nil
	require.Contains(t, c.Validate().Error(), "admin.oidc.roles")
}

func TestPayloadOrigins(t *testing.T) {
	t.Parallel()
	for origin, good := range map[string]bool{
		"https://temporal.example.com": true, "http://127.0.0.1:8233": true,
		"": false, "*": false, "null": false, "temporal.example.com": false, "https://": false, "https://T.example": false, "ftp://t.example": false,
		"https://t.example/": false, "https://t.example/ui": false, "https://t.example?x": false, "https://u@t.example": false,
	} {
		c := config.Default()
		c.Admin.PayloadOrigins = []string{origin}
		faulty := false
		for _, f := range c.Validate() {
			faulty = faulty || f.Field == "admin.payload_origins"
		}
		require.Equal(t, good, !faulty, origin)
	}
}
