#!/usr/bin/env bash
# A directory that semel formatted is opened by real Kafka, and one that Kafka formatted by semel.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
libs=$(kafka_libs 4.3.1) || skip "storage: Maven Central is not reached"
dir="$work/storage"; rm -rf "$dir"; mkdir -p "$dir"
port=$(free_port); controller=$(free_port)
single_node "$dir/data" >"$dir/server.properties"
java_run 4.3.1 kafka.tools.StorageTool format --standalone -t "$(java_run 4.3.1 kafka.tools.StorageTool random-uuid)" \
  -c "$dir/server.properties" >"$dir/format.out" 2>&1 || java_run 4.3.1 org.apache.kafka.tools.StorageTool format --standalone \
  -t "$(java_run 4.3.1 org.apache.kafka.tools.StorageTool random-uuid)" -c "$dir/server.properties" >"$dir/format.out" 2>&1 || fail "kafka-storage format"
serve_semel "a directory that Kafka formatted" "$dir/server.properties"
java_run 4.3.1 Compat produce "127.0.0.1:$port" moved lz4 1000 || fail "produce on a directory that Kafka formatted"
java_run 4.3.1 Compat consume "127.0.0.1:$port" moved 1000 || fail "consume"
stop_semel
say "ok storage"
