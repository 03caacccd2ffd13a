#!/usr/bin/env bash
# Fuzzes one target or all of them: `scripts/fuzz.sh SECONDS [TARGET]`. Needs g++ for libFuzzer, and no nightly Rust.
# What was found interesting is kept in fuzz/corpus, small; what broke a rule is in fuzz/artifacts, and the script fails.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

command -v g++ >/dev/null || { echo "libFuzzer is C++: install g++" >&2; exit 1; }
seconds=${1:-600}
host=$(rustc -vV | sed -n 's/^host: //p')
targets=(imap_tree imap_meaning imap_session smtp_reply sasl_challenge mail_headers mail_mime html_in addresses compose terms published)
if [ -n "${2:-}" ]; then targets=("$2"); fi
# What is kept of a corpus at most: it is replayed in every `make test`.
max_files=400
max_bytes=1500000

# Coverage for libFuzzer from the stable compiler. With a target named, build scripts are left alone.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
cargo build --quiet --release --target "$host"

dictionary() {
    case $1 in
        imap_*) echo imap ;;
        smtp_* | sasl_*) echo smtp ;;
        html_*) echo html ;;
        published) echo published ;;
        *) echo mail ;;
    esac
}

max_len() {
    case $1 in
        mail_mime) echo 16384 ;;
        html_in | smtp_reply | imap_session) echo 8192 ;;
        *) echo 4096 ;;
    esac
}

# Keeps inputs that each add something; of too many some of every size, within the bounds above.
minimise() {
    local kept all
    kept=$(mktemp -d)
    "$1" -set_cover_merge=1 -timeout=10 -rss_limit_mb=1024 -max_len="$(max_len "$2")" \
        -artifact_prefix="artifacts/$2/" "$kept" "corpus/$2" >/dev/null 2>&1
    rm -r "corpus/$2"
    mkdir "corpus/$2"
    all=$(find "$kept" -type f | wc -l)
    find "$kept" -type f -printf '%s %f\n' | sort -n | awk -v all="$all" -v files=$max_files -v bytes=$max_bytes '
        all <= files || int(NR * files / all) != int((NR - 1) * files / all) { sum += $1; if (sum <= bytes) print $2 }' |
        while read -r file; do cp "$kept/$file" "corpus/$2/"; done
    rm -r "$kept"
}

failed=()
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    binary=target/$host/release/$target
    printf '==> %s, %s seconds\n' "$target" "$seconds"
    if ! "$binary" -fork=0 -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len="$(max_len "$target")" \
        -dict="dictionaries/$(dictionary "$target").dict" -artifact_prefix="artifacts/$target/" -verbosity=1 \
        -print_final_stats=1 "corpus/$target" >"artifacts/$target/log" 2>&1; then
        failed+=("$target")
        tail -n 40 "artifacts/$target/log"
    fi
    minimise "$binary" "$target"
    coverage=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "artifacts/$target/log" | tail -n 1 || true)
    runs=$(grep -oE 'number_of_executed_units: [0-9]+' "artifacts/$target/log" | grep -oE '[0-9]+' || true)
    printf '    %s executions, %s, %s inputs kept\n' "${runs:-?}" "$coverage" "$(find "corpus/$target" -type f | wc -l)"
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "Broken: ${failed[*]}. The inputs are in fuzz/artifacts." >&2
    exit 1
fi
