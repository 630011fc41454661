#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# scripts/silicon.sh on the lab's igb, which stands for a card: a port in use is refused untouched; the
# steps go well and the report has what is wanted; whatever ends it, kill -9 included, the ports get
# their drivers back and no process is left. The suite it runs has a test of its own.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"
[ -n "${PLX_LAB:-}" ] || boot --bind 'all=kernel' --ports 2 --timeout 840

silicon=(bash "$PLX_SOURCE_DIR/scripts/silicon.sh" --real --quick --seconds 3 --build "$build")
nics=(0000:01:00.0 0000:02:00.0)
cd /tmp || exit 1

drivers() {
	local nic link all=''
	for nic in "${nics[@]}"; do
		link=$(readlink "/sys/bus/pci/devices/$nic/driver")
		all+="${all:+ }${link##*/}"
	done
	echo "$all"
}

# ---- in use ----

ip address add 10.1.2.3/24 dev igb1
if "${silicon[@]}" --report refused "${nics[@]}" >out 2>&1; then bad "a port with an address is taken"; fi
grep -q 'in use (igb1: .*10.1.2.3' out || bad "in use: $(cat out)"
[ "$(drivers)" = "igb igb" ] || bad "in use: the drivers are $(drivers)"
ip address flush dev igb1

# ---- all but the suite, which has a test of its own ----

"${silicon[@]}" --steps cable,throughput,dumps --report report "${nics[@]}" >out 2>&1 ||
	bad "status $?: $(cat out) $(grep -v 'buffer 0x' report | tail -n 60)"
[ "$(drivers)" = "igb igb" ] || bad "afterwards the drivers are $(drivers)"
for pattern in '^far: ping of 16 sizes of frames, 60 to 1514 bytes: 0 without an answer' \
	', of the kernel: 1000 Mb/s, full duplex' '^one port sends  *[1-9][0-9]* packets/s, .*emulated' \
	'^both forward, a port  *[1-9][0-9]* packets/s' '^rx queue 0: on, 512 descriptors' \
	'^# sum of section 0: good' '^00008  STATUS  ' '^cable  *ok' '^throughput  *ok' '^dumps  *ok'; do
	grep -qE -- "$pattern" report || bad "the report lacks: $pattern"
done

# ---- kill -9 in the middle ----

"${silicon[@]}" --steps cable --report killed "${nics[@]}" >out 2>&1 &
pid=$!
for ((i = 0; i < 240; i++)); do
	if pgrep -f 'plx-l2fwd -l' >/dev/null || ! kill -0 $pid 2>/dev/null; then break; fi
	sleep 0.5
done
[ "$(drivers)" = "vfio-pci igb" ] || bad "in the cable test the drivers are $(drivers)"
kill -KILL $pid
wait $pid 2>/dev/null
for ((i = 0; i < 240; i++)); do
	[ "$(drivers)" != "igb igb" ] || break
	sleep 0.5
done
[ "$(drivers)" = "igb igb" ] || bad "after kill -9 the drivers are $(drivers)"
! ip address show | grep -q 198.18. || bad "after kill -9 an address is left"
! pgrep -x plx-l2fwd >/dev/null || bad "after kill -9 plx-l2fwd runs on"

# ---- SIGTERM ----

"${silicon[@]}" --steps throughput --report ended "${nics[@]}" >out 2>&1 &
pid=$!
for ((i = 0; i < 240; i++)); do
	if pgrep -f 'plx-l2fwd -l' >/dev/null || ! kill -0 $pid 2>/dev/null; then break; fi
	sleep 0.5
done
kill -TERM $pid
wait $pid
status=$?
[ $status -eq 143 ] || bad "SIGTERM: status $status: $(cat out)"
[ "$(drivers)" = "igb igb" ] || bad "after SIGTERM the drivers are $(drivers)"
finish
