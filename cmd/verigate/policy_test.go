package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// person is somebody at a terminal, with a key to a running API.
type person struct {
	t        *testing.T
	url, key string
}

// does runs a command that has to succeed and returns what it printed.
func (p person) does(args ...string) string {
	p.t.Helper()
	out, complaint, code := p.tries(args...)
	require.Equal(p.t, exitOK, code, "%v: %s%s", args, out, complaint)
	return out
}

// fails runs a command that has to fail and returns the complaint.
func (p person) fails(args ...string) string {
	p.t.Helper()
	out, complaint, code := p.tries(args...)
	require.Equal(p.t, exitFailed, code, "%v: %s%s", args, out, complaint)
	return complaint
}

func (p person) tries(args ...string) (out, complaint string, code int) {
	p.t.Helper()
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"VERIGATE_URL": p.url, "VERIGATE_API_KEY": p.key}[name]
		return v, ok
	}
	var stdout, stderr bytes.Buffer
	code = run(p.t.Context(), args, lookup(env), strings.NewReader(""), &stdout, &stderr)
	return stdout.String(), stderr.String(), code
}

// publishesByTwo goes through the commands of a policy as the two people do that publish one. The clock of the
// demonstration stands shortly before the founding rule is enforced.
func publishesByTwo(t *testing.T, places ready) {
	t.Helper()
	author, approver := person{t, places.API, places.Operator}, person{t, places.API, places.Reviewer}
	const name = "wishpost-face-verification"
	file := filepath.Join(t.TempDir(), "v2.yaml")
	founding, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	next := strings.NewReplacer("version: 1", "version: 2", "2020-12-04T", "2020-12-11T").Replace(string(founding))
	require.NoError(t, os.WriteFile(file, []byte(next), 0o600))

	require.Equal(t, string(founding), author.does("policy", "show", name))
	require.Contains(t, author.does("policy", "diff", file), "~ rules.existing-individuals.phases.enforced.from: 2020-12-04T00:00:00+08:00 -> 2020-12-11T00:00:00+08:00")
	require.Contains(t, author.fails("policy", "publish", file, "--effective-from", "2020-12-01T00:00:00+08:00", "--note", "n"), "effective_from: must not lie in the past")
	proposed := author.does("policy", "publish", file, "--effective-from", "2020-12-10T00:00:00+08:00", "--note", "a week more")
	require.Contains(t, proposed, "version 2: proposed, to be in force from 2020-12-10T00:00:00+08:00 once another key has approved it")
	require.Contains(t, author.fails("policy", "approve", name, "2"), "403 forbidden")
	require.Contains(t, author.does("policy", "diff", name+"@1", name+"@2"), "version 1 -> wishpost-face-verification version 2")
	require.Contains(t, approver.does("policy", "approve", name, "2", "--reason", "seen"), "version 2: scheduled, from 2020-12-10")
	force := author.does("policy", "in-force", "--at", "2020-12-10T00:00:00+08:00")
	require.Contains(t, force, name+" version 2, from 2020-12-10T00:00:00+08:00")
	require.Contains(t, force, "wishpost-registration version 1, from 2020-01-01T00:00:00+08:00")
	require.Contains(t, author.does("policy", "in-force"), name+" version 1")
	require.Contains(t, author.fails("policy", "withdraw", "wishpost-registration", "1", "--reason", "x"), "409 policy_state")
	require.Contains(t, author.does("policy", "withdraw", name, "2", "--reason", "the notice fell"), "version 2: withdrawn")
	require.Contains(t, approver.fails("policy", "reject", name, "2", "--reason", "x"), "409 policy_state")
	list := author.does("policy", "list")
	require.Contains(t, list, name+" version 1: in force, from 2020-01-01T00:00:00+08:00\n"+name+" version 2: withdrawn\n")

	brakesAndReleases(t, author, person{t, places.API, places.DemoKeys.API})
	history := author.does("policy", "history", name)
	for _, want := range []string{"proposed   version 2 from 2020-12-10", ": a week more", "approved   version 2", ": seen", "withdrawn  version 2", ": the notice fell"} {
		require.Contains(t, history, want)
	}
	require.Contains(t, author.does("policy", "history", "wishpost-registration"), "braked     rule new-individuals")
}

// brakesAndReleases stops and starts the rule for registration, under which sample-at is blocked.
func brakesAndReleases(t *testing.T, author, service person) {
	t.Helper()
	const registration = "wishpost-registration"
	require.Contains(t, service.does("decide", "sample-at", "create_label"), "block (enforced)")
	require.Contains(t, author.does("policy", "brakes"), "nothing is braked")
	braked := author.does("policy", "brake", registration, "--rule", "new-individuals", "--reason", "incident 42")
	require.Contains(t, braked, "rule new-individuals of "+registration+" only observe since ")
	require.Contains(t, service.does("decide", "sample-at", "create_label"), "allow (enforced)")
	require.Contains(t, author.does("policy", "brakes"), "incident 42")
	require.Contains(t, author.does("policy", "in-force"), "observe (braked)")
	observed := author.does("policy", "observed", registration, "--accounts")
	require.Contains(t, observed, "version 1, rule new-individuals, create_label: 1 accounts, ")
	require.Contains(t, observed, "sample-at  create_label  version 1, rule new-individuals, first 2020-12-0")
	require.Contains(t, author.fails("policy", "release", registration, "--reason", "mended"), "409 not_braked")
	require.Contains(t, author.does("policy", "release", registration, "--rule", "new-individuals", "--reason", "mended"), "released")
	require.Contains(t, service.does("decide", "sample-at", "create_label"), "block (enforced)")
	for _, command := range []string{"list", "brakes", "in-force"} {
		require.True(t, strings.HasPrefix(author.does("policy", command, "--json"), "{"), command)
	}
}
