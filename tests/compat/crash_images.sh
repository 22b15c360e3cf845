#!/usr/bin/env bash
# What crashes of the simulation left on disk, recovered twice: by semel (started, stopped) and by
# Apache Kafka's storage layer. Both must come to the same records, byte for byte, the same offsets and
# the same last sequence of every producer. IMAGES=40 for fewer than 200.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
kafka_libs 4.3.1 >/dev/null || skip "crash_images: Maven Central is not reached"
libs=$(kafka_libs 4.3.1)
sim="${SEMEL_SIM:-$root/build/dev/bin/semel_sim}"
[ -x "$sim" ] || skip "crash_images: no simulator at $sim; try: ./dev build dev"
wanted="${IMAGES:-200}"
dir="$work/images"; rm -rf "$dir"; mkdir -p "$dir/found" "$dir/classes"

# Whole seconds ago, so that no producer has expired when semel reads them.
for workload in kill power power_checkpoints small_segments kill_os power_os bad_power; do
  "$sim" --workload "$workload" --seeds 1..$((wanted / 10 + 1)) --images "$dir/found" \
    --start-ms "$(($(date +%s) * 1000))" >/dev/null || fail "the simulation found violations in $workload"
done
mapfile -t images < <(ls "$dir/found" | shuf --random-source=<(yes) | head -n "$wanted")
[ "${#images[@]}" -eq "$wanted" ] || fail "only ${#images[@]} images"

mkdir -p "$dir/semel" "$dir/kafka"
for image in "${images[@]}"; do
  cp -r "$dir/found/$image" "$dir/semel/$image"
  cp -r "$dir/found/$image" "$dir/kafka/$image"
done
javac -nowarn -cp "$libs/*" -d "$dir/classes" "$root/tests/compat/images/CrashImages.java"
(cd "$dir/kafka" && java -Xmx512m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=off \
  -cp "$dir/classes:$libs/*" CrashImages $(printf '%s/data/broker ' "${images[@]}")) >"$dir/kafka.txt"

port=$(free_port)
for image in "${images[@]}"; do
  start_semel "$dir/semel/$image/data" "$port" --set node.id=1
  stop_semel
done
python3 "$root/tests/compat/images/compare.py" "$dir" "$(dirname "$semel")/kafka-dump-log.sh" || fail "crash_images"
say "ok crash_images: $wanted images recovered alike by semel and Kafka 4.3.1"
