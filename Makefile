# How Verigate is built and judged. Needs Go (the version in go.mod), make and, for the race detector, a C compiler.
#
# No target says -trimpath or -cover: either compiles the embedded engine's 1,300 packages once more.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

export GOWORK := off

# Without symbol tables the binary is a third smaller and links in half the time; stack traces stay readable.
LDFLAGS := -s -w

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z].*## / {printf "%-15s %s\n", $$1, $$2}' Makefile

.PHONY: binary
binary: ## build bin/verigate
	go build -ldflags '$(LDFLAGS)' -o bin/verigate ./cmd/verigate

.PHONY: binaries
binaries: binary ## build bin/verigate, and bin/verigate-failpoints that can crash on demand
	go build -ldflags '$(LDFLAGS)' -tags failpoints -o bin/verigate-failpoints ./cmd/verigate

.PHONY: test
test: build vet workflowcheck tests ## everything that must hold; closes with "N passed, N failed, N skipped"

.PHONY: tests
tests: binaries .bin/testrun
	$(with_binaries) .bin/testrun test

.PHONY: unit
unit: .bin/testrun ## import rules and unit tests under the race detector
	.bin/testrun test race

.PHONY: engine
engine: .bin/testrun ## tests of the packages that embed the engine
	.bin/testrun test engine

.PHONY: e2e
e2e: binaries .bin/testrun ## end-to-end tests on the finished binaries
	$(with_binaries) .bin/testrun test e2e

with_binaries := VERIGATE_BIN='$(CURDIR)/bin/verigate' VERIGATE_FAILPOINT_BIN='$(CURDIR)/bin/verigate-failpoints'

.PHONY: build
build: ## compile every package
	go build ./...

.PHONY: vet
vet: ## go vet, test files included
	go vet ./...
	go vet -C tools ./...

.PHONY: lint
lint: gofmt golangci workflowcheck ## formatting, linters, determinism of workflows

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

.PHONY: clean
clean: ## remove what was built here
	rm -rf bin .bin

# The tools are pinned in a module of their own, so that their 200 dependencies are not ours.
.bin/testrun: $(wildcard tools/testrun/*.go) tools/go.mod
	go build -C tools -o ../.bin/testrun ./testrun

.bin/golangci-lint: tools/go.mod
	go build -C tools -o ../.bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.bin/workflowcheck: tools/go.mod
	go build -C tools -o ../.bin/workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck
