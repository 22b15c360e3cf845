#!/usr/bin/env bash
# The duplicate that Kafka stores: a producer of old event times is forgotten at a restart, and its re-sent
# batches are stored again. `semel audit` finds them in Kafka's directory; semel itself stores each once.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
libs=$(kafka_libs 4.3.1) || skip "audit: Maven Central is not reached"
dir="$work/audit"; rm -rf "$dir"; mkdir -p "$dir"
port=$(free_port); controller=$(free_port)
single_node "$dir/data" >"$dir/server.properties"
echo "log.retention.ms=-1" >>"$dir/server.properties"

# send FIRST|AGAIN: three batches of one record each, of the year 2023, by one idempotent producer.
send() {
  python3 - "$1" "$port" "$dir/state" "$root/tests/commands" <<'P'
import sys, time
sys.path.insert(0, sys.argv[4])
import kafka
phase, port, state = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for _ in range(240):
    try:
        connection = kafka.Connection(port)
        connection.api_versions()
        if phase == "AGAIN" or connection.create_topic("old") in (0, 36):
            break
    except (OSError, AssertionError):
        pass
    time.sleep(0.25)
if phase == "FIRST":
    for _ in range(120):
        try:
            producer_id, epoch = connection.init_producer_id()
            break
        except AssertionError:  # Kafka fetches its first block of ids
            time.sleep(0.25)
    open(state, "w").write(f"{producer_id} {epoch}")
producer_id, epoch = map(int, open(state).read().split())
for sequence in range(3):
    for _ in range(120):
        code, offset, *_ = connection.produce("old", kafka.batch([b"v%d" % sequence], producer_id, epoch, sequence,
                                                                 1700000000000 + sequence))
        if code not in (3, 5, 6):
            break
        time.sleep(0.25)
    print(code, offset)
P
}
stop_kafka() { kill -TERM "$pid"; wait "$pid" || true; pid=""; }
start_kafka() {
  java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
    -cp "$libs/*" kafka.Kafka "$dir/server.properties" >>"$dir/kafka.out" 2>&1 &
  pid=$!
}

java_run 4.3.1 kafka.tools.StorageTool format --standalone -c "$dir/server.properties" \
  -t "$(java_run 4.3.1 kafka.tools.StorageTool random-uuid)" >"$dir/format.out" 2>&1 || fail "kafka-storage format"
start_kafka
expect_equal "the first time, Kafka" "0 0 0 1 0 2" "$(send FIRST | xargs)"
stop_kafka
expect_equal "audit before" 0 "$("$semel" audit "$dir/data/old-0" >"$dir/before.txt"; echo $?)"
start_kafka
expect_equal "sent again after the restart, Kafka" "0 3 0 4 0 5" "$(send AGAIN | xargs)"
stop_kafka
code=0; "$semel" audit "$dir/data" >"$dir/after.txt" || code=$?
expect_equal "audit's exit code" 1 "$code"
expect_equal "repeated batches" 3 "$(grep -c '^  repeated: .* stored again' "$dir/after.txt")"
expect_equal "findings" 3 "$(grep -c '^  ' "$dir/after.txt")"

start_semel "$dir/semel" "$port" --set log.retention.ms=-1
expect_equal "the first time, semel" "0 0 0 1 0 2" "$(send FIRST | xargs)"
stop_semel
start_semel "$dir/semel" "$port" --set log.retention.ms=-1
expect_equal "sent again after the restart, semel" "0 0 0 1 0 2" "$(send AGAIN | xargs)"
stop_semel
"$semel" audit "$dir/semel" >"$dir/semel.txt" || fail "audit of semel's directory: $(cat "$dir/semel.txt")"
say "ok audit"
