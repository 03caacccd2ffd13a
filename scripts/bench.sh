#!/usr/bin/env bash
# Builds what users get and measures it. Figures are for this machine, at this moment: let nothing else run beside it.
# COLD=1 also builds everything anew in a folder of its own, which takes some minutes. What is given to this script goes to the
# program that measures: `--only import` measures one subject (`bench --help` lists them). The large mailbox takes 20 GB of TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/.."

peers=$(mktemp -d)
cold=
trap 'rm -rf "$peers" "$cold"' EXIT
if [ "$(id -u)" = 0 ]; then root=(); else root=(sudo --preserve-env=PATH,HOME,TMPDIR); fi
step() { printf '\n==> %s\n' "$*"; }
builds=()
# The seconds that a command took, under a name.
timed() {
    local name=$1 from
    shift
    from=$(date +%s.%N)
    "$@"
    builds+=(--build "$name=$(echo "$(date +%s.%N) - $from" | awk '{ printf "%.1f", $1 - $3 }')")
}

step "Web page"
make --no-print-directory web
if [ "${COLD:-}" = 1 ]; then
    step "Everything anew, as on a fresh machine"
    cold=$(mktemp -d)
    timed "cold development build" env CARGO_TARGET_DIR="$cold" cargo build --package posthouse
    timed "cold release build" env CARGO_TARGET_DIR="$cold" cargo build --release --package posthouse
fi
step "Release build"
timed "release build, as far as it was needed" cargo build --release --package posthouse
cargo build --release --package bench
step "One line changed, built again"
cargo build --package posthouse
touch crates/posthouse/src/lib.rs
timed "development build after a change in the product" cargo build --package posthouse

step "What is measured beside: mbsync and mailparser"
if ! command -v mbsync >/dev/null; then
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends isync >/dev/null
fi
npm install --silent --no-audit --no-fund --prefix "$peers" 'mailparser@~3.7'

script_kb=$(node web/scripts/budget.mjs | sed -n 's/^first page: \([0-9.]*\) kB.*/\1/p')
step "Measuring"
# Each of ten thousand accounts is a connection.
ulimit -n "$(ulimit -Hn)"
"${root[@]}" target/release/bench --script-kb "$script_kb" --mailparser "$peers" "${builds[@]}" "$@"
