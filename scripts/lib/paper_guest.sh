#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For paper.sh: the experiment itself, where the four ports are, in the lab or on the machine. Ports 0
# and 1 have vfio-pci, 2 and 3 their interfaces.
#
#	paper_guest.sh BUILD REPORT BDF0 BDF1 INTERFACE2 INTERFACE3 OPTION... (of plx-bench)

set -u -o pipefail

fail() {
	printf 'paper: error: %s\n' "$*" >&2
	exit 1
}

[ $# -ge 6 ] || fail "paper_guest.sh is for paper.sh"
build=$1 report=$2 user=("$3" "$4") kernel=("$5" "$6")
shift 6

# Frames as they are on the wire, and none of the kernel's own among them.
for net in "${kernel[@]}"; do
	echo 1 >"/proc/sys/net/ipv6/conf/$net/disable_ipv6"
	for offload in tso gso gro lro; do ethtool -K "$net" $offload off >/dev/null 2>&1; done
	ip link set dev "$net" arp off up || fail "$net: does not come up"
done
ip link set dev lo up

exec "$build/bin/plx-bench" -a "${user[0]}" -a "${user[1]}" \
	--vdev "net_pcap0,iface=${kernel[0]}" --vdev "net_pcap1,iface=${kernel[1]}" -- \
	--pair user=0:1 --pair kernel=2:3 "$@" \
	--json "$report/report.json" --csv "$report/report.csv" --html "$report/report.html" \
	--svg "$report" --hgrm "$report/hgrm"
