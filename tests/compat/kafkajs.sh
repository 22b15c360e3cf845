#!/usr/bin/env bash
# kafkajs from the npm registry, with answers dropped on the way.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
command -v npm >/dev/null || skip "npm is not installed"
mkdir -p "$work/kafkajs"; cp "$root"/tests/compat/kafkajs/* "$work/kafkajs/"
[ -d "$work/kafkajs/node_modules/kafkajs" ] || (cd "$work/kafkajs" && npm install --silent --no-audit --no-fund >npm.log 2>&1) || skip "kafkajs: the npm registry is not reached"
dir="$work/kafkajs-data"; rm -rf "$dir"; port=$(free_port)
start_semel "$dir" "$port"
timeout 120 node "$work/kafkajs/main.js" "127.0.0.1:$port" "$(free_port)" || fail kafkajs
stop_semel
