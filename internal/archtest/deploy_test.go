package archtest_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/archtest"
)

// instruction is one of a Dockerfile, its continued lines joined.
type instruction struct{ word, rest string }

// instructions reads a Dockerfile without here-documents.
func instructions(text string) []instruction {
	var all []instruction
	var held string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if before, more := strings.CutSuffix(line, `\`); more {
			held += before
			continue
		}
		word, rest, _ := strings.Cut(held+line, " ")
		all, held = append(all, instruction{strings.ToUpper(word), strings.TrimSpace(rest)}), ""
	}
	return all
}

// imageFaults says what must not be in an image: a base that moves, a shell, root, a secret.
func imageFaults(text string) []string {
	all := instructions(text)
	var faults []string
	var last int
	for i, in := range all {
		switch in.word {
		case "FROM":
			last = i
			base, _, _ := strings.Cut(in.rest, " ")
			exact := base == "scratch" || regexp.MustCompile(`^[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*(@sha256:[0-9a-f]{64})?$`).MatchString(base)
			if !exact {
				faults = append(faults, "base "+base+" is not pinned")
			}
		case "ADD":
			faults = append(faults, "ADD fetches and unpacks; COPY does neither")
		case "ARG", "ENV":
			if regexp.MustCompile(`(?i)secret|passw|token|_key|keyset`).MatchString(in.rest) {
				faults = append(faults, "a secret would stay in the image: "+in.rest)
			}
		}
	}
	stage := map[string][]string{}
	for _, in := range all[last:] {
		stage[in.word] = append(stage[in.word], in.rest)
	}
	if len(stage["FROM"]) != 1 || stage["FROM"][0] != "scratch" {
		faults = append(faults, "the last stage is not scratch")
	}
	if len(stage["RUN"])+len(stage["SHELL"]) > 0 {
		faults = append(faults, "the last stage runs something, so it has a shell")
	}
	user := stage["USER"]
	if len(user) != 1 || !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user[0]) {
		faults = append(faults, "the last stage does not say a numeric user other than root")
	}
	for _, word := range []string{"ENTRYPOINT", "CMD"} {
		if len(stage[word]) != 1 || !strings.HasPrefix(stage[word][0], "[") {
			faults = append(faults, word+" is not a list: the other form needs a shell")
		}
	}
	if check := stage["HEALTHCHECK"]; len(check) != 1 || !strings.Contains(check[0], `CMD ["/verigate", "health"`) {
		faults = append(faults, "no health check by the binary itself")
	}
	return faults
}

// TestImage: the image holds one static program, runs as nobody in particular and keeps no secret.
func TestImage(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	text, err := fs.ReadFile(root, "deploy/Dockerfile")
	require.NoError(t, err)
	require.Empty(t, imageFaults(string(text)))

	gomod, err := fs.ReadFile(root, "go.mod")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(gomod)
	require.Contains(t, string(text), "FROM golang:"+string(version[1])+"-", "the image is built with the Go of go.mod")
	require.Contains(t, string(text), "CGO_ENABLED=0 go build -trimpath")

	for what, broken := range map[string]struct{ from, to string }{
		"is not pinned":             {"golang:1.26.8-trixie AS", "golang:latest AS"},
		"other than root":           {"USER 65532:65532", "USER root"},
		"last stage is not scratch": {"FROM scratch", "FROM debian:13.1.0"},
		"so it has a shell":         {"WORKDIR /data", "RUN id"},
		"a secret would stay":       {"ENV VERIGATE_HTTP", "ENV VERIGATE_SECRETS_LINK_KEYS=a VERIGATE_HTTP"},
		"ENTRYPOINT is not a list":  {`ENTRYPOINT ["/verigate"]`, "ENTRYPOINT /verigate"},
		"no health check":           {"HEALTHCHECK --interval", "LABEL --interval"},
		"ADD fetches":               {"COPY . .", "ADD . ."},
	} {
		require.Contains(t, string(text), broken.from)
		require.Contains(t, strings.Join(imageFaults(strings.Replace(string(text), broken.from, broken.to, 1)), "\n"), what)
	}
}

// TestImageContext: what the image is built of is named, so that neither data of a local run nor a secret gets in.
func TestImageContext(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	text, err := fs.ReadFile(root, ".dockerignore")
	require.NoError(t, err)
	var rules []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			rules = append(rules, line)
		}
	}
	require.Equal(t, "*", rules[0], "everything is left out that is not named")
	taken := map[string]bool{}
	for _, rule := range rules[1:] {
		name, in := strings.CutPrefix(rule, "!")
		if !in {
			continue
		}
		_, err := fs.Stat(root, name)
		require.NoError(t, err, "%s is named and does not exist", name)
		taken[name] = true
	}
	m, err := archtest.Load(root)
	require.NoError(t, err)
	for _, p := range m.Packages {
		top, _, _ := strings.Cut(p.Path, "/")
		if top != "test" {
			require.True(t, taken[top], "%s is not in .dockerignore's list, and the image cannot be built without it", top)
		}
	}
}
