#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Frames good and bad from outside, by sockets at the ends of two wires, through a forwarder on ports
# 0 and 1: runts, oversize, bad checksums, VLAN stacks, random bytes. igb_wire.py sends them and
# compares what comes out, and the counters. 10^5 of them with an MTU of 1500, then 5,000 with jumbo
# frames; with PLX_TEST_LONG 10^6 of either.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	need_python
	make_scratch stable
	frames=100000 jumbo=5000
	[ "${PLX_TEST_LONG:-0}" = 0 ] || frames=1000000 jumbo=1000000 lab_seconds=3400
	seed=${PLX_TEST_SEED:-$(date +%s)}
	python3 "$PLX_SOURCE_DIR/test/lab/igb_wire.py" "$scratch" "$frames" "$jumbo" "$seed" \
		"$lab" run --ports 2 --wire "0=unix:$scratch/port0" --wire "1=unix:$scratch/port1" \
		--timeout "$lab_seconds" --env PLX_SOURCE_DIR --env PLX_BUILD_DIR -- \
		bash "$PLX_SOURCE_DIR/test/lab/igb_wire.sh" || fail "exit status $?, PLX_TEST_SEED=$seed"
	exit
fi

# ---- in the lab ----

for mtu in 1500 9216; do
	"$PLX_BUILD_DIR/test/lab_igb_forward" --lcores "0@0" --log-level "eal:error" \
		-a 0000:01:00.0 -a 0000:02:00.0 -- $mtu || fail "the forwarder: exit status $?"
	echo "all told"
done
