#!/usr/bin/env bash
# Twenty kill -9 of the real process under idempotent load: each record once, in order. KILLS=50 for more.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
kafka_libs 4.3.1 >/dev/null || skip "kill9: Maven Central is not reached"
cycles="${1:-${KILLS:-20}}"
dir="$work/kill9"; rm -rf "$dir"; port=$(free_port); servers="127.0.0.1:$port"
start_semel "$dir" "$port"
java_run 4.3.1 Compat load "$servers" killed $((cycles * 2 + 3)) >"$work/kill9.sent" &
load=$!
sleep 2
for _ in $(seq "$cycles"); do
  sleep "$(python3 -c 'import random; print(random.uniform(0.7, 1.6))')"
  kill_semel
  start_semel "$dir" "$port"
done
wait "$load" || fail "the producer lost a record or met a fatal error"
sent=$(cat "$work/kill9.sent")
java_run 4.3.1 Compat consume "$servers" killed "$sent" || fail "lost or doubled records"
stop_semel
say "ok kill9: $cycles kills, $sent records, 0 lost, 0 doubled"
