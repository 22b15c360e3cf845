#!/usr/bin/env bash
# Stock clients and tools against a real semel. `run.sh [NAME…]` runs the named parts, or all of them;
# a part that cannot reach its registry says SKIP and why. Exit 1 if any part failed.
set -uo pipefail
cd "$(dirname "$0")"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(console java kcat confluent-kafka librdkafka kafka-python franz sarama kafkajs storage metadata interchange snapshot kill9 crash_images hostile audit tools)
passed=0 failed=0 skipped=0
for part in "${parts[@]}"; do
  bash "./$part.sh"
  case $? in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)); echo "compat: FAIL $part" ;;
  esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
