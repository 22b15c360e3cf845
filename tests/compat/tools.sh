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
say "ok tools"
