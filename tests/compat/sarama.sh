#!/usr/bin/env bash
# sarama from the Go module proxy: idempotent produce with every codec, consume, compare.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
command -v go >/dev/null || skip "go is not installed"
mkdir -p "$work/sarama"; cp "$root"/tests/compat/sarama/* "$work/sarama/"
(cd "$work/sarama" && go mod tidy >tidy.log 2>&1 && go build -o compat . >build.log 2>&1) || skip "sarama: the module proxy is not reached ($(tail -1 "$work"/sarama/*.log | tr '\n' ' '))"
dir="$work/sarama-data"; rm -rf "$dir"; port=$(free_port)
start_semel "$dir" "$port"
"$work/sarama/compat" "127.0.0.1:$port" || fail sarama
for codec in none gzip snappy lz4 zstd; do
  "$semel" dump "$dir/broker/sarama-$codec-0/00000000000000000000.log" | grep -qi "$codec" || fail "sarama $codec is not stored so"
done
stop_semel
say "ok sarama"
