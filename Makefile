# The index of all commands. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo run test looks soak peers bench imports fuzz check check-format fmt generate web deps schemathesis

CARGO ?= cargo
# Crash points are compiled in for tests only; the allocator is not.
FEATURES := --no-default-features --features posthouse/failpoints
comma := ,
# Servers that give up their rights need them to begin with.
ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=PATH$(comma)HOME$(comma)CARGO_HOME$(comma)RUSTUP_HOME)


help: ## Lists the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: web ## Builds everything and serves a demo with its own mail world at http://127.0.0.1:8080
	@echo "==> Building the program (the first time takes some minutes)"
	$(CARGO) build --package posthouse
	@echo "==> Starting the demo"
	./target/debug/posthouse demo --listen 127.0.0.1:8080

run: web ## Builds and serves the product itself, with its data in ./data
	@echo "==> Building the program (the first time takes some minutes)"
	$(CARGO) build --package posthouse
	./target/debug/posthouse serve

test: deps ## Installs what the tests need, starts real servers, runs every test, stops them
	./scripts/test.sh

looks: deps web ## Looks at every page and state in both colour schemes at both widths: the tests take half of that (`make test`)
	@echo "==> Building the program and its mail world (the first time takes some minutes)"
	$(CARGO) build --package posthouse --package testkit
	cd web && $(ROOT) env LOOKS=all npx playwright test looks.walk edges.walk sync.walk

bench: deps ## Measures the release build: each figure beside its target (COLD=1 also times cold builds; ONLY=import,parse,… some of it)
	./scripts/bench.sh $(if $(ONLY),--only $(ONLY))

# SECONDS is a name of the shell's own: make has its value from the command line only.
soak: deps $(if $(filter no,$(PEERS)),,peers) ## Kills and breaks everything for SECONDS=600 in all, ENGINE=both|sqlite|postgres, SEED=number; then compares
	@echo "==> Building the soak (the first time takes some minutes)"
	$(CARGO) test --package posthouse $(FEATURES) --test soak --no-run
	@echo "==> Starting the servers and the storm"
	$(ROOT) env SOAK_SECONDS="$(or $(SECONDS),600)" SOAK_ENGINE="$(ENGINE)" SOAK_SEED="$(SEED)" \
		$(CARGO) test --quiet --package posthouse $(FEATURES) --test soak

peers: deps ## Runs the scenarios of Dovecot on Cyrus and Courier, which are unpacked from Debian's packages (PEERS=no: soak without them)
	./scripts/peers.sh
	$(CARGO) test --package posthouse $(FEATURES) --test it --no-run
	@echo "==> Starting Cyrus and Courier"
	$(ROOT) $(CARGO) test --quiet --package testkit --lib -- --ignored peer::
	$(ROOT) $(CARGO) test --quiet --package posthouse $(FEATURES) --test it -- --ignored --test-threads 3 sync::peers::

imports: deps ## Connects a file of ROWS=500 accounts with mixed faults; prints time and memory
	$(CARGO) test --package posthouse $(FEATURES) --test it --no-run
	$(ROOT) env ROWS="$(or $(ROWS),500)" $(CARGO) test --quiet --package posthouse $(FEATURES) --test it -- \
		--ignored --nocapture imports::size::as_many

schemathesis: deps ## Lets schemathesis try the API of a running demo against its OpenAPI document (EXAMPLES=10)
	$(CARGO) build --package posthouse
	./scripts/schemathesis.sh

fuzz: ## Fuzzes everything that reads strangers' bytes: SECONDS=600 each, TARGET=name for one
	./scripts/fuzz.sh "$(or $(SECONDS),600)" $(TARGET)

check: check-format ## Formatting and lints, Rust and web
	$(CARGO) clippy --workspace --all-targets $(FEATURES) -- -D warnings

check-format:
	$(CARGO) fmt --all --check
	cd web && npm run check

fmt: ## Formats everything
	$(CARGO) fmt --all
	cd web && npm run format

generate: ## Writes the generated files anew: the OpenAPI document and the page's types
	$(CARGO) run --quiet --package posthouse -- openapi > openapi.json.new && mv openapi.json.new openapi.json
	cd web && npm run generate

web: web/dist/index.html ## Builds the web page

web/node_modules/.package-lock.json: web/package-lock.json
	@echo "==> Installing what the web page is built with"
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/index.html web/vite.config.ts web/public web/api-docs web/scripts -type f 2>/dev/null)
	@echo "==> Building the web page"
	cd web && npm run build
	@touch $@

OIDC := crates/testkit/oidc

$(OIDC)/node_modules/.package-lock.json: $(OIDC)/package-lock.json
	@echo "==> Installing the OpenID provider for the tests"
	cd $(OIDC) && npm ci --no-audit --no-fund
	@touch $@

deps: $(OIDC)/node_modules/.package-lock.json ## Installs the servers that the tests talk to (Debian packages, asking for sudo only for that, and one of npm)
	./scripts/deps.sh
