#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# scripts/silicon.sh on the lab's igb, which stands for a card: a port in use is refused untouched; all
# steps go well and the report has what is wanted; whatever ends it, Ctrl-C and kill -9 included, the
# ports are as they were found, and no process is left.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"
[ -n "${PLX_LAB:-}" ] || boot --bind 'all=kernel' --ports 2 --timeout "$lab_seconds"

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

# state: all that is to be as it was
state() {
	local net
	drivers
	cat /sys/bus/pci/devices/0000:0[12]:00.0/driver_override
	for net in igb0 igb1; do
		readlink "/sys/class/net/$net/device"
		cat "/sys/class/net/$net/mtu"
		ip -o link show dev "$net" | grep -ow 'UP,*[A-Z_]*>\|promiscuity [0-9]*'
		ip -4 -o address show dev "$net"
		ethtool -g "$net"
		ethtool -l "$net"
		ethtool -k "$net"
	done
}

# as_found WHAT [SECONDS]: within so many, where nobody waits for who gives the ports back
as_found() {
	local name end=$((SECONDS + ${2:-0}))
	while true; do
		state >now 2>&1
		if diff before now >changes || [ $SECONDS -ge $end ]; then break; fi
		sleep 0.5
	done
	[ ! -s changes ] || bad "$1: not as it was found: $(<changes)"
	for name in plx-l2fwd plx-perf-forwar plx-conform; do
		! pgrep -x "$name" >/dev/null || bad "$1: $name runs on"
	done
}

# begin REPORT STEP COMMAND: in a group of processes of its own, as in a terminal; until the command runs
begin() {
	local end=$((SECONDS + 180))
	set -m
	"${silicon[@]}" --steps "$2" --report "$1" "${nics[@]}" >out 2>&1 &
	pid=$!
	set +m
	while ! pgrep -f "$3" >/dev/null && kill -0 $pid 2>/dev/null && [ $SECONDS -lt $end ]; do
		sleep 0.1
	done
	pgrep -f "$3" >/dev/null || bad "$1: $3 does not run: $(<out)"
	sleep 1
}

# ended WHAT STATUS
ended() {
	local status
	wait $pid
	status=$?
	[ $status -eq "$2" ] || bad "$1: status $status, want $2: $(<out)"
	as_found "$1"
	echo "$SECONDS s: $1"
}

# What is not the driver's choice.
ip link set dev igb0 mtu 1400
ip link set dev igb1 mtu 1600 up
state >before 2>&1

# ---- in use ----

ip address add 10.1.2.3/24 dev igb1
if "${silicon[@]}" --report refused "${nics[@]}" >out 2>&1; then bad "a port with an address is taken"; fi
grep -q 'in use (igb1: .*10.1.2.3' out || bad "in use: $(<out)"
ip address flush dev igb1
as_found "in use"

# ---- all of it ----

"${silicon[@]}" --report report "${nics[@]}" >out 2>&1 ||
	bad "status $?: $(<out) $(grep -v 'buffer 0x' report | tail -n 60)"
for pattern in "^0000:01:00.0: group [0-9]*, node [-0-9]*, had igb" \
	'^far: ping of 16 sizes of frames, 60 to 1514 bytes: 0 without an answer' \
	', of the kernel: 1000 Mb/s, full duplex' '^one port sends  *[1-9][0-9]* packets/s, .*emulated' \
	'^both forward, a port  *[1-9][0-9]* packets/s' '^rx queue 0: on, 512 descriptors' \
	'^# sum of section 0: good' '^00008  STATUS  ' '^machine  *ok' '^cable  *ok' '^conform  *ok' \
	'^throughput  *ok' '^dumps  *ok'; do
	grep -qE -- "$pattern" report || bad "the report lacks: $pattern"
done
! grep '^\(conform\|throughput\|cable\) .*FAILED' report || bad "a step failed"
as_found "all of it"
sed -n '/==== verdicts/,$p' report

# ---- Ctrl-C ----

begin interrupted conform 'plx-conform --device'
kill -INT -- -$pid
ended "Ctrl-C in the suite" 130

# ---- kill -9 ----

begin killed cable 'plx-l2fwd -l'
[ "$(drivers)" = "vfio-pci igb" ] || bad "in the cable test the drivers are $(drivers)"
kill -KILL $pid
wait $pid 2>/dev/null
as_found "kill -9 in the cable test" 180
! ip address show | grep -q 198.18. || bad "after kill -9 an address is left"
echo "$SECONDS s: kill -9"

# ---- SIGTERM ----

begin ended throughput 'plx-l2fwd -l'
kill -TERM $pid
ended "SIGTERM in the benchmark" 143

# ---- a user's ports, with vfio-pci ----

bash "$PLX_SOURCE_DIR/scripts/devbind.sh" --bind vfio-pci --user nobody "${nics[@]}" >out 2>&1 || bad "$(<out)"
"$build/bin/plx-l2fwd" -l 1 -m 64 -a "${nics[1]}" -- -p 1 -T 0 >l2fwd 2>&1 &
pid=$!
for ((i = 0; i < 300; i++)); do
	if grep -q '^port 0: ' l2fwd || ! kill -0 $pid 2>/dev/null; then break; fi
	sleep 0.1
done
if "${silicon[@]}" --report refused "${nics[@]}" >out 2>&1; then bad "a port of a process is taken"; fi
grep -q "02:00.0: in use (plx-l2fwd, pid $pid): end that first" out || bad "in use: $(<out)"
kill -TERM $pid
wait $pid || bad "plx-l2fwd: status $?: $(<l2fwd)"
"${silicon[@]}" --steps cable --report theirs "${nics[@]}" >out 2>&1 || bad "status $?: $(<out) $(<theirs)"
[ "$(drivers)" = "vfio-pci vfio-pci" ] || bad "a user's ports: the drivers are $(drivers)"
for nic in "${nics[@]}"; do
	owner=$(stat -c %U "/dev/vfio/$(group_of "$nic")")
	[ "$owner" = nobody ] || bad "a user's ports: the group of $nic is of $owner"
done
echo "$SECONDS s: a user's ports"
finish
