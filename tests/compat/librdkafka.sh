#!/usr/bin/env bash
# The current librdkafka, built from its npm package, runs its own test suite against semel: the tests of
# librdkafka/tests.txt. `librdkafka.sh [NNNN…]` runs the tests with these numbers only; LIBRDKAFKA_BROKER=HOST:PORT
# and KAFKA_PATH=DIR run them against another broker, as a control.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
package=@confluentinc/kafka-javascript version=1.10.1  # carries librdkafka 2.15.1
sha256=ada7d703bb1d3237e2292bfabf438d663b6160c9f1ac2a2406b5dc4257c81b66
command -v npm >/dev/null || skip "librdkafka: npm is not installed"
command -v g++ >/dev/null && command -v make >/dev/null || skip "librdkafka: g++ and make are not installed"

source="$root/build/librdkafka-$version"
if [ ! -f "$source/complete" ]; then
  rm -rf "$source"; mkdir -p "$source"
  (cd "$source" && npm pack --silent "$package@$version" >npm.log 2>&1) || skip "librdkafka: the npm registry is not reached"
  echo "$sha256  $source/$(ls "$source" | grep '\.tgz$')" | sha256sum -c --quiet || fail "librdkafka: $package $version has another checksum"
  tar xzf "$source"/*.tgz -C "$source" --strip-components=3 package/deps/librdkafka
  say "building librdkafka of $package $version and its tests (about two minutes)"
  (cd "$source" && ./configure --disable-ssl --disable-gssapi --disable-curl && make -j2 -C src && make -j2 -C src-cpp &&
    make -j2 -C tests test-runner) >"$source/build.log" 2>&1 || { tail -20 "$source/build.log"; fail "librdkafka does not build: $source/build.log"; }
  touch "$source/complete"
fi

# The tests call bin/kafka-topics.sh of a Kafka's folder: semel's own commands stand in for it.
home="$work/librdkafka-home"; mkdir -p "$home"; ln -sfn "$(dirname "$(readlink -f "$semel")")" "$home/bin"
run() { python3 "$root/tests/compat/librdkafka/run.py" --source "$source" --home "${KAFKA_PATH:-$home}" --logs "$work/librdkafka" "$@"; }
if [ -n "${LIBRDKAFKA_BROKER:-}" ]; then
  run --broker "$LIBRDKAFKA_BROKER" "$@"
  exit
fi
dir="$work/librdkafka-data"; rm -rf "$dir"; port=$(free_port)
start_semel "$dir" "$port" --set num.partitions=4
run --broker "127.0.0.1:$port" "$@" || fail "librdkafka's own tests"
stop_semel
