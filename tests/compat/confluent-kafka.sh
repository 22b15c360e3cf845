#!/usr/bin/env bash
# confluent-kafka from PyPI, which carries the current librdkafka: idempotent produce with every codec, consume, compare.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
python=$(python_with confluent-kafka) || skip "confluent-kafka: PyPI is not reached"
dir="$work/confluent-kafka"; rm -rf "$dir"; port=$(free_port)
start_semel "$dir" "$port"
timeout 300 "$python" "$root/tests/compat/python/confluent.py" "127.0.0.1:$port" || fail confluent-kafka
for codec in none gzip snappy lz4 zstd; do
  "$semel" dump "$dir/broker/confluent-$codec-0/00000000000000000000.log" | grep -qi "$codec" || fail "confluent-kafka $codec is not stored so"
done
stop_semel
say "ok confluent-kafka"
