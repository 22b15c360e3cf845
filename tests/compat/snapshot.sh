#!/usr/bin/env bash
# The metadata log of a semel directory begins at a snapshot that semel wrote, everything before it
# deleted: Kafka's metadata shell reads the snapshot, real Kafka serves a copy of the directory, and semel
# starts from it again.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
kafka_libs 4.3.1 >/dev/null || skip "snapshot: Maven Central is not reached"
shell="$root/build/kafka-4.3.1/shell"
[ -f "$shell/kafka-shell-4.3.1.jar" ] || mvn -q -B dependency:copy -Dartifact=org.apache.kafka:kafka-shell:4.3.1 \
  -DoutputDirectory="$shell" >/dev/null 2>&1 || skip "snapshot: Maven Central is not reached"
dir="$work/snapshot"; rm -rf "$dir"; mkdir -p "$dir"
port=$(free_port); controller=$(free_port)
properties() { # DATA
  single_node "$1"
  echo "offsets.topic.replication.factor=1"
}
properties "$dir/data" >"$dir/server.properties"
cat >>"$dir/server.properties" <<P
internal.metadata.log.segment.bytes=4000
metadata.log.max.record.bytes.between.snapshots=3000
metadata.max.retention.bytes=1
P
properties "$dir/copy" >"$dir/copy.properties"
ln -sf "$semel" "$dir/kafka-storage.sh"
ln -sf "$semel" "$dir/kafka-topics.sh"
"$dir/kafka-storage.sh" format --standalone -t "$(java_run 4.3.1 org.apache.kafka.tools.StorageTool random-uuid 2>/dev/null \
  || java_run 4.3.1 kafka.tools.StorageTool random-uuid)" -c "$dir/server.properties" >"$dir/format.out" || fail "kafka-storage.sh format"

stop_kafka() { pkill -TERM -P "$pid" || true; wait "$pid" 2>/dev/null || true; pid=""; }

serve_semel "a new directory" "$dir/server.properties"
for i in $(seq 40); do
  "$dir/kafka-topics.sh" --bootstrap-server "127.0.0.1:$port" --create --topic "topic-$i" --partitions 3 \
    --config retention.ms=$((i + 1000000)) >/dev/null || fail "topic-$i is not created"
done
java_run 4.3.1 Compat produce "127.0.0.1:$port" topic-1 lz4 100 || fail "produce to semel"
log="$dir/data/__cluster_metadata-0"
for _ in $(seq 100); do
  [ "$(ls "$log" | grep -c '[1-9]-.*\.checkpoint$')" = 1 ] && [ ! -f "$log/00000000000000000000.log" ] && break
  sleep 0.1
done
stop_semel
[ ! -f "$log/00000000000000000000.log" ] || fail "the first segment is still there: $(ls "$log")"
newest=$(ls "$log" | grep '\.checkpoint$' | sort | tail -1)
[ "$newest" \> "00000000000000000001" ] || fail "no snapshot was written: $(ls "$log")"

metadata_shell() { java -Xmx256m -XX:TieredStopAtLevel=1 -cp "$shell/*:$(kafka_libs 4.3.1)/*" org.apache.kafka.shell.MetadataShell "$@"; }
# Now and then the shell looks before it has loaded, of Kafka's own files too: it prints nothing and ends with 0.
for _ in $(seq 5); do
  metadata_shell --snapshot "$log/$newest" ls /image/topics/byName >"$dir/shell.out" 2>"$dir/shell.err" || fail "kafka-metadata-shell: $(tail -3 "$dir/shell.err")"
  [ ! -s "$dir/shell.out" ] || break
done
grep -q 'topic-1' "$dir/shell.out" || fail "the shell does not list topic-1: $(head -3 "$dir/shell.out")"

cp -a "$dir/data" "$dir/copy"
java_run 4.3.1 kafka.Kafka "$dir/copy.properties" >"$dir/kafka.out" 2>&1 &
pid=$!
for _ in $(seq 60); do
  java_run 4.3.1 Compat produce "127.0.0.1:$port" topic-2 none 1 >/dev/null 2>&1 && break
  kill -0 "$pid" 2>/dev/null || { tail -20 "$dir/kafka.out"; fail "Kafka ended on semel's directory"; }
  sleep 1
done
java_run 4.3.1 Compat consume "127.0.0.1:$port" topic-1 100 || fail "Kafka lost what semel stored"
java_run 4.3.1 Compat consume "127.0.0.1:$port" topic-2 1 || fail "Kafka stores nothing"
stop_kafka
serve_semel "a directory that Kafka took over from a snapshot" "$dir/copy.properties"
java_run 4.3.1 Compat consume "127.0.0.1:$port" topic-1 100 || fail "semel lost its own records"
java_run 4.3.1 Compat consume "127.0.0.1:$port" topic-2 1 || fail "semel lost what Kafka stored"
stop_semel
say "ok snapshot"
