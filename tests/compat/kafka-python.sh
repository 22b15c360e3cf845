#!/usr/bin/env bash
# kafka-python from PyPI: idempotent produce with every codec, consume, compare.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
python=$(python_with kafka-python lz4 python-snappy zstandard) || skip "kafka-python: PyPI is not reached"
dir="$work/kafka-python"; rm -rf "$dir"; port=$(free_port)
start_semel "$dir" "$port"
timeout 300 "$python" "$root/tests/compat/python/kafka_python.py" "127.0.0.1:$port" || fail kafka-python
for codec in none gzip snappy lz4 zstd; do
  "$semel" dump "$dir/broker/kafka-python-$codec-0/00000000000000000000.log" | grep -qi "$codec" || fail "kafka-python $codec is not stored so"
done
stop_semel
say "ok kafka-python"
