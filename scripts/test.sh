#!/usr/bin/env bash
# Runs every test. Real servers are started by the tests themselves on free loopback ports and end with them.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
# Why tests failed comes last: that is where a log is read first.
finish() {
    [ "$1" = 0 ] || { printf '\n==> What went wrong\n'; grep -aA3 'panicked at' "$log" | tail -n 100 || true; }
    rm -f "$log"
}
trap 'finish $?' EXIT
step() { printf '\n==> %s\n' "$*"; }
# Servers that give up their rights need them to begin with.
if [ "$(id -u)" = 0 ]; then root=(); else root=(sudo --preserve-env=PATH,HOME,CARGO_HOME,RUSTUP_HOME,CI,CARGO_INCREMENTAL,RUSTC_WORKSPACE_WRAPPER,CLIPPY_ARGS); fi
# A machine of CI builds once: nothing is kept for a next build.
if [ -n "${CI:-}" ]; then export CARGO_INCREMENTAL=0; fi
# Clippy is the compiler with its lints: it builds our own crates. Run beside the build it would go through all dependencies once more.
# The odd word is how Clippy takes several arguments in one variable.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__

step "Web page: install and build"
make --no-print-directory web
step "Formatting, and the web page's lints"
make --no-print-directory check-format
step "Rust: lint and build the tests"
# Programs and tests in one selection: each other one would have other features, and compile half of the dependencies again.
cargo build --workspace --all-targets --no-default-features --features posthouse/failpoints
step "Rust: unit tests, integration tests on SQLite and PostgreSQL, Dovecot, Postfix"
# Most of a test is waiting for servers: more of them at a time than cores.
# They take some fifteen minutes: one that hangs is to fail, not to hold everything up.
"${root[@]}" env RUST_TEST_THREADS=6 timeout --kill-after=30s 40m \
    cargo test --workspace --no-default-features --features posthouse/failpoints --no-fail-fast 2>&1 | tee "$log"
step "Web: unit tests"
(cd web && npm test -- --run 2>&1) | tee -a "$log"
if [ -f web/playwright.config.ts ]; then
    step "Web: walks in Chromium on the real program and servers"
    (cd web && "${root[@]}" npm run e2e 2>&1) | tee -a "$log"
fi

echo
echo "$(awk '
    /^test result:/ { for (i = 1; i < NF; i++) { if ($(i + 1) ~ /^passed/) p += $i; if ($(i + 1) ~ /^failed/) f += $i } }
    { gsub(/\033\[[0-9;]*m/, "") }
    /^ +Tests +/ { for (i = 1; i < NF; i++) { if ($(i + 1) ~ /^passed/) p += $i; if ($(i + 1) ~ /^failed/) f += $i } }
    /^ +[0-9]+ passed \(/ { p += $1 }
    /^ +[0-9]+ failed$/ { f += $1 }
    END { printf "%d passed, %d failed", p, f }' "$log")"
