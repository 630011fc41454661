#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-bench over a cable that damages what passes (net_fault, in plx-bench-fault): the report's counts
# are exactly what was done, what was held back is as late as it was held, and a sender that is
# stopped charges each packet that was due meanwhile.

set -eu -o pipefail

tools=$PLX_SOURCE_DIR/test/bench
program=$PLX_BUILD_DIR/test/plx-bench-fault

[ -x "$program" ] || {
	echo "plx-bench is not built: jansson is missing (scripts/setup.sh)"
	exit 77
}
command -v python3 >/dev/null || {
	echo "python3 is missing: scripts/setup.sh --dev"
	exit 77
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() {
	echo "$*"
	exit 1
}

check() {
	python3 -B "$tools/check.py" "$@" || fail "(${what:-})"
}

# The first packets are for finding out whether there is a cable: plans begin behind them.
common=(--no-huge --no-pci)
options=(--pair fault=0:1 --rate 10000 --warmup 0 --repeat 1 -q --json report.json)

# bench KEYS0 KEYS1 OPTION...: faults of what is on its way to port 0, and to port 1
bench() {
	local keys0=$1 keys1=$2 got=0
	shift 2
	rm -f report.json told0 told1
	timeout -k 5 120 "${freeze[@]}" "$program" "${common[@]}" \
		--vdev "net_fault0,tell=told0${keys0:+,$keys0}" \
		--vdev "net_fault1,peer=net_fault0,tell=told1${keys1:+,$keys1}" \
		-- "${options[@]}" "$@" >out 2>err || got=$?
	[ "$got" -eq 0 ] || fail "exit status $got: $(cat err)"
}
freeze=()

# timed KEYS0 KEYS1 OPTION...: once more where the machine was too busy to keep the rate
timed() {
	local tries
	for ((tries = 20; tries > 0; tries--)); do
		bench "$@"
		python3 -B "$tools/check.py" kept report.json >busy && return 0
	done
	fail "$what: $(<busy), 20 times"
}

# ---- each fault alone, and all of them, both ways ----

# case KEYS PLAN [OPTION...]: of what is on its way to port 1
case_is() {
	what=$1
	timed "" "$1" --duration 1 "${@:3}"
	check faults report.json told1 "$2" told0 ""
}

case_is "" "" --size 64
case_is drop=1000+100x17 "drop=17" --size 64
case_is dup=1000+50x23 "dup=23" --size 128
case_is swap=1000+100x19 "swap=19" --size 1518
case_is flip=1000+100x13 "flip=13" --size 64
case_is flip=1000+100x13,flip-bit=11000 "flip=13" --size 1518
case_is insert=1000+10x40 "insert=40" --size imix
case_is hold=1000+100x10,hold-us=20000 "hold=10" --size 64
# Those that come twice do not stand for those that are under way.
case_is dup=1000+1x500,hold=5000+1x400,hold-us=700000 "dup=500 hold=400" --size 64
case_is stall=1000+200x4,stall-us=20000 "stall=4" --size 64

what="all at once"
all="drop=1000+100x17,flip=1001+100x13,dup=1010+20x15,swap=1042+100x11,insert=1004+10x40"
timed "drop=1500+1x200,dup=1800+7x30" "$all,hold=1065+100x10,hold-us=20000" --duration 1 --size 256
check faults report.json told1 "drop=17 flip=13 dup=15 swap=11 insert=40 hold=10" \
	told0 "drop=200 dup=30"

what="at any rate"
bench "drop=1000+100x9" "swap=1000+100x7" --duration 0.3 --rate max --size 64
check faults report.json told1 "swap=7" told0 "drop=9"

# ---- latency: one packet in fifty is held back for 150 ms ----

held="hold=1000+50,hold-us=150000"
what="held back"
timed "$held" "$held" --duration 2 --size 64
check late report.json p99 149.9
# Not those that were not, if the machine is quiet enough to tell.
bench "" "" --duration 2 --size 64
cp report.json plain.json
if python3 -B "$tools/check.py" quiet plain.json 50; then
	timed "$held" "$held" --duration 2 --size 64
	! python3 -B "$tools/check.py" late report.json p50 100 >/dev/null ||
		fail "half of the packets are late when one in fifty is"
fi

# ---- no coordinated omission: stopped for 50 ms, twice in a second or more ----

what="a process that is stopped"
freeze=(python3 -B "$tools/freeze.py" 50 350 process)
timed "" "" --duration 2 --size 64
check late report.json max 49
# A tenth of the time: of the packets of that tenth nine in ten waited for 5 ms, half for 25 ms.
check late report.json p99 40

what="a thread that is stopped"
freeze=(python3 -B "$tools/freeze.py" 50 350 plx-lcore-1)
timed "" "" --duration 2 --size 64
check late report.json max 49
check late report.json p99 40
