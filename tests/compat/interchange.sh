#!/usr/bin/env bash
# One directory served by semel and by real Kafka 4.3.1 in turn, three times each, under one idempotent
# producer that keeps its id and sequence: nothing is lost or doubled, re-sent batches are recognised.
# Combined node and separate controller; clean stops and kill -9; and partition folders of Kafka 2.6.0.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
libs=$(kafka_libs 4.3.1) || skip "interchange: Maven Central is not reached"
python3 "$root/tests/compat/interchange.py" --semel "$semel" --libs "$libs" --work "$work/interchange" "$@"
