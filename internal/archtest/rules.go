package archtest

// pure are the packages that every other may rely on: they compute, and depend on nothing that does more than that.
func pure() []string {
	return []string{"workflows/lifecycle", "workflows/policy", "workflows/realname", "workflows/contract"}
}

// ClosedRules are the packages whose imports can be counted on one hand.
func ClosedRules() []Closed {
	vocabulary := pure()
	with := func(more ...string) []string { return append(more, vocabulary...) }
	return []Closed{
		{[]string{"workflows/lifecycle"}, []string{std, "github.com/looplab/fsm"},
			"the state machine must be readable and replayable without Temporal, SQL or anything of ours"},
		{[]string{"workflows/realname"}, []string{std},
			"the rules for names and documents are pure and importable by all"},
		{[]string{"workflows/policy"}, []string{std, "workflows/lifecycle", "workflows/realname"},
			"Decide is pure: it knows the standing of an account and nothing that could fail or wait"},
		{[]string{"workflows/policy/policyfile"}, []string{std, "go.yaml.in/yaml/v3", "workflows/policy", "workflows/lifecycle"},
			"a policy file is parsed apart from the policy, with nothing but YAML"},
		{[]string{"workflows/contract"}, []string{std, "workflows/lifecycle", "workflows/policy", "workflows/realname"},
			"account services import the contract: it must stay a leaf"},
		{[]string{"workflows/payload"}, []string{std, thirdParty},
			"whoever drives verifications over their own Temporal client needs the codec, and nothing else of ours with it"},
		{[]string{"workflows"}, with(std, thirdParty, "activities", "activities/face"),
			"definitions know the vocabulary, and activities for method references only"},
		{[]string{"activities"}, with(std, thirdParty, "activities/face"),
			"activities declare the ports that they need; adapters are chosen in internal/app"},
		{[]string{"activities/face"}, with(std),
			"the port must not know an adapter, and an adapter must need nothing else to satisfy it"},
		{[]string{"activities/face/..."}, with(std, thirdParty, "activities/face/..."),
			"adapters know their port and the vocabulary, never the definitions or internal"},
		{[]string{"worker", "worker/..."}, with(std, thirdParty, "workflows", "activities", "activities/face"),
			"worker joins workflows and activities; what they run on is handed to it"},
		{[]string{"internal/failpoint"}, []string{std},
			"a fail-point sits under anything, so it depends on nothing"},
		{[]string{"internal/chart"}, []string{std},
			"a drawing is made of values and words alone: any page can use it"},
		{[]string{"internal/portal"}, []string{std},
			"the sample portal is a client like any other: whoever copies it must need nothing of ours"},
		{[]string{"internal/store", "internal/vault"}, with(std, thirdParty, "internal/store", "internal/vault"),
			"ports know the vocabulary; databases and engines know the ports"},
		{[]string{"cmd/..."}, with(std, thirdParty, "internal/...", "workflows/policy/policyfile", "workflows/payload", "worker"),
			"commands only start things and ask the service; the rest is wired in internal/app"},
	}
}

// UnreachableRules are the dependencies that must not creep in through a third package either.
func UnreachableRules() []Unreachable {
	return []Unreachable{
		{pure(), []string{"go.temporal.io/...", "std:database/sql/...", "std:net", "std:net/http/...", "std:os", "std:os/...",
			"std:math/rand/...", "std:crypto/rand", "std:log"},
			"the vocabulary is deterministic: no Temporal, no SQL, no network, no files, no chance"},
		{[]string{"internal/gate/..."}, []string{"go.temporal.io/..."},
			"the gate answers on the hot path from the store alone, also while Temporal is away"},
		{[]string{"internal/impact", "internal/campaign", "internal/rehearsal"}, []string{"go.temporal.io/...", "internal/store/sqlstore/..."},
			"previews, reports and rehearsals read a store by the rules of the real day, and need no engine"},
		{[]string{"internal/api", "internal/web", "internal/admin", "internal/page"}, []string{"go.temporal.io/...", "internal/temporal/...", "internal/store/sqlstore/...", "activities/face/..."},
			"the API and the pages declare the small Engine that they need and know no Temporal, no database, no provider"},
		{[]string{"internal/store", "internal/vault", "internal/notify/...", "internal/config"}, []string{"go.temporal.io/server/...", "go.temporal.io/sdk/...", "internal/app"},
			"facts, personal data, messages and settings do not depend on the engine"},
	}
}

// HeldRules are the things that only named places may hold.
func HeldRules() []Held {
	return append(heldModules(), heldPackages()...)
}

func heldModules() []Held {
	return []Held{
		{Imports: []string{"go.temporal.io/server/...", "github.com/temporalio/ui-server/..."},
			By: []string{"internal/temporal/devserver"}, TestsToo: true,
			Why: "the embedded engine is 1,300 more packages: whoever imports it cannot be tested with -race in reasonable time"},
		{Imports: []string{"go.temporal.io/sdk/workflow"}, By: []string{"workflows", "worker"},
			Why: "only workflow definitions run in a workflow, and only worker registers them"},
		{Imports: []string{"go.temporal.io/sdk/client"},
			By:  []string{"workflows/client.go", "worker", "internal/temporal/...", "internal/app"},
			Why: "one holder of the client decides on codec, timeouts and retries"},
		{Imports: []string{"github.com/looplab/fsm"}, By: []string{"workflows/lifecycle"},
			Why: "its traps (map order, contexts, unknown states) are dealt with in one place"},
		{Imports: []string{"go.yaml.in/yaml/...", "gopkg.in/yaml.v2", "gopkg.in/yaml.v3"},
			By:  []string{"workflows/policy/policyfile", "internal/config", testSupport},
			Why: "YAML is parsed where its faults are reported with their lines"},
		{Imports: []string{"modernc.org/sqlite/...", "github.com/jackc/pgx/...", "github.com/lib/pq", "github.com/pressly/goose/..."},
			By:  []string{"internal/store/sqlstore/...", "internal/bench"},
			Why: "one place knows the dialects; baselines of measurements speak SQL themselves"},
		{Imports: []string{"github.com/skip2/go-qrcode"}, By: []string{"internal/api", "internal/web"},
			Why: "a QR code is drawn where it is served"},
		{Imports: []string{"github.com/danielgtaylor/huma/..."}, By: []string{"internal/api/..."},
			Why: "the pages and the engine are not described by OpenAPI"},
		{Imports: []string{"github.com/standard-webhooks/..."}, By: []string{"internal/notify", testSupport},
			Why: "messages are signed where they are sent"},
		{Imports: []string{"github.com/alecthomas/kong"}, By: []string{"cmd/..."},
			Why: "flags are the command line's business"},
		{Imports: []string{"github.com/stretchr/testify/...", "pgregory.net/rapid", "go.uber.org/goleak", "github.com/google/go-cmp/...",
			"github.com/makiuchi-d/gozxing/...", "github.com/getkin/kin-openapi/...", "github.com/rogpeppe/go-internal/testscript/...",
			"go.temporal.io/sdk/testsuite", "std:testing", "std:testing/...", "std:net/http/httptest"},
			By:  []string{testSupport},
			Why: "what serves tests is not shipped"},
	}
}

func heldPackages() []Held {
	return []Held{
		{Imports: []string{"internal/app"}, By: []string{"cmd/..."},
			Why: "the composition root is above everything but the commands"},
		{Imports: []string{"internal/failpoint"}, By: []string{"internal/app"},
			Why: "crashes on demand are wired by decorators, not strewn through the code"},
		{Imports: []string{"internal/store/sqlstore", "internal/temporal/devserver", "activities/face/alipay", "activities/face/alipay/alipaysim",
			"internal/notify/aliyunsms/..."},
			By:  []string{"internal/app", "internal/bench", "activities/face/alipay/...", "internal/notify/aliyunsms/...", testSupport},
			Why: "which database, engine and provider is used is decided in one place"},
		{Imports: []string{"workflows"}, By: []string{"worker", "internal/temporal/...", "internal/app"},
			Why: "the definitions are reached through the contract and the typed client"},
		{Imports: []string{"worker"}, By: []string{"internal/app", "internal/temporal/...", "cmd/verigate"},
			Why: "workers are started by the composition root; the replay command registers the same definitions"},
	}
}
