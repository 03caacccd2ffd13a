#!/usr/bin/env bash
# Unpacks Cyrus and Courier for `make soak` into target/peers. Nothing is installed: their packages exclude Dovecot's.
set -euo pipefail

cd "$(dirname "$0")/.."
folder=target/peers
# The servers, then what they are linked with.
servers=(cyrus-common cyrus-imapd courier-base courier-imap courier-authlib courier-authlib-userdb courier-authdaemon gamin sasl2-bin)
libraries=(libcourier-unicode4 libgamin0 libglib2.0-0 libical3 libicu72 libidn12 libjansson4 libltdl7 libpcre3 libsasl2-2
    libsasl2-modules-db libwrap0 libxapian30 libpq5 libgdbm6)
wanted=("${servers[@]}")
for package in "${libraries[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || wanted+=("$package")
done
if [ "$(cat "$folder/.unpacked" 2>/dev/null)" = "${wanted[*]}" ]; then
    echo "==> Cyrus and Courier are unpacked"
    exit 0
fi

echo "==> Unpacking Cyrus and Courier from Debian's packages into $folder"
rm -rf "$folder"
mkdir -p "$folder/packages"
if ! (cd "$folder/packages" && apt-get download -qq "${wanted[@]}" 2>../download.log); then
    cat "$folder/download.log" >&2
    echo "apt-get update, run as root, may help." >&2
    exit 1
fi
for package in "$folder"/packages/*.deb; do
    dpkg -x "$package" "$folder/root"
done
# As on an installed system, where /lib is /usr/lib.
cp -a "$folder/root/lib/." "$folder/root/usr/lib/"
rm -rf "$folder/packages" "$folder/root/lib"
printf '%s' "${wanted[*]}" >"$folder/.unpacked"
