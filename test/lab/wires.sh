#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What reaches into the lab from outside, in one boot of the backports kernel: port 0's wire ends in
# a socket, where wires.py is the link partner and plays ping-pong with it; by the monitor, the link
# of port 0 goes and comes, port 2 has PCIe errors and port 3 is pulled out; gdb stops it all for a
# moment. Also VFs, and port 1's wire as a tap interface.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	need_lab stable backports
	need_python
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	run=("$lab" run --kernel backports --bind all=kernel --vf 1 --cable 2:3 --timeout "$lab_seconds"
		--wire "0=unix:$scratch/port0" --monitor "$scratch/qmp" --gdb "$scratch/gdb"
		--env PLX_SOURCE_DIR --env "RELEASE=$(basename "$(lab_kernel backports)")")
	# A tap interface is made in a network namespace of its own.
	if [ "$(id -u)" -eq 0 ] && [ -e /dev/net/tun ] && unshare --net true 2>/dev/null; then
		run=(unshare --net "${run[@]}" --wire "1=tap:labtap" --env "TAP=1")
	fi
	python3 "$PLX_SOURCE_DIR/test/lab/wires.py" "$scratch" "${run[@]}" -- \
		bash "$PLX_SOURCE_DIR/test/lab/wires.sh" || fail "exit status $?"
	for path in port0 port0.peer qmp gdb; do
		[ ! -e "$scratch/$path" ] || fail "$path is left behind"
	done
	exit
fi

# ---- in the lab ----

[ "linux-$(uname -r)" = "$RELEASE" ] || fail "the kernel is $(uname -r), want ${RELEASE#linux-}"

carrier_is() {
	[ "$(cat "/sys/class/net/$1/carrier" 2>/dev/null || echo none)" = "$2" ]
}

vfs=(/sys/bus/pci/drivers/vfio-pci/0000:*)
[ ${#vfs[@]} -eq 4 ] || fail "want a VF of each port at vfio-pci, got: ${vfs[*]}"
[ "$(cat "${vfs[0]}/device")" = 0x10ca ] || fail "${vfs[0]} is no VF of the 82576"

ip address add 10.8.0.1/24 dev igb0
ip neighbour replace 10.8.0.2 dev igb0 lladdr 02:00:00:00:00:02 nud permanent
ip link set dev igb0 up
within 20 carrier_is igb0 1 || fail "igb0 has no link"
tcpdump -i igb0 -c 1 -w /tmp/in.pcap ether proto 0x88b5 2>/tmp/tcpdump &
tcpdump_pid=$!
captures() {
	grep -q 'listening on' /tmp/tcpdump
}
within 60 captures || fail "tcpdump does not start: $(cat /tmp/tcpdump)"
echo "lab wants frame"
wait $tcpdump_pid
grep -aq 'a frame from outside' /tmp/in.pcap || fail "another frame came in"
ping -c 3 -i 0.2 -W 1 -s 100 -p c0ffee 10.8.0.2 >/dev/null 2>&1 || true

echo "lab wants link off"
within 20 carrier_is igb0 0 || fail "set_link off: igb0 still has a link"
echo "lab wants link on"
within 20 carrier_is igb0 1 || fail "set_link on: igb0 has no link"

# counts FILE NAME: the line with that name says 1
counts() {
	grep -qx "$2 1" "/sys/bus/pci/devices/0000:00:12.0/$1"
}

# The driver of the card below hears of it.
is_told() {
	dmesg | grep -qF 'igb 0000:03:00.0: Non-correctable non-fatal error reported'
}

errors() {
	dmesg | grep -F 00:12.0: | tail -n 20
}

echo "lab wants error BAD_TLP"
within 20 counts aer_dev_correctable TOTAL_ERR_COR || fail "BAD_TLP: $(errors)"
echo "lab wants error COMP_TIME"
within 20 counts aer_dev_nonfatal TOTAL_ERR_NONFATAL || fail "COMP_TIME: $(errors)"
within 20 is_told || fail "COMP_TIME: $(errors)"

echo "lab wants gdb"

echo "lab wants unplug"
is_gone() {
	[ ! -e /sys/class/net/igb3 ] && [ ! -e /sys/bus/pci/devices/0000:04:00.0 ]
}
within 30 is_gone || fail "device_del: port 3 is still there: $(ls /sys/bus/pci/devices)"

if [ -n "${TAP:-}" ]; then
	ip link set dev igb1 up
	within 20 carrier_is igb1 1 || fail "igb1 on a tap interface has no link"
fi
echo "lab is done"
