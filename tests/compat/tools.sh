#!/usr/bin/env bash
# What Kafka's own tools print against semel is what tests/golden/tools/ says, which semel's look-alikes are
# tested with. `tools.sh --write` writes the golden files anew.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
for version in 4.3.1 2.6.0; do
  libs=$(kafka_libs "$version") || skip "tools: Maven Central is not reached"
  dir="$work/tools-$version"; rm -rf "$dir"; mkdir -p "$dir/classes" "$dir/cwd"
  javac -nowarn -cp "$libs/*" -d "$dir/classes" "$root/tests/compat/java/RunTools.java"
  port=$(free_port)
  start_semel "$dir/cwd/d" "$port" --set node.id=1
  (cd "$dir/cwd" && RUN_TOOLS="java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
      -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp '$dir/classes:$libs/*' RunTools" \
    python3 "$root/tests/commands/kafka_session.py" capture "$version" "$port") >"$dir/session.txt"
  stop_semel
  [ "${1-}" != --write ] || cp "$dir/session.txt" "$root/tests/golden/tools/kafka-$version.txt"
  diff -u "$root/tests/golden/tools/kafka-$version.txt" "$dir/session.txt" || fail "tools $version"
done

# A controller is asked with --bootstrap-controller: semel's, which serves less than Kafka's, and below Kafka's.
compare_at_controller() {
  (cd "$work/tools-4.3.1/cwd" && SEMEL="$semel" RUN_TOOLS="java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
      -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp '$work/tools-4.3.1/classes:$(kafka_libs 4.3.1)/*' RunTools" \
    python3 "$root/tests/commands/kafka_session.py" compare 4.3.1 "$controller" controller) || fail "tools at $1"
}
dir="$work/tools-controller"; rm -rf "$dir"; mkdir -p "$dir"
port=$(free_port); controller=$(free_port)
single_node "$dir/data" >"$dir/server.properties"
java_run 4.3.1 kafka.tools.StorageTool format --standalone -t MkU3OEVBNTcwNTJENDM2Qg \
  -c "$dir/server.properties" >"$dir/format.out" 2>&1 || fail "kafka-storage format"
serve_semel "semel with a controller of its own" "$dir/server.properties"
compare_at_controller "semel's controller"
stop_semel

# What semel's broker does not serve is asked of a genuine one: by genuine tools, then by semel's.
dir="$work/tools-kafka"; rm -rf "$dir"; mkdir -p "$dir/cwd"
port=$(free_port); controller=$(free_port)
single_node "$dir/data" >"$dir/server.properties"
echo "offsets.topic.replication.factor=1" >>"$dir/server.properties"
java_run 4.3.1 kafka.tools.StorageTool format --standalone -t "$(java_run 4.3.1 kafka.tools.StorageTool random-uuid)" \
  -c "$dir/server.properties" >"$dir/format.out" 2>&1 || fail "kafka-storage format"
java_run 4.3.1 kafka.Kafka "$dir/server.properties" >"$dir/kafka.out" 2>&1 &
pid=$!
for _ in $(seq 600); do
  python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
  kill -0 "$pid" 2>/dev/null || fail "Kafka ended at start: $dir/kafka.out"
  sleep 0.1
done
for version in 4.3.1 2.6.0; do
  libs=$(kafka_libs "$version")
  (cd "$dir/cwd" && SEMEL="$semel" RUN_TOOLS="java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
      -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp '$work/tools-$version/classes:$libs/*' RunTools" \
    python3 "$root/tests/commands/kafka_session.py" compare "$version" "$port") || fail "tools $version against Kafka"
done
compare_at_controller "Kafka's controller"
stop_semel
say "ok tools"
