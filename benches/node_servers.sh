#!/usr/bin/env bash
# Whether pipelining pays with servers on Node.js: npm's smtp-server and Haraka, as tests/mta/setup fetches them, get the
# same short letters in lockstep and pipelined, in pairs; the figures are messages a second, as medians, and the median of
# the ratios pair by pair. Without TLS, loopback, the servers on the same cores.
#
# benches/node_servers.sh [PAIRS, 5] [RECIPIENTS, 5000]; POSTHASTE names another binary than the release build's.
set -euo pipefail
cd "$(dirname "$0")/.."

pairs=${1:-5} recipients=${2:-5000}
fetched=${POSTHASTE_MTA:-target/mta}/node/node_modules
[ -d "$fetched/Haraka" ] || { echo "no $fetched/Haraka: run tests/mta/setup" >&2; exit 1; }
fetched=$(cd "$fetched" && pwd)
[ -n "${POSTHASTE:-}" ] || cargo build --release --quiet
posthaste=$(realpath "${POSTHASTE:-target/release/posthaste}")
scratch=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo /tmp)")
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT

awk -v n="$recipients" 'BEGIN {print "email,number"; for (i = 0; i < n; i++) print "person" i "@domain.test," i}' >"$scratch/list.csv"
printf 'Number {{ number }},\n\nthis is short.\n' >"$scratch/short.txt"
cat >"$scratch/short.toml" <<'END'
name = "short"
from = "news@acme.example"
subject = "To {{ number }}"
text = "short.txt"
[recipients]
file = "list.csv"
END

# Starts a server; its address is in $address then.
start() {
    local log=$scratch/$1.log port
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir -p "$scratch/mail"
    case $1 in
    smtp-server) node tests/mta/node/smtp_server.js "$scratch/mail" "$fetched" >"$log" 2>&1 & ;;
    Haraka)
        cp -r tests/mta/haraka "$scratch/haraka"
        printf 'listen=127.0.0.1:%s\nnodes=0\n' "$port" >"$scratch/haraka/config/smtp.ini"
        printf 'keep\n' >"$scratch/haraka/config/plugins"
        KEEP_FOLDER=$scratch/mail node "$fetched/Haraka/bin/haraka" -c "$scratch/haraka" >"$log" 2>&1 &
        ;;
    esac
    server=$!
    address=
    for _ in $(seq 300); do
        case $1 in
        smtp-server) address=$(sed -n 's/^listening on //p' "$log") ;;
        Haraka) if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then address=127.0.0.1:$port; fi ;;
        esac
        [ -z "$address" ] || return 0
        sleep 0.1
    done
    cat "$log" >&2
    exit 1
}

# Sends the letters once; messages a second.
rate() {
    printf '[engine]\nhostname = "bench.acme.example"\n[delivery]\ntls = "off"\npipelining = %s\nsessions_per_site = %s\n[log]\nlevel = "warn"\n' \
        "$1" "$2" >"$scratch/engine.toml"
    rm -rf "$scratch/data" "$scratch/mail"/*
    "$posthaste" send "$scratch/short.toml" --config "$scratch/engine.toml" --data "$scratch/data" --smarthost "$address" --json \
        2>"$scratch/said" | tail -n 1 | python3 -c '
import json, sys
result = json.load(sys.stdin)
if result["delivered"] != result["loaded"]: sys.exit(f"not all were delivered: {result}")
print(result["delivered"] / result["elapsed_s"])' || { cat "$scratch/said" >&2; return 1; }
}

median() { sort -g | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }

printf '%-12s %8s %10s %10s %6s\n' server sessions lockstep pipelined ratio
for name in smtp-server Haraka; do
    start "$name"
    for sessions in 1 20; do
        rate true "$sessions" >/dev/null # warms Node's compiler up
        : >"$scratch/lockstep"; : >"$scratch/pipelined"
        for _ in $(seq "$pairs"); do
            rate false "$sessions" >>"$scratch/lockstep"
            rate true "$sessions" >>"$scratch/pipelined"
        done
        ratio=$(paste "$scratch/lockstep" "$scratch/pipelined" | awk '{print $2 / $1}' | median)
        printf '%-12s %8s %10.0f %10.0f %6.2f\n' "$name" "$sessions" \
            "$(median <"$scratch/lockstep")" "$(median <"$scratch/pipelined")" "$ratio"
    done
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
done
