#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Instructions that the igb driver spends on a packet, receive and transmit together, counted by
# callgrind on rings in memory (plx-perf-igb): single-buffer frames, bursts of 32.
# Fails outside of the bounds; doc/benchmarks.md has the figures. Prints one line a case.

set -u
# shellcheck source-path=SCRIPTDIR source=callgrind.inc
. "$PLX_SOURCE_DIR/test/system/callgrind.inc"

program=$build/bin/plx-perf-igb
rounds=2000
warm=256 # rounds that the program runs before it counts packets; callgrind counts them too
burst=32
[ -x "$program" ] || skip "plx-perf-igb is not built"

# cost MODE LEAST MOST
cost() {
	count "$1, bursts of $burst" $(((rounds + warm) * burst)) "$2" "$3" \
		--toggle-collect=plx_igb_rx_burst --toggle-collect=plx_igb_rx_burst_meta \
		--toggle-collect=plx_igb_tx_burst "$program" "$1" $burst $rounds
}

cost plain 30 60
cost meta 40 90
exit $status
