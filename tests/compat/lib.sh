# Shared by the compatibility runs: real Kafka by version, a semel under test, checks.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
semel="${SEMEL:-$root/build/release/bin/semel}"
work="${COMPAT_DIR:-$root/build/compat}"
mkdir -p "$work"
pid=""

say() { printf '%s\n' "compat: $*"; }
skip() { say "SKIP $*"; exit 77; }
fail() { say "FAIL $*"; exit 1; }

# kafka_libs VERSION: prints the folder with that Kafka's jars, from Maven Central on first use.
kafka_libs() {
  local version=$1 dir="$root/build/kafka-$1"
  if [ ! -f "$dir/complete" ]; then
    mkdir -p "$dir"
    local logger=slf4j-simple logger_version=1.7.36
    cat >"$dir/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion><groupId>compat</groupId><artifactId>kafka</artifactId>
<version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>$logger</artifactId><version>$logger_version</version></dependency>
</dependencies></project>
POM
    mvn -q -B -f "$dir/pom.xml" dependency:copy-dependencies -DoutputDirectory="$dir/libs" \
      >"$dir/mvn.log" 2>&1 || return 1
    rm -f "$dir"/libs/slf4j-log4j12-* "$dir"/libs/slf4j-reload4j-*
    touch "$dir/complete"
  fi
  echo "$dir/libs"
}

# java_run VERSION CLASS ARGS…: a class of that Kafka, or of tests/compat/java compiled against it.
java_run() {
  local version=$1 libs
  shift
  libs=$(kafka_libs "$version") || return 99
  local classes="$work/classes-$version"
  if [ ! -f "$classes/done" ]; then
    mkdir -p "$classes"
    javac -nowarn -cp "$libs/*" -d "$classes" "$root"/tests/compat/java/*.java && touch "$classes/done"
  fi
  java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
    -cp "$classes:$libs/*" "$@"
}

# python_with PACKAGE…: a Python of its own folder that has these packages from PyPI.
python_with() {
  local folder="$work/venv-$1"
  if [ ! -f "$folder/complete" ]; then
    python3 -m venv "$folder" >/dev/null 2>&1 && "$folder/bin/pip" install -q "$@" >"$folder/pip.log" 2>&1 || return 1
    touch "$folder/complete"
  fi
  echo "$folder/bin/python"
}

# single_node DIR: what a server.properties of one broker and controller says; lines may be added to it.
# $port and $controller are its ports.
single_node() {
  cat <<P
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
controller.listener.names=CONTROLLER
log.dirs=$1
P
}

# The port of the broker under test is a free one, kept for the whole run.
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

# serve_semel WHAT ARGS…: semel serve ARGS; sets pid; waits until the broker says that it accepts requests.
serve_semel() {
  local what=$1
  shift
  : >"$work/semel.out"  # the last run's "ready" is not this one's
  "$semel" serve "$@" >"$work/semel.out" 2>>"$work/semel.err" &
  pid=$!
  for _ in $(seq 200); do
    grep -q '^semel ready' "$work/semel.out" 2>/dev/null && return 0
    kill -0 "$pid" 2>/dev/null || { tail -20 "$work/semel.err"; fail "semel ended at start: $what"; }
    sleep 0.05
  done
  fail "semel did not become ready: $what"
}
# start_semel DIR PORT ARGS…: as serve_semel, with its data in DIR, on loopback.
start_semel() {
  local dir=$1 port=$2
  shift 2
  serve_semel "$dir" --data "$dir" --listen "127.0.0.1:$port" "$@"
}
# With its children: what java_run starts in the background is the child of a shell.
stop_semel() {
  kill -TERM "$pid" $(pgrep -P "$pid") 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  pid=""
}
kill_semel() { kill -9 "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; pid=""; }
trap '[ -z "$pid" ] || kill -9 "$pid" $(pgrep -P "$pid") 2>/dev/null || true' EXIT

expect_equal() { # what, wanted, got
  [ "$2" = "$3" ] || fail "$1: wanted <$2>, got <$3>"
}
