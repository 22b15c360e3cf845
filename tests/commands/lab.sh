#!/usr/bin/env bash
# The chapter's experiment, by Kafka's command names: each command, then what it printed. Runs in a fresh
# folder (LAB_DIR, or build/lab) on a free port. Exit 1 as soon as something is not as the chapter says.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
dir="${LAB_DIR:-$here/../../build/lab}"
rm -rf "$dir"
mkdir -p "$dir"
dir="$(cd "$dir" && pwd)"
COMPAT_DIR="$dir/broker-output"
. "$here/../compat/lib.sh"
bin="$(dirname "$semel")"
cd "$dir"
port=$(free_port)
server="localhost:$port" input=""

heading() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { # NAME ARGS…: prints the command, runs it on $input, prints and keeps its output
  echo "\$ $*${input:+ <$input}"
  "$bin/$1" "${@:2}" <"${input:-/dev/null}" 2>&1 | tee last.txt
}
expect() { # PATTERN WHAT
  grep -Eq "$1" last.txt || { echo "lab: not as it should be: $2 (no line like \"$1\")" >&2; exit 1; }
}
start() {
  echo "\$ semel serve --data d --listen $server &"
  start_semel d "$port"
}
stop() {
  echo "\$ kill $pid"
  stop_semel
}

heading "1. A broker, and a topic of one partition"
start
run kafka-topics.sh --bootstrap-server "$server" --create --topic peter-test04 --partitions 1 --replication-factor 1
expect 'Created topic peter-test04' "the topic is made"
run kafka-topics.sh --bootstrap-server "$server" --describe --topic peter-test04
expect 'Partition: 0.*Leader: 1' "the partition has a leader"

heading "2. An idempotent producer"
printf '%s\n' enable.idempotence=true max.in.flight.requests.per.connection=5 retries=5 acks=all >producer.config
echo '$ cat producer.config'
cat producer.config
seq 5 | sed 's/^/exactly once /' >records.txt
input=records.txt run kafka-console-producer.sh --bootstrap-server "$server" --topic peter-test04 --producer.config producer.config
run kafka-console-consumer.sh --bootstrap-server "$server" --topic peter-test04 --partition 0 --offset earliest --max-messages 5
expect 'exactly once 5' "all five are there"

heading "3. The partition's folder"
echo '$ ls d/broker/peter-test04-0'
ls d/broker/peter-test04-0
[ ! -e d/broker/peter-test04-0/00000000000000000005.snapshot ] || { echo "lab: a snapshot before the stop" >&2; exit 1; }

heading "4. The broker stops: a .snapshot appears"
stop
echo '$ ls d/broker/peter-test04-0'
ls d/broker/peter-test04-0
run kafka-dump-log.sh --print-data-log --files d/broker/peter-test04-0/00000000000000000005.snapshot
expect 'producerId: [0-9]+ producerEpoch: 0 .*lastSequence: 4 lastOffset: 4' "PID, sequence and offset of the newest batch"
run kafka-dump-log.sh --print-data-log --files d/broker/peter-test04-0/00000000000000000000.log
expect 'producerId: [0-9]+ producerEpoch: 0 .*isTransactional: false' "batches carry the PID"

heading "5. It starts again, and knows its producers"
start
run semel producers list peter-test04 --bootstrap-server "$server"
expect 'peter-test04-0' "the producer is known"
stop
echo
echo "The files are in $dir. The acknowledgement that is lost on purpose: semel lab duplicates."
