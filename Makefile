# How Verigate is built and judged. Needs Go (the version in go.mod), make and, for the race detector, a C compiler.
#
# Tests of pages need Chromium, and npm to fetch axe-core once.
#
# No target but release says -trimpath or -cover: either compiles the embedded engine's 1,300 packages once more.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

export GOWORK := off

# Without symbol tables the binary is a third smaller and links in half the time; stack traces stay readable.
LDFLAGS := -s -w

# The accessibility checker of the browser tests. Its licence is MPL-2.0; it is fetched, never shipped and not kept here.
axe_version := 4.14.1
axe_sha256  := e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
axe         := .bin/axe-core-$(axe_version)/axe.min.js
with_axe    := VERIGATE_AXE='$(CURDIR)/$(axe)'

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z].*## / {printf "%-15s %s\n", $$1, $$2}' Makefile

.PHONY: binary
binary: ## build bin/verigate
	go build -ldflags '$(LDFLAGS)' -o bin/verigate ./cmd/verigate

.PHONY: binaries
binaries: binary ## build bin/verigate, and bin/verigate-failpoints that can crash on demand
	go build -ldflags '$(LDFLAGS)' -tags failpoints -o bin/verigate-failpoints ./cmd/verigate

# What is deployed with, judged by Helm's, Kubernetes' and Compose's own code.
.PHONY: deploy
deploy: binary .bin/testrun ## tests of the Helm chart and the compose file, by their own loaders and the finished binary
	VERIGATE_BIN='$(CURDIR)/bin/verigate' .bin/testrun test deploy

# A real Temporal server, from the module that go.mod pins: the programs that its makers release.
.PHONY: temporal
temporal: .bin/temporal-server .bin/temporal-sql-tool

.bin/temporal-server: go.mod
	go build -ldflags '$(LDFLAGS)' -o $@ go.temporal.io/server/cmd/server

.bin/temporal-sql-tool: go.mod
	go build -ldflags '$(LDFLAGS)' -o $@ go.temporal.io/server/cmd/tools/sql

.PHONY: cluster
cluster: temporal ## run PostgreSQL and a Temporal cluster of four processes on loopback until Ctrl-C
	go run ./test/cluster

.PHONY: test
test: build vet workflowcheck tests ## everything that must hold; closes with "N passed, N failed, N skipped"

.PHONY: tests
tests: binaries temporal .bin/testrun $(axe)
	$(with_binaries) $(with_temporal) $(with_axe) .bin/testrun test

.PHONY: unit
unit: .bin/testrun ## import rules and unit tests under the race detector
	.bin/testrun test race

.PHONY: engine
engine: .bin/testrun ## tests of the packages that embed the engine
	.bin/testrun test engine

.PHONY: e2e
e2e: binaries temporal .bin/testrun ## end-to-end tests on the finished binaries, on embedded defaults and on a cluster
	$(with_binaries) $(with_temporal) .bin/testrun test e2e cluster

.PHONY: browser
browser: binary .bin/testrun $(axe) ## tests of the pages in a real Chromium
	VERIGATE_BIN='$(CURDIR)/bin/verigate' $(with_axe) .bin/testrun test browser

.PHONY: screenshots
screenshots: binary $(axe) ## write every page and state, in both languages, wide and narrow, to build/screenshots
	rm -rf build/screenshots
	VERIGATE_BIN='$(CURDIR)/bin/verigate' $(with_axe) go test ./test/browser -count=1 -timeout=15m -screenshots='$(CURDIR)/build/screenshots'

.PHONY: mutants
mutants: ## take one control away at a time; the test that guards it has to fail: MUTANTS=regexp chooses
	go build -C tools -o ../.bin/mutants ./mutants
	.bin/mutants -run '$(MUTANTS)'

.PHONY: latency
latency: binary temporal $(axe) ## measure how long after the phone's "pass" the page shows success, on both kinds of servers: RUNS=200
	VERIGATE_BIN='$(CURDIR)/bin/verigate' $(with_axe) go test ./test/browser $(passes)
	VERIGATE_BIN='$(CURDIR)/bin/verigate' $(with_axe) $(with_temporal) VERIGATE_E2E_ON=cluster go test ./test/browser $(passes)

passes = -run '^$$' -bench PassToSuccess -benchtime=$(RUNS)x -timeout=60m

RUNS ?= 200

.PHONY: throughput
throughput: temporal ## measure verifications and commands against trivial workflows, on the embedded engine and on a cluster: ROUNDS=20
	go test ./test/engine $(rates)
	$(with_temporal) VERIGATE_E2E_ON=cluster go test ./test/engine $(rates)

ROUNDS ?= 20
rates = -run '^$$' -bench 'Verifications|Commands|Disk' -benchtime=$(ROUNDS)x

.PHONY: rest
rest: binary ## measure how the demonstration starts and rests, beside the engine alone
	VERIGATE_BIN='$(CURDIR)/bin/verigate' go test ./test/engine -run '^$$' -bench Start -benchtime=3x

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME=30s, one after the other: FUZZ=regexp chooses by package and name
	@grep -rH --include='*_test.go' '^func Fuzz' activities internal workflows | sed -E 's|^(.*)/[^/]+:func (Fuzz[A-Za-z]*).*|./\1 \2|' | \
	{ grep -E '$(FUZZ)' || { echo 'no fuzz target matches FUZZ=$(FUZZ)' >&2; exit 1; }; } | \
	while read -r package target; do \
		echo "$$package $$target"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 1s -parallel '$(FUZZJOBS)' "$$package" </dev/null; \
	done

FUZZTIME ?= 30s
FUZZJOBS ?= 1

with_binaries := VERIGATE_BIN='$(CURDIR)/bin/verigate' VERIGATE_FAILPOINT_BIN='$(CURDIR)/bin/verigate-failpoints'

with_temporal := VERIGATE_TEMPORAL_SERVER='$(CURDIR)/.bin/temporal-server' VERIGATE_TEMPORAL_SQL_TOOL='$(CURDIR)/.bin/temporal-sql-tool'

.PHONY: build
build: ## compile every package
	go build ./...

.PHONY: vet
vet: ## go vet, test files included
	go vet ./...
	go vet -C tools ./...
	go vet -C tools/release ./...
	go vet -C tools/deploy ./...

.PHONY: lint
lint: gofmt golangci workflowcheck alerts ## formatting, linters, determinism of workflows

.PHONY: gofmt
gofmt:
	@unformatted=$$(find . -name '*.go' -not -path '*/testdata/*' -not -path './.*' -print0 | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w mends it):"; echo "$$unformatted"; exit 1; fi

.PHONY: golangci
golangci: .bin/golangci-lint
	.bin/golangci-lint run ./...

.PHONY: workflowcheck
workflowcheck: .bin/workflowcheck ## nothing that a workflow reaches may be non-deterministic
	.bin/workflowcheck -config workflowcheck.yaml ./workflows/...

.PHONY: verify
verify: .bin/licences ## modules are what go.sum says, go.mod is tidy, and every licence that is shipped is allowed
	@for module in . tools tools/release tools/deploy; do \
		echo "verify $$module"; \
		go -C "$$module" mod verify >/dev/null; \
		go -C "$$module" mod tidy -diff; \
	done
	.bin/licences -check -out docs/licences.md

.PHONY: licences
licences: .bin/licences ## write docs/licences.md: the modules that are shipped, and their licences
	.bin/licences -out docs/licences.md

.PHONY: vulncheck
vulncheck: .bin/govulncheck ## known weaknesses that our code reaches; needs https://vuln.go.dev
	.bin/govulncheck ./...

# A release is stamped with the tag of the checkout (verigate version), so it is built from a clean one.
RELEASE_ARCHS ?= amd64 arm64
RELEASE_TAGS  ?=
release_name  := verigate$(if $(RELEASE_TAGS),-$(RELEASE_TAGS))

.PHONY: release
release: .bin/licences .bin/cyclonedx-gomod .bin/checkrelease ## build/release: static binaries for linux, their SBOM, licences and checksums: RELEASE_ARCHS, RELEASE_TAGS
	mkdir -p build/release
	.bin/licences -check -out docs/licences.md -texts build/release/LICENCES-OF-MODULES.txt
	cp LICENSE build/release/
	for arch in $(RELEASE_ARCHS); do \
		binary="build/release/$(release_name)-linux-$$arch"; \
		CGO_ENABLED=0 GOOS=linux GOARCH="$$arch" go build -buildvcs=true -trimpath -tags '$(RELEASE_TAGS)' -ldflags '$(LDFLAGS)' -o "$$binary" ./cmd/verigate; \
		.bin/cyclonedx-gomod bin -json -licenses -std -noserial -output "$$binary.cdx.json" "$$binary"; \
		.bin/checkrelease -arch "$$arch" -sbom "$$binary.cdx.json" "$$binary"; \
	done
	cd build/release && sha256sum -- $$(ls | grep -v '^SHA256SUMS$$') >SHA256SUMS

.PHONY: alerts
alerts: ## check and try the alert rules; needs promtool, of Debian's package prometheus
	promtool check rules deploy/alerts.yml
	promtool test rules deploy/alerts_test.yml

.PHONY: clean
clean: ## remove what was built here
	rm -rf bin .bin build

$(axe):
	mkdir -p $(@D)
	cd $(@D) && npm pack --silent axe-core@$(axe_version) >/dev/null
	cd $(@D) && echo '$(axe_sha256)  axe-core-$(axe_version).tgz' | sha256sum --check --quiet
	tar xzf $(@D)/axe-core-$(axe_version).tgz -C $(@D) --strip-components=1 --touch package/axe.min.js package/LICENSE

# The tools are pinned in a module of their own, so that their 200 dependencies are not ours.
.bin/testrun: $(wildcard tools/testrun/*.go) tools/go.mod
	go build -C tools -o ../.bin/testrun ./testrun

.bin/golangci-lint: tools/go.mod
	go build -C tools -o ../.bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# These have a module of their own again, so that their dependencies do not move those of the linters.
.bin/licences: $(wildcard tools/release/licences/*.go) tools/release/go.mod
	go build -C tools/release -o ../../.bin/licences ./licences

.bin/checkrelease: $(wildcard tools/release/check/*.go) tools/release/go.mod
	go build -C tools/release -o ../../.bin/checkrelease ./check

.bin/cyclonedx-gomod: tools/release/go.mod
	go build -C tools/release -o ../../.bin/cyclonedx-gomod github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

.bin/govulncheck: tools/release/go.mod
	go build -C tools/release -o ../../.bin/govulncheck golang.org/x/vuln/cmd/govulncheck

.bin/workflowcheck: tools/go.mod
	go build -C tools -o ../.bin/workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck
