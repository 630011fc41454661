#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Instructions that plx-bench itself spends on a packet of 64 bytes, counted by callgrind
# (plx-perf-bench): to record one that has come, and to make and send one over net_null. The bounds
# leave a tenth or two to other compilers. The time, under 15 and under 100 ns, is told by the program
# run by hand: a machine that others use can't tell it in a test. Prints one line a case.

set -u
# shellcheck source-path=SCRIPTDIR source=callgrind.inc
. "$PLX_SOURCE_DIR/test/system/callgrind.inc"

program=$build/bin/plx-perf-bench
packets=$(((400 + 20) * 16 * 32)) # chunks, those that warm up among them, of 16 bursts of 32
[ -x "$program" ] || skip "plx-perf-bench is not built"

# cost ROW FUNCTION MOST
cost() {
	count "$1" $packets 20 "$3" "--toggle-collect=$2*" "$program" "$1" 1
}

cost record measured_record 135
cost generate measured_send 130
cost schedule measured_send 145
exit $status
