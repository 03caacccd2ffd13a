# The index of all commands. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo run test check fmt generate web deps fuzz

CARGO ?= cargo
# Crash points are compiled in for tests only.
FEATURES := --features posthouse/failpoints

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

# Seconds for each fuzz target, and one target instead of all of them.
SECONDS := 600
TARGET :=
fuzz: ## Fuzzes everything that reads strangers' bytes: SECONDS=600 each, TARGET=name for one
	./scripts/fuzz.sh $(SECONDS) $(TARGET)

check: ## Formatting and lints, Rust and web
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets $(FEATURES) -- -D warnings
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

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/index.html web/vite.config.ts web/public -type f 2>/dev/null)
	@echo "==> Building the web page"
	cd web && npm run build
	@touch $@

deps: ## Installs the servers that the tests talk to (Debian packages; asks for sudo only for that)
	./scripts/deps.sh
