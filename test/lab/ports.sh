#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab's ports in one boot: 0 and 1 for VFIO; 2 and 3 for the kernel's igb, where ping and iperf3
# cross their cable from namespace to namespace. The frames of port 2 are also counted in the file that
# --dump writes. Two devices more than the ports are there.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	make_scratch stable
	status=0
	"$lab" run --bind '0,1=vfio;2,3=kernel' --timeout "$lab_seconds" --dump "2=$scratch/port2.pcap" \
		--device edu --device pci-testdev,addr=1e --env PLX_SOURCE_DIR --env PLX_BUILD_DIR \
		-- bash "$PLX_SOURCE_DIR/test/lab/ports.sh" || status=$?
	[ $status -eq 0 ] || exit $status
	# Five frames of ping each way, and the 16 bytes of a record each; iperf3's are many more.
	size=$(stat -c %s "$scratch/port2.pcap")
	[ "$size" -gt $((24 + 10 * (98 + 16))) ] || fail "--dump: $size bytes of port 2"
	exit
fi

# ---- in the lab ----

driver() {
	local link
	link=$(readlink "/sys/bus/pci/devices/$1/driver") && echo "${link##*/}"
}

for port in 0:vfio-pci 1:vfio-pci 2:igb 3:igb; do
	function=0000:0$((${port%:*} + 1)):00.0
	got=$(driver "$function") || got=none
	[ "$got" = "${port#*:}" ] || fail "port ${port%:*}: its driver is $got, want ${port#*:}"
	[ "$(cat "/sys/bus/pci/devices/$function/vendor" "/sys/bus/pci/devices/$function/device")" = \
		$'0x8086\n0x10c9' ] || fail "port ${port%:*} is no 82576"
done
groups=$(for n in 1 2 3 4; do readlink "/sys/bus/pci/devices/0000:0$n:00.0/iommu_group"; done)
[ "$(sort -u <<<"$groups" | wc -l)" -eq 4 ] || fail "the ports share IOMMU groups: $groups"

# QEMU's edu and pci-testdev.
for id in 0x1234:0x11e8 0x1b36:0x0005; do
	grep -lx "${id%:*}" /sys/bus/pci/devices/*/vendor | sed 's,vendor$,device,' |
		xargs grep -qx "${id#*:}" || fail "--device: no $id on the PCI bus"
done
[ -e /sys/bus/pci/devices/0000:00:1e.0 ] || fail "--device: nothing at its address"

# ---- the kernel's ports ----

make_host() {
	unshare --net sleep infinity &
	printf -v "$1" '%s' $!
}

# at PID COMMAND...
at() {
	nsenter --net="/proc/$1/ns/net" "${@:2}"
}

has_own_net() {
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

has_link() {
	[ "$(at "$1" cat "/sys/class/net/$2/carrier" 2>/dev/null)" = 1 ] ||
		at "$1" ip -br link show dev "$2" | grep -q LOWER_UP
}

make_host a
make_host b
# shellcheck disable=SC2154
for host in "$a:igb2:10.9.0.1" "$b:igb3:10.9.0.2"; do
	IFS=: read -r pid interface address <<<"$host"
	within 5 has_own_net "$pid" || fail "no network namespace"
	ip link set dev "$interface" netns "$pid"
	at "$pid" ip address add "$address/24" dev "$interface"
	at "$pid" ip link set dev "$interface" up
done
within 20 has_link "$a" igb2 || fail "igb2 has no link"
within 20 has_link "$b" igb3 || fail "igb3 has no link"
at "$a" ping -q -c 5 -i 0.2 -w 20 10.9.0.2 >/tmp/ping || fail "ping: $(cat /tmp/ping)"
grep -q '5 received' /tmp/ping || fail "ping: $(cat /tmp/ping)"
at "$b" iperf3 -s -1 >/tmp/server 2>&1 &
listens() {
	at "$b" ss -Hltn 'sport = :5201' | grep -q .
}
within 30 listens || fail "iperf3 -s does not listen: $(cat /tmp/server)"
at "$a" timeout 60 iperf3 -c 10.9.0.2 -t 2 -f m >/tmp/iperf3 2>&1 || fail "iperf3: $(cat /tmp/iperf3)"
grep -E 'receiver' /tmp/iperf3 | grep -vq ' 0.00 ' || fail "iperf3: $(cat /tmp/iperf3)"
# Across the cable, not inside of the machine: the card at the other end has counted them.
rx=$(at "$b" cat /proc/net/dev | awk '$1 == "igb3:" { print $3 }')
[ "$rx" -gt 100 ] || fail "igb3 has received $rx frames only"
echo "kernel ports: $(grep 'packet loss' /tmp/ping), $(awk '/receiver/ { print $7, $8 }' /tmp/iperf3)"
