#!/usr/bin/env bash
# franz-go from the Go module proxy: idempotent produce with every codec, consume, compare.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
command -v go >/dev/null || skip "go is not installed"
mkdir -p "$work/franz"; cp "$root"/tests/compat/franz/* "$work/franz/"
(cd "$work/franz" && go mod tidy >tidy.log 2>&1 && go build -o compat . >build.log 2>&1) || skip "franz-go: the module proxy is not reached ($(tail -1 "$work"/franz/*.log | tr '\n' ' '))"
dir="$work/franz-data"; rm -rf "$dir"; port=$(free_port)
start_semel "$dir" "$port"
"$work/franz/compat" "127.0.0.1:$port" || fail franz-go
for codec in none gzip snappy lz4 zstd; do
  "$semel" dump "$dir/broker/franz-$codec-0/00000000000000000000.log" | grep -qi "$codec" || fail "franz-go $codec is not stored so"
done
stop_semel
say "ok franz-go"
