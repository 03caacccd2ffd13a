#!/usr/bin/env bash
# Lets schemathesis try the API of a running demo against its own OpenAPI document: no server error, and no answer that the
# document does not have. The demo is built already (or POSTHOUSE names the program). EXAMPLES is how many requests are
# invented for each operation, beside those at the bounds of its fields.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${POSTHOUSE:-./target/debug/posthouse}
examples=${EXAMPLES:-10}
venv=$PWD/target/schemathesis
work=$(mktemp -d)
demo=
# Only what this script started: by its id.
trap '[ -z "$demo" ] || kill "$demo" 2>/dev/null || true; [ -z "$demo" ] || wait "$demo" 2>/dev/null || true; rm -rf "$work"' EXIT

# Every package is pinned, so that a fresh machine gets what was tried.
if ! cmp -s scripts/schemathesis.txt "$venv/installed.txt"; then
    echo "==> Installing schemathesis into $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement scripts/schemathesis.txt
    cp scripts/schemathesis.txt "$venv/installed.txt"
fi

# A free port; names lead nowhere, so that hosts of invented requests are not asked for.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 scripts/no-names.py "$$" >"$work/names" &
for _ in $(seq 100); do [ -s "$work/names" ] && break; sleep 0.1; done
POSTHOUSE_NAME_SERVERS=$(cat "$work/names") "$program" --data-dir "$work/demo-data" demo --listen "127.0.0.1:$port" \
    >"$work/out" 2>"$work/log" &
demo=$!
for _ in $(seq 300); do grep -q 'sign-in?link=' "$work/out" && break; sleep 0.2; done
api=http://127.0.0.1:$port/api/v1
link=$(sed -n 's/.*link=//p' "$work/out" | head -1)
[ -n "$link" ] || { cat "$work/log" >&2; echo "The demo did not start" >&2; exit 1; }
curl --silent --fail --output "$work/session" --cookie-jar "$work/cookies" --header 'content-type: application/json' \
    --data "{\"token\":\"$link\"}" "$api/session/link"
cookie=$(awk '/posthouse_session/ { print $6 "=" $7 }' "$work/cookies")
first() { curl --silent --fail --cookie "$cookie" "$api$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])'; }
account=$(first '/accounts?search=sales')
for _ in $(seq 100); do message=$(first "/accounts/$account/messages" 2>/dev/null) && break; sleep 0.2; done
outgoing=$(curl --silent --fail --cookie "$cookie" --header 'content-type: application/json' --header 'idempotency-key: schemathesis-1' \
    --data '{"to":"ana@acme.test","subject":"s","body":"b"}' "$api/accounts/$account/outgoing" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')

# Ids that name something: else every path with one would answer 404 and nothing more.
cat >"$work/schemathesis.toml" <<TOML
[[operations]]
include-path-regex = "^/accounts/[{]id[}]"
[operations.parameters]
"path.id" = ["$account"]
[[operations]]
include-path-regex = "^/messages/[{]id[}]"
[operations.parameters]
"path.id" = ["$message"]
[[operations]]
include-path-regex = "^/outgoing/[{]id[}]"
[operations.parameters]
"path.id" = ["$outgoing"]
TOML

# Left out: the stream without end, and the end of the session that all the rest is asked with.
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance
status=0
# It keeps what it found in the current folder.
(cd "$work" && "$venv/bin/schemathesis" --config-file "$work/schemathesis.toml" run "http://127.0.0.1:$port/api/openapi.json" --url "$api" \
    --header "Cookie: $cookie" --checks "$checks" --phases coverage,fuzzing --max-examples "$examples" --continue-on-failure \
    --exclude-path /live --exclude-operation-id sign_out \
    --generation-deterministic --request-timeout 30 --no-color --warnings off >"$work/report" 2>&1) || status=$?
sed 's/^/    /' "$work/report"
if grep -q 'panicked at\|request failed' "$work/log"; then
    grep 'panicked at\|request failed' "$work/log" >&2
    exit 1
fi
exit "$status"
