package archtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/archtest"
)

// TestRulesBite breaks each kind of row of the real tables once: a typing error in a path would otherwise be a rule
// that holds for ever.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	const own = "example.com/m/"
	for name, tc := range map[string]struct{ file, imported string }{
		"lifecycle and SQL":             {"workflows/lifecycle/x.go", "database/sql"},
		"lifecycle and Temporal":        {"workflows/lifecycle/x.go", "go.temporal.io/sdk/workflow"},
		"policy and looplab":            {"workflows/policy/x.go", "github.com/looplab/fsm"},
		"policy and YAML":               {"workflows/policy/x.go", "go.yaml.in/yaml/v3"},
		"policyfile and definitions":    {"workflows/policy/policyfile/x.go", own + "workflows"},
		"realname and the vocabulary":   {"workflows/realname/x.go", own + "workflows/lifecycle"},
		"realname and files":            {"workflows/realname/x.go", "os"},
		"contract and Temporal":         {"workflows/contract/x.go", "go.temporal.io/sdk/temporal"},
		"contract and HTTP":             {"workflows/contract/x.go", "net/http"},
		"definitions and internal":      {"workflows/x.go", own + "internal/store"},
		"definitions and an adapter":    {"workflows/x.go", own + "activities/face/alipay"},
		"definitions and client":        {"workflows/x.go", "go.temporal.io/sdk/client"},
		"activities and internal":       {"activities/x.go", own + "internal/vault"},
		"activities and definitions":    {"activities/x.go", own + "workflows"},
		"the port and a module":         {"activities/face/x.go", "golang.org/x/time/rate"},
		"an adapter and internal":       {"activities/face/alipay/x.go", own + "internal/config"},
		"worker and internal":           {"worker/x.go", own + "internal/temporal"},
		"worker and an adapter":         {"worker/x.go", own + "activities/face/alipay"},
		"a fail-point and a module":     {"internal/failpoint/x.go", "go.uber.org/zap"},
		"a fail-point outside app":      {"internal/store/sqlstore/x.go", own + "internal/failpoint"},
		"gate and Temporal":             {"internal/gate/x.go", "go.temporal.io/sdk/temporal"},
		"api and Temporal":              {"internal/api/x.go", "go.temporal.io/api/serviceerror"},
		"api and the engine":            {"internal/api/x.go", own + "internal/temporal"},
		"web and the database":          {"internal/web/x.go", own + "internal/store/sqlstore"},
		"vault and the engine":          {"internal/vault/x.go", "go.temporal.io/sdk/activity"},
		"store and the gate":            {"internal/store/x.go", own + "internal/gate"},
		"app and the server":            {"internal/app/x.go", "go.temporal.io/server/temporal"},
		"a test and the server":         {"internal/app/x_test.go", "go.temporal.io/server/temporal"},
		"app and the UI":                {"internal/app/x.go", "github.com/temporalio/ui-server/v2/server"},
		"app and sdk/workflow":          {"internal/app/x.go", "go.temporal.io/sdk/workflow"},
		"cmd and client":                {"cmd/verigate/x.go", "go.temporal.io/sdk/client"},
		"cmd and an adapter":            {"cmd/verigate/x.go", own + "activities/face/alipay"},
		"YAML in the gate":              {"internal/gate/x.go", "go.yaml.in/yaml/v3"},
		"a driver in the vault":         {"internal/vault/x.go", "modernc.org/sqlite"},
		"goose in app":                  {"internal/app/x.go", "github.com/pressly/goose/v3"},
		"a QR code in app":              {"internal/app/x.go", "github.com/skip2/go-qrcode"},
		"huma in the pages":             {"internal/web/x.go", "github.com/danielgtaylor/huma/v2"},
		"the sign-in and the database":  {"internal/access/x.go", own + "internal/store/sqlstore"},
		"OpenID Connect in the pages":   {"internal/admin/x.go", "github.com/coreos/go-oidc/v3/oidc"},
		"flags in config":               {"internal/config/x.go", "github.com/alecthomas/kong"},
		"testify in production":         {"internal/gate/x.go", "github.com/stretchr/testify/require"},
		"httptest in production":        {"internal/gate/x.go", "net/http/httptest"},
		"the root imported":             {"internal/gate/x.go", own + "internal/app"},
		"the database chosen by gate":   {"internal/gate/x.go", own + "internal/store/sqlstore"},
		"the simulator chosen by cmd":   {"cmd/verigate/x.go", own + "activities/face/alipay/alipaysim"},
		"definitions from the gate":     {"internal/gate/x.go", own + "workflows"},
		"worker started by the gate":    {"internal/gate/x.go", own + "worker"},
		"looplab outside the lifecycle": {"workflows/x.go", "github.com/looplab/fsm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, judge(invented(t, map[string]string{tc.file: importing(tc.imported)})))
			require.Empty(t, judge(invented(t, map[string]string{tc.file: importing("errors")})))
		})
	}
}

// TestRulesLetPass are the dependencies that the plan asks for.
func TestRulesLetPass(t *testing.T) {
	t.Parallel()
	const own = "example.com/m/"
	require.Empty(t, judge(invented(t, map[string]string{
		"workflows/lifecycle/x.go":         importing("time", "github.com/looplab/fsm"),
		"workflows/realname/x.go":          importing("strings"),
		"workflows/policy/x.go":            importing("time", own+"workflows/lifecycle"),
		"workflows/policy/policyfile/x.go": importing("go.yaml.in/yaml/v3", own+"workflows/policy"),
		"workflows/policy/policytest/x.go": importing("testing", "go.yaml.in/yaml/v3", own+"workflows/policy"),
		"workflows/contract/x.go":          importing("errors", own+"workflows/lifecycle"),
		"workflows/x.go":                   importing("go.temporal.io/sdk/workflow", own+"activities", own+"workflows/contract"),
		"workflows/client.go":              importing("go.temporal.io/sdk/client"),
		"activities/x.go":                  importing("go.temporal.io/sdk/activity", own+"activities/face", own+"workflows/realname"),
		"activities/face/x.go":             importing("context"),
		"activities/face/alipay/x.go":      importing("golang.org/x/time/rate", own+"activities/face"),
		"worker/x.go":                      importing("go.temporal.io/sdk/worker", "go.temporal.io/sdk/client", own+"workflows", own+"activities"),
		"internal/store/x.go":              importing(own + "workflows/policy"),
		"internal/store/sqlstore/x.go":     importing("modernc.org/sqlite", "github.com/pressly/goose/v3", own+"internal/store"),
		"internal/gate/x.go":               importing(own+"internal/store", own+"workflows/policy/policyfile"),
		"internal/api/x.go":                importing("github.com/danielgtaylor/huma/v2", "github.com/skip2/go-qrcode", own+"internal/gate", own+"workflows/contract"),
		"internal/temporal/x.go":           importing("go.temporal.io/sdk/client", own+"workflows", own+"internal/api"),
		"internal/temporal/devserver/x.go": importing("go.temporal.io/server/temporal", "github.com/temporalio/ui-server/v2/server"),
		"internal/app/x.go": importing(own+"internal/temporal/devserver", own+"internal/store/sqlstore", own+"activities/face/alipay/alipaysim",
			own+"internal/failpoint", own+"worker", own+"internal/api"),
		"cmd/verigate/main.go": importing("github.com/alecthomas/kong", own+"internal/app", own+"workflows/policy/policyfile"),
		"test/e2e/x_test.go":   importing("github.com/stretchr/testify/require", own+"activities/face/alipay/alipaysim"),
	})))
}

func judge(m *archtest.Module) []string {
	var found []archtest.Finding
	for _, rule := range archtest.ClosedRules() {
		found = append(found, rule.Check(m)...)
	}
	for _, rule := range archtest.UnreachableRules() {
		found = append(found, rule.Check(m)...)
	}
	for _, rule := range archtest.HeldRules() {
		found = append(found, rule.Check(m)...)
	}
	return texts(found)
}
