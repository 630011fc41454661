#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Started by silicon.sh in a network namespace of its own: the far end of the cable. plx-l2fwd joins the
# card to a tap interface, and ping from there goes over the cable to the kernel's driver and back.
# Arguments: build folder, CPU, card, own address, the other's, a file to make when the link is up, sizes.

set -u
build=$1 cpu=$2 card=$3 own=$4 other=$5 is_up=$6 sizes=$7
log=$is_up.log

setpriv --pdeathsig KILL -- "$build/bin/plx-l2fwd" -l "$cpu" -m 64 -a "$card" --vdev net_tap0,iface=plxfar -- \
	-p 3 -P -q 2 --no-mac-updating -T 0 >"$log" 2>&1 &
l2fwd=$!
for ((i = 0; i < 300; i++)); do
	if grep -q '^port 1: ' "$log" || ! kill -0 $l2fwd 2>/dev/null; then break; fi
	sleep 0.1
done
: >"$is_up"
if ! ip address add "$own/24" dev plxfar || ! ip link set plxfar up; then
	cat "$log"
	echo "far: plx-l2fwd did not come up"
	exit 1
fi
# The first also finds the way; its answer may be late.
ping -c 3 -i 0.2 -W 2 "$other" >/dev/null 2>&1

nb=0 lost=()
for size in $sizes; do
	ping -q -c 1 -W 2 -s "$size" "$other" >/dev/null 2>&1 || lost+=($((size + 42)))
	nb=$((nb + 1))
done
kill -TERM $l2fwd
wait $l2fwd
cat "$log"
echo "far: ping of $nb sizes of frames, 60 to 1514 bytes: ${#lost[@]} without an answer${lost[*]:+: ${lost[*]}}"
[ ${#lost[@]} -eq 0 ]
