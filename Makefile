# Hearth. `make help` lists the targets.

BIN := bin
BINARIES := $(notdir $(patsubst %/main.go,%,$(wildcard cmd/*/main.go)))
GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
# A release is a clean commit with the tag v$(cat VERSION). All else is on the way to it, and says which commit it is.
RELEASE := $(shell cat VERSION)
VERSION := $(RELEASE)$(shell git describe --dirty --exact-match --match v$(RELEASE) 2>/dev/null | grep -qx v$(RELEASE) || \
	echo -dev.$$(git describe --always --dirty --exclude '*' 2>/dev/null || echo unknown))
LDFLAGS := -X hearth/cmd/version.linked=$(VERSION)
FUZZTIME ?= 60s
# For example -storm.seed=1, to have the weather of an earlier storm again.
STORMFLAGS ?=
# The longest package's tests, those with real processes, take some seven minutes beside the others.
TEST_TIMEOUT := 14m

.DEFAULT_GOAL := help
.PHONY: help version build man run test lint vulns fuzz storm bench microbench benchdoc clean awscli chromium tools client

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

version: ## print the version that is built, which is the images' tag as well
	@echo $(VERSION)

# Without C, as in the images: what links its library takes a third longer to begin.
build: ## build the binaries into bin/
	@mkdir -p $(BIN)
	@for b in $(BINARIES); do CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/$$b ./cmd/$$b || exit 1; done

# As $(BIN)/man/man1/NAME.1: man -M $(BIN)/man hearth
man: build ## write a manual page for each binary
	@mkdir -p $(BIN)/man/man1
	@for b in $(BINARIES); do $(BIN)/$$b --man >$(BIN)/man/man1/$$b.1 || exit 1; done

run: build ## start a gateway on 127.0.0.1:8080 with bash as the agent; Ctrl-C ends it
	@exec $(BIN)/gateway --backend=local --auth=dev --agent-command='bash --norc -i' --agent-io=pty

# BenchmarkPreload is left out: it needs Node.js, and a minute.
test: lint awscli chromium tools client build ## everything that CI runs: formatting, vet, linter, race tests, end to end, benchmarks once
	@[ "$$(id -u)" = 0 ] || echo "not root: tests that give files or processes to other users are left out; CI runs them"
	$(GO) test -race -timeout $(TEST_TIMEOUT) ./...
	@echo "what is allocated, which is different with the race detector"
	$(GO) test -run Allocations ./messages/wire ./infra/sockets ./infra/gateway ./sim/model
	@echo "each benchmark once, so that none breaks unseen"; log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	if ! $(GO) test -run '^$$' -bench . -skip '^BenchmarkPreload$$' -benchtime 1x -timeout $(TEST_TIMEOUT) ./... >"$$log" 2>&1; \
		then cat "$$log"; exit 1; fi

lint: ## formatting, go vet, staticcheck and govulncheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then \
		echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@$(MAKE) --no-print-directory vulns

# Of the toolchain that go.mod names, which is what a release is built with. The database's copy is a module like any other.
vulns: ## known faults, of modules and of Go itself, in what is called
	@toolchain=$$(awk '$$1 == "toolchain" { print $$2 }' go.mod); \
	if GOTOOLCHAIN=$$toolchain+auto $(GO) version >/dev/null 2>&1; then export GOTOOLCHAIN=$$toolchain+auto; \
		else echo "govulncheck: $$toolchain cannot be had; the faults are those of $$($(GO) env GOVERSION)"; fi; \
	database=https://vuln.go.dev; \
	if ! curl -sf -m 10 -o /dev/null $$database/index/db.json; then \
		copy=$$($(GO) mod download -json golang.org/x/vulndb@latest 2>/dev/null | awk -F'"' '$$2 == "Dir" { print $$4 }'); \
		[ -n "$$copy" ] || copy=$$(ls -d "$$($(GO) env GOMODCACHE)"/golang.org/x/vulndb@* 2>/dev/null | tail -n 1); \
		if [ -z "$$copy" ]; then echo "govulncheck: neither $$database nor a copy of it can be reached: nothing was checked"; exit 1; fi; \
		echo "govulncheck: $$database cannot be reached; what is known is what its copy has, $${copy##*/}"; \
		database=file://$$copy/data/osv; fi; \
	$(GO) run $(GOVULNCHECK) -db $$database ./...

# The conformance test drives the local ECS endpoint with the real AWS CLI.
awscli:
	@if ! /usr/bin/aws --version >/dev/null 2>&1; then \
		echo "installing awscli for the conformance test"; \
		if ! { apt-get update -qq && apt-get install -y -qq awscli; } >/tmp/awscli-install.log 2>&1; then \
			tail -n 3 /tmp/awscli-install.log; echo "make test needs the AWS CLI: apt-get install awscli"; exit 1; fi; fi

# The console is tested in a browser, with an editor in it.
chromium:
	@for tool in chromium vim.tiny:vim-tiny; do command -v $${tool%%:*} >/dev/null || { package=$${tool##*:}; \
		echo "installing $$package for the console's tests"; \
		if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $$package; } >/tmp/$$package-install.log 2>&1; then \
			tail -n 3 /tmp/$$package-install.log; echo "make test needs it: apt-get install $$package"; exit 1; fi; }; done

# The client library is tested in Node.js and, by that, in Chromium. Only outside of CI a machine may lack them.
client:
	@if node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null; then cd infra/console/hearth && node --test test/*.test.js; \
		elif [ -n "$$CI" ]; then echo "make test needs Node.js 20: apt-get install nodejs"; exit 1; \
		else echo "no Node.js 20, so the client library's own tests are not run: apt-get install nodejs"; fi

# What checks infra/terraform, infra/packer, infra/docker, infra/prometheus and infra/grafana. A machine that cannot have one of these is told so here, and
# what it checks passes unchecked; in CI, where CI is set, it fails.
tools:
	@for tool in shellcheck buildah prometheus; do command -v $$tool >/dev/null || { echo "installing $$tool, once"; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $$tool; } >/tmp/$$tool-install.log 2>&1 || \
		echo "no $$tool, so what it checks is not checked: apt-get install $$tool"; }; done
	@infra/check/tools >/dev/null || true

# A run whose time is up now and then fails with "context deadline exceeded" and no failing input: that is the go command's
# own doing, and finds nothing.
fuzz: ## fuzz every decoder for FUZZTIME each (default 60s)
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	$(GO) list -f '{{.Dir}} {{.ImportPath}}' ./... | while read -r dir package; do \
		for target in $$(grep -hoE '^func (Fuzz[A-Za-z0-9]+)' $$dir/*_test.go 2>/dev/null | awk '{print $$2}'); do \
			echo "fuzz $$package $$target"; \
			if ! $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package >"$$log" 2>&1 && \
				{ grep -q 'Failing input' "$$log" || ! grep -q '^ *context deadline exceeded' "$$log"; }; then \
				cat "$$log"; exit 1; fi; \
			grep 'execs:' "$$log" | tail -n 1; \
		done || exit 1; \
	done

storm: ## 200 real sessions for 60s while sockets are cut and the gateway is killed five times
	$(GO) test -count 1 -timeout $(TEST_TIMEOUT) -run '^TestStorm$$' -v ./cmd/e2e \
		-storm.sessions 200 -storm.time 60s -storm.kills 5 -storm.pause 500ms $(STORMFLAGS)

# BENCH=quick takes three minutes, and ROWS=relay,claims measures these alone. It installs nginx and Node.js where there are
# none, and writes into bench/.
BENCH ?= full
ROWS ?=
bench: build ## Hearth beside nginx and others, and all of docs/performance.md (20 minutes; BENCH=quick takes three)
	$(BIN)/bench run --size $(BENCH) $(if $(ROWS),--only $(ROWS))

microbench: ## the hot paths' own benchmarks
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m ./...

# What a full run has measured becomes what is kept.
benchdoc: ## put the results of make bench into docs/performance.md
	cp bench/results.json docs/performance/results.json
	$(GO) test ./cmd/bench -run TestPerformanceDocument -rewrite

clean: ## remove what was built
	rm -rf $(BIN)
