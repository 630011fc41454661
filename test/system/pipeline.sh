#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-pipeline from outside: the counts add up, one line for each mistake, SIGINT under load ends it
# in order, and kill -9 under load leaves no hugepage taken.

set -eu -o pipefail

pid=
scratch=$(mktemp -d)
end() {
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
	rm -rf "$scratch"
}
trap end EXIT

fail() {
	echo "$*"
	exit 1
}

program=$PLX_BUILD_DIR/bin/plx-pipeline
cpus=$(taskset -cp $$ | sed 's/.*: //')
first=${cpus%%[,-]*} last=${cpus##*[,-]}
lcores=(--lcores "0@$first,1@$last")
many=200000
[ "$first" != "$last" ] || many=5000 # each turn of the one CPU moves a ring's worth

# run STATUS ARGUMENT...: leaves what was printed in $out and $err
run() {
	local want=$1 got=0
	shift
	"$program" "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
	out=$(cat "$scratch/out") err=$(cat "$scratch/err")
	[ "$got" -eq "$want" ] || fail "plx-pipeline $*: exit status $got, want $want: $err"
}

# wait_until SECONDS COMMAND...
wait_until() {
	local tries=$(($1 * 50))
	shift
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		sleep 0.02
	done
}

# ---- every packet arrives once, in order, and goes home ----

for n in 1 31 32 33 1025 $many; do
	run 0 --no-huge "${lcores[@]}" -- -n "$n"
	[[ $out == "$n packets, "*" packets/s, 0 misplaced, 0 not given back" && -z $err ]] ||
		fail "-n $n: printed: $out $err"
done

# ---- what is wrong is told in one line ----

# refused STATUS LINE ARGUMENT...: nothing on stdout, exactly LINE on stderr
refused() {
	local status=$1 line=$2
	shift 2
	run "$status" "$@"
	[ -z "$out" ] || fail "plx-pipeline $*: stdout has: $out"
	[ "$err" = "$line" ] || fail "plx-pipeline $*: stderr has: $err"$'\n'"want: $line"
}

plain=(--no-huge "${lcores[@]}")
for value in 0 -5 5x many ''; do
	refused 2 "plx-pipeline: '$value': want -n PACKETS, 1 or more" "${plain[@]}" -- -n "$value"
done
refused 2 "plx-pipeline: 'more': want -n PACKETS, 1 or more" "${plain[@]}" -- -n 5 more
refused 2 "plx-pipeline: '-x': want -n PACKETS, 1 or more" "${plain[@]}" -- -x
refused 2 "plx-pipeline: '-n': want -n PACKETS, 1 or more" "${plain[@]}" -- -n
refused 2 "pollux: eal: error: -m 'lots': want megabytes, 1 to 16777216" -m lots
refused 1 "plx-pipeline: one lcore only: want two, as in -l 0,1" --no-huge --lcores "0@$first"
run 0 --help
[[ $out == "usage: plx-pipeline [EAL options] -- [-n PACKETS]"*"--lcores MAP"* && -z $err ]] ||
	fail "--help printed: $out $err"

# ---- ended under load ----

# The producer has run for 50 ms of CPU time, so for many rounds of the ring.
is_busy() {
	local stat
	for stat in /proc/"$pid"/task/*/stat; do
		stat=$(cat "$stat" 2>/dev/null) || continue
		[[ $stat == *"(plx-lcore-1)"* ]] || continue
		# shellcheck disable=SC2086
		set -- ${stat##*) }
		[ "${12}" -ge 5 ] && return
	done
	return 1
}

# start ARGUMENT...: a run that would take hours, and is under load when this returns
start() {
	"$program" "$@" "${lcores[@]}" -- -n 1000000000000 >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	wait_until 60 is_busy || fail "no load after 60 s: $(cat "$scratch/err")"
}

is_dead() {
	[[ $(cat "/proc/$pid/stat" 2>/dev/null) =~ ^$|\)\ Z ]]
}

# stop SIGNAL STATUS
stop() {
	local got=0
	kill "-$1" "$pid"
	wait_until 60 is_dead || fail "SIG$1: it still runs after 60 s"
	wait "$pid" 2>/dev/null || got=$?
	pid=
	out=$(cat "$scratch/out") err=$(cat "$scratch/err")
	[ "$got" -eq "$2" ] || fail "SIG$1: exit status $got, want $2: $err"
}

ends_in_order() {
	stop "$1" 0
	[[ $out =~ ^[1-9][0-9]*\ packets,\ .*\ 0\ misplaced,\ 0\ not\ given\ back$ && -z $err ]] ||
		fail "SIG$1: printed: $out $err"
}

start --no-huge
ends_in_order INT
start --no-huge
ends_in_order TERM

pages=/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages
before=$(cat $pages 2>/dev/null || echo 0)
if [ "$before" -lt 16 ]; then
	echo "needs 16 free hugepages of 2 MB, $before are free: scripts/setup.sh"
	exit 77
fi

all_back() {
	[ "$(cat $pages)" -ge "$before" ]
}

some_taken() {
	[ "$(cat $pages)" -le $((before - 16)) ]
}

for signal in INT KILL; do
	start -m 32 --huge-page-size 2M
	wait_until 10 some_taken || fail "-m 32: $(cat $pages) hugepages are free, $before before"
	if [ $signal = INT ]; then ends_in_order INT; else stop KILL 137; fi
	wait_until 10 all_back ||
		fail "SIG$signal: $(cat $pages) hugepages are free, $before were before"
done
