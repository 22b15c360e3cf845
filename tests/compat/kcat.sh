#!/usr/bin/env bash
# Debian's kcat (librdkafka): idempotent produce with every codec, consume, compare.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
command -v kcat >/dev/null || skip "kcat is not installed"
dir="$work/kcat"; rm -rf "$dir"; port=$(free_port); servers="127.0.0.1:$port"
start_semel "$dir" "$port"
seq 1 3000 | sed 's/^/a line of some length to compress, number /' >"$work/kcat.sent"
for codec in none gzip snappy lz4 zstd; do
  kcat -b "$servers" -P -t "kcat-$codec" -p 0 -z "$codec" -X enable.idempotence=true -X linger.ms=5 <"$work/kcat.sent" || fail "kcat produce $codec"
  timeout 60 kcat -b "$servers" -C -t "kcat-$codec" -p 0 -o beginning -e -q >"$work/kcat.got" || fail "kcat consume $codec"
  cmp "$work/kcat.sent" "$work/kcat.got" || fail "kcat $codec differs"
  "$semel" dump "$dir/broker/kcat-$codec-0/00000000000000000000.log" | grep -qi "$codec" || fail "kcat $codec is not stored so"
  say "ok kcat $codec"
done
kcat -b "$servers" -L | grep -q 'topic "kcat-zstd" with 1 partitions' || fail "kcat -L"
stop_semel
