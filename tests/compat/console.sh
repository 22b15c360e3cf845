#!/usr/bin/env bash
# Kafka 4.3.1's console tools against semel: create, describe, produce, consume, delete.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
kafka_libs 4.3.1 >/dev/null || skip "console: Maven Central is not reached"
dir="$work/console"; rm -rf "$dir"; port=$(free_port); servers="127.0.0.1:$port"
start_semel "$dir" "$port"
topics() { java_run 4.3.1 org.apache.kafka.tools.TopicCommand --bootstrap-server "$servers" "$@"; }
expect_equal create "Created topic peter-test04." "$(topics --create --topic peter-test04 --partitions 1 --replication-factor 1)"
topics --describe --topic peter-test04 | grep -q 'PartitionCount: 1	ReplicationFactor: 1' || fail "describe"
expect_equal list peter-test04 "$(topics --list)"
printf 'enable.idempotence=true\nmax.in.flight.requests.per.connection=5\nretries=5\nacks=all\n' >"$work/producer.config"
seq 1 500 | sed 's/^/exactly once/' >"$work/sent"
java_run 4.3.1 org.apache.kafka.tools.ConsoleProducer --bootstrap-server "$servers" --topic peter-test04 \
  --producer.config "$work/producer.config" <"$work/sent" 2>"$work/producer.err"
java_run 4.3.1 org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$servers" --topic peter-test04 \
  --partition 0 --offset earliest --max-messages 500 >"$work/got" 2>"$work/consumer.err"
cmp "$work/sent" "$work/got" || fail "the consumer did not get what was sent"
stop_semel
ls "$dir"/broker/peter-test04-0 | grep -q '^00000000000000000500.snapshot$' || fail "no snapshot at the log end after a clean stop"
java_run 4.3.1 org.apache.kafka.tools.DumpLogSegments --files "$dir/broker/peter-test04-0/00000000000000000500.snapshot" \
  | grep -q 'producerId: .* lastSequence: 499' || fail "real kafka-dump-log does not read the snapshot"
java_run 4.3.1 org.apache.kafka.tools.DumpLogSegments --print-data-log --files "$dir/broker/peter-test04-0/00000000000000000000.log" \
  | grep -c 'payload: exactly once' | grep -qx 500 || fail "real kafka-dump-log does not read the segment"
start_semel "$dir" "$port"
topics --delete --topic peter-test04
expect_equal "list after delete" "" "$(topics --list)"
stop_semel
say "ok console"
