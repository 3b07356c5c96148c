#!/usr/bin/env bash
# Measures the real program over loopback, against Debian's smtp-source where there is a peer: speed, CPU, memory.
#
#   benches/loopback.sh all             everything (about ten minutes, 6 GB below $TMPDIR)
#   benches/loopback.sh S2 S7           these only
#   QUICK=1 benches/loopback.sh all     small runs: tries the script, measures nothing
#
#   S1  the same 10 KB for everyone, 100 recipients a transaction      S5  10 million recipients
#   S2  personalised 10 KB, unsigned                                   S6  a million waiting recipients, nothing to do
#   S3  personalised 10 KB, signed (RSA-2048)                          S7  one session alone
#   S4  20 ms a round trip, 100 sessions                               S8  TLS 1.3 against clear text
#                                                                      S9  handshakes: 500 sites found by DNS
#                                                                      S10 look-ups: 200,000 domains, while sending
#
# Ends with one table; leaves with 1 if a goal was missed, 2 if a measurement failed. PAIRS=9 takes more pairs (5 are
# the least). POSTHASTE names another program; POSTHASTE_MTA the folder with postfix/ (unpacked Debian package); where
# neither that, nor target/mta, nor an installed smtp-source is found, the package is fetched with apt-get download.
# Needs bash, python3, awk, openssl, cargo. Nothing leaves the machine, and nothing stays on it.
set -euo pipefail

fail() {
    echo "benches/loopback.sh: $1" >&2
    [ $# -lt 2 ] || echo "hint: $2" >&2
    exit 2
}

root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
for name in "$@"; do
    [[ $name =~ ^(all|S[1-9]|S10)$ ]] || fail "$name is no measurement" "all, or some of S1 to S10"
done
for program in python3 awk openssl cargo; do
    command -v "$program" >/dev/null || fail "$program is missing" "apt-get install python3 mawk openssl; rustup.rs for cargo"
done

# Debian's smtp-source and smtp-sink, as the folder of an unpacked package, or / where it is installed.
postfix_root() {
    local place fetched=$root/target/mta
    for place in "${POSTHASTE_MTA:+$POSTHASTE_MTA/postfix}" "$fetched/postfix" ""; do
        [ -x "$place/usr/sbin/smtp-source" ] && { echo "${place:-/}"; return; }
    done
    command -v apt-get >/dev/null || fail "there is no smtp-source" "set POSTHASTE_MTA to a folder with postfix/ in it"
    mkdir -p "$fetched"
    (cd "$fetched" && apt-get download -q -o APT::Sandbox::User=root postfix >&2 && dpkg -x postfix_*.deb postfix) ||
        fail "the package postfix cannot be fetched" "apt-get update"
    echo "$fetched/postfix"
}

cd "$root"
built() {
    cargo "$@" --message-format=json-render-diagnostics |
        python3 -c 'import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["target"]["name"] == sys.argv[1]:
        print(made["executable"])' "$program" | tail -n 1
}
postfix=$(postfix_root)
if [ -z "${POSTHASTE:-}" ]; then
    program=posthaste
    POSTHASTE=$(built build --release --bin posthaste)
fi
program=signature
SIGNATURE=${SIGNATURE:-$(built bench --bench signature --no-run)}
program=resolver
RESOLVER=${RESOLVER:-$(built bench --bench resolver --no-run)}
[ -x "$POSTHASTE" ] && [ -x "$SIGNATURE" ] && [ -x "$RESOLVER" ] || fail "the programs were not built"

export POSTHASTE SIGNATURE RESOLVER POSTFIX=$postfix
exec python3 -B benches/loopback/run.py "$@"
