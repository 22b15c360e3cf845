#!/usr/bin/env bash
# Hostile peers beside a good client: what they cost is theirs. Needs semel_load (./dev build bench).
. "$(dirname "$0")/lib.sh"
set -euo pipefail
load="${SEMEL_LOAD:-$root/build/release/bin/semel_load}"
[ -x "$load" ] || skip "hostile: no $load"
ulimit -n 20000 2>/dev/null || skip "hostile: 20,000 open files are not allowed here"
dir="$work/hostile"; rm -rf "$dir" "$dir-other"; port=$(free_port); other_port=$(free_port); budget=$((512 << 20))
: >"$work/semel.err"
start_semel "$dir-other" "$other_port" --set semel.flush=os --set semel.memory.bytes=$budget
other_pid=$pid
mv "$work/semel.err" "$work/semel-other.err"  # what that one says goes on there
trap 'kill -9 "$other_pid" $pid 2>/dev/null || true' EXIT
start_semel "$dir" "$port" --set semel.flush=os --set semel.memory.bytes=$budget
python3 "$root/tests/compat/hostile.py" "$port" "$pid" "$other_port" "$load" "$budget" || fail "hostile"
kill -0 "$pid" || fail "the broker ended"
stop_semel
# What the broker says of them is bounded too: a burst and 21 lines a second, per area, for two areas
# and the minute or so that each kind of liar is there.
lines=$(wc -l <"$work/semel.err")
[ "$lines" -lt 6000 ] || fail "hostile: $lines lines of log"
say "ok hostile: the good client kept its pace, memory stayed in its budget"
