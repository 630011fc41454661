#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Instructions that the igb driver spends on a packet, receive and transmit together, counted by
# callgrind on rings in memory (plx-perf-igb): single-buffer frames, bursts of 32.
# Fails above the bounds; doc/benchmarks.md has the figures. Prints one line a case.

set -u

build=${PLX_BUILD_DIR:?}
program=$build/bin/plx-perf-igb
rounds=2000
warm=256 # rounds that the program runs before it counts packets; callgrind counts them too

skip() {
	printf '%s\n' "$1"
	exit 77
}

[ -x "$program" ] || skip "plx-perf-igb is not built"
command -v valgrind > /dev/null || skip "valgrind is missing (scripts/setup.sh --dev)"
grep -q '^CMAKE_BUILD_TYPE:.*=Release$' "$build/CMakeCache.txt" ||
	skip "instructions are counted in release builds only"
grep -q '^PLX_CHECK:BOOL=ON$' "$build/CMakeCache.txt" && skip "a build with PLX_CHECK"
grep -q '^PLX_SANITIZE:.*=.\+$' "$build/CMakeCache.txt" && skip "a build with a sanitizer"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

status=0
# case MODE BURST BOUND
case_is() {
	local mode=$1 burst=$2 bound=$3 log=$dir/log total per

	if ! valgrind --tool=callgrind --callgrind-out-file="$dir/out" \
		--toggle-collect=plx_igb_rx_burst --toggle-collect=plx_igb_rx_burst_meta \
		--toggle-collect=plx_igb_tx_burst \
		"$program" "$mode" "$burst" "$rounds" > "$log" 2>&1; then
		cat "$log"
		exit 1
	fi
	total=$(sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$log")
	[ -n "$total" ] || { cat "$log"; exit 1; }
	per=$(awk -v t="$total" -v n=$(((rounds + warm) * burst)) 'BEGIN {printf "%.1f", t / n}')
	printf '%s, bursts of %d: %s instructions a packet, at most %d\n' "$mode" "$burst" "$per" \
		"$bound"
	awk -v p="$per" -v b="$bound" 'BEGIN {exit !(p > b)}' && status=1
	return 0
}

case_is plain 32 60
case_is meta 32 90
exit $status
