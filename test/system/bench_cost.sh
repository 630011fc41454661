#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Instructions that plx-bench itself spends on a packet of 64 bytes, counted by callgrind
# (plx-perf-bench): to record one that has come, and to make and send one over net_null. The bounds
# leave a tenth or two to other compilers. The time, under 15 and under 100 ns, is told by the program
# run by hand: a machine that others use can't tell it in a test. Prints one line a case.

set -u

build=${PLX_BUILD_DIR:?}
program=$build/bin/plx-perf-bench
packets=$(((400 + 20) * 16 * 32)) # chunks, those that warm up among them, of 16 bursts of 32

skip() {
	printf '%s\n' "$1"
	exit 77
}

[ -x "$program" ] || skip "plx-perf-bench is not built"
command -v valgrind > /dev/null || skip "valgrind is missing (scripts/setup.sh --dev)"
grep -q '^CMAKE_BUILD_TYPE:.*=Release$' "$build/CMakeCache.txt" ||
	skip "instructions are counted in release builds only"
grep -q '^PLX_CHECK:BOOL=ON$' "$build/CMakeCache.txt" && skip "a build with PLX_CHECK"
grep -q '^PLX_SANITIZE:.*=.\+$' "$build/CMakeCache.txt" && skip "a build with a sanitizer"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

status=0
# case_is ROW FUNCTION BOUND
case_is() {
	local row=$1 function=$2 bound=$3 log=$dir/log total per

	if ! valgrind --tool=callgrind --callgrind-out-file="$dir/out" \
		"--toggle-collect=$function*" "$program" "$row" 1 > "$log" 2>&1; then
		cat "$log"
		exit 1
	fi
	total=$(sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$log")
	[ -n "$total" ] || { cat "$log"; exit 1; }
	per=$(awk -v t="$total" -v n="$packets" 'BEGIN {printf "%.1f", t / n}')
	printf '%s: %s instructions a packet, at most %d\n' "$row" "$per" "$bound"
	awk -v p="$per" -v b="$bound" 'BEGIN {exit !(p > b || p < 20)}' && status=1
	return 0
}

case_is record measured_record 135
case_is generate measured_send 130
case_is schedule measured_send 145
exit $status
