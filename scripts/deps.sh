#!/usr/bin/env bash
# Installs the Debian packages that the tests need. Quick when they are there; starts and enables no service.
set -euo pipefail

packages=(dovecot-core dovecot-imapd dovecot-lmtpd postfix postfix-pcre postgresql-15 pdns-server pdns-backend-bind chromium strace python3-venv curl)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "==> The servers for the tests are installed"
    exit 0
fi

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

echo "==> Installing from Debian for the tests: ${missing[*]}"
[ "$(id -u)" = 0 ] || echo "    (sudo is asked for this, and only for this)"
# A package that is installed must not start a service of the system: invoke-rc.d asks this file. Put back as it was after.
policy=/usr/sbin/policy-rc.d
had_policy=no
if [ -e "$policy" ]; then had_policy=yes; fi
cluster=/etc/postgresql-common/createcluster.d/posthouse-tests.conf
restore() {
    if [ "$had_policy" = no ]; then as_root rm -f "$policy"; fi
    as_root rm -f "$cluster"
}
trap restore EXIT
if [ "$had_policy" = no ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
fi
echo 'postfix postfix/main_mailer_type select No configuration' | as_root debconf-set-selections
# The PostgreSQL package would make a cluster of its own.
as_root mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' | as_root tee "$cluster" >/dev/null
as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
# systemd, where it runs, must not start at the next boot what was installed just now.
if command -v systemctl >/dev/null 2>&1; then
    for package in "${missing[@]}"; do
        case "$package" in
            dovecot-core) as_root systemctl disable --quiet dovecot 2>/dev/null || true ;;
            postfix) as_root systemctl disable --quiet postfix 2>/dev/null || true ;;
            pdns-server) as_root systemctl disable --quiet pdns 2>/dev/null || true ;;
            postgresql-15) as_root systemctl disable --quiet postgresql 2>/dev/null || true ;;
        esac
    done
fi
