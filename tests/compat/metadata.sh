#!/usr/bin/env bash
# One directory changes hands: formatted and filled by semel, read by Kafka's dump tool, served by real
# Kafka, and served by semel again; what each of them created is there for the next one.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
kafka_libs 4.3.1 >/dev/null || skip "metadata: Maven Central is not reached"
dir="$work/metadata"; rm -rf "$dir"; mkdir -p "$dir"
port=$(free_port); controller=$(free_port)
single_node "$dir/data" >"$dir/server.properties"
echo "offsets.topic.replication.factor=1" >>"$dir/server.properties"
ln -sf "$semel" "$dir/kafka-storage.sh"
"$dir/kafka-storage.sh" format --standalone -t "$(java_run 4.3.1 org.apache.kafka.tools.StorageTool random-uuid 2>/dev/null \
  || java_run 4.3.1 kafka.tools.StorageTool random-uuid)" -c "$dir/server.properties" >"$dir/format.out" || fail "kafka-storage.sh format"

serve_kafka() {
  java_run 4.3.1 kafka.Kafka "$dir/server.properties" >"$dir/kafka.out" 2>&1 &
  pid=$!
  for _ in $(seq 60); do
    java_run 4.3.1 Compat produce "127.0.0.1:$port" "$1" none 1 >/dev/null 2>&1 && return 0
    kill -0 "$pid" 2>/dev/null || { tail -20 "$dir/kafka.out"; fail "Kafka ended on semel's directory"; }
    sleep 1
  done
  fail "Kafka does not serve semel's directory"
}
stop_kafka() { # the shell function runs java as its child
  pkill -TERM -P "$pid" || true; wait "$pid" 2>/dev/null || true; pid=""; }

serve_semel "a new directory" "$dir/server.properties"
java_run 4.3.1 Compat produce "127.0.0.1:$port" from-semel lz4 100 || fail "produce to semel"
stop_semel
java_run 4.3.1 kafka.tools.DumpLogSegments --cluster-metadata-decoder --files \
  "$dir/data/__cluster_metadata-0/00000000000000000000.log" >"$dir/dump.out" 2>"$dir/dump.err" \
  || java_run 4.3.1 org.apache.kafka.tools.DumpLogSegments --cluster-metadata-decoder --files \
  "$dir/data/__cluster_metadata-0/00000000000000000000.log" >"$dir/dump.out" 2>"$dir/dump.err" || fail "kafka-dump-log"
for word in LeaderChange KRaftVersion KRaftVoters BEGIN_TRANSACTION_RECORD REGISTER_CONTROLLER_RECORD \
  REGISTER_BROKER_RECORD '"name":"from-semel"' PARTITION_RECORD; do
  grep -q -- "$word" "$dir/dump.out" || fail "the dump of semel's metadata log has no $word"
done
grep -q 'isvalid: false' "$dir/dump.out" && fail "a batch of semel's metadata log is not valid"

serve_kafka from-kafka
java_run 4.3.1 Compat consume "127.0.0.1:$port" from-semel 100 || fail "Kafka lost what semel stored"
stop_kafka
serve_semel "a directory that Kafka served in between" "$dir/server.properties"
java_run 4.3.1 Compat consume "127.0.0.1:$port" from-semel 100 || fail "semel lost its own records"
java_run 4.3.1 Compat consume "127.0.0.1:$port" from-kafka 1 || fail "semel lost what Kafka stored"
stop_semel
say "ok metadata"
