#!/usr/bin/env bash
# The measurements of `./dev bench`: micro (times), counts (instructions, bytes), or both; kafka (beside Apache Kafka).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=build/bench/bin

micro() {
  "$bin/semel_micro" --benchmark_counters_tabular=true --benchmark_min_time="${SECONDS_PER_CASE:-0.2}" "$@"
}
counts() {
  python3 bench/counts.py instructions "$bin/semel_counts" --show
  python3 bench/counts.py memory "$bin/semel_counts" --show
}

word="${1:-all}"
[ $# -gt 0 ] && shift
case "$word" in
  micro) micro "$@" ;;
  counts) counts ;;
  kafka) exec python3 bench/kafka.py "$@" ;;
  all) counts; micro ;;
  *) echo "usage: ./dev bench [micro [--benchmark_filter=REGEX] | counts | kafka [--quick] [--only 1,4] [--pairs N]]" >&2; exit 2 ;;
esac
