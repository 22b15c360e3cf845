#!/usr/bin/env bash
# Java clients of 2.6.0, 3.9 and 4.3.1: idempotent produce with every codec, consume, compare; the codec
# that was stored is read with Kafka's own dump tool.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
dir="$work/java"; rm -rf "$dir"; port=$(free_port); servers="127.0.0.1:$port"
start_semel "$dir" "$port"
for version in 2.6.0 3.9.1 4.3.1; do
  kafka_libs "$version" >/dev/null || { say "SKIP java $version: Maven Central is not reached"; continue; }
  for codec in none gzip snappy lz4 zstd; do
    topic="java-$version-$codec"
    java_run "$version" Compat produce "$servers" "$topic" "$codec" 2000 || fail "java $version produce $codec"
    java_run "$version" Compat consume "$servers" "$topic" 2000 || fail "java $version consume $codec"
    java_run 4.3.1 kafka.tools.DumpLogSegments --files /dev/null >/dev/null 2>&1 || true
    wanted=$codec
    stored=$(java_run 4.3.1 org.apache.kafka.tools.DumpLogSegments --files "$dir/broker/$topic-0/00000000000000000000.log" |
      sed -n 's/.*compresscodec: \([a-z0-9]*\).*/\1/p' | sort -u | tr '\n' ' ')
    case "$stored" in "$wanted "|"none $wanted "|"$wanted none ") ;; *) fail "java $version $codec is stored as <$stored>" ;; esac
    say "ok java $version $codec"
  done
done
stop_semel
