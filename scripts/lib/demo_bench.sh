#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For demo.sh, as the first process of namespaces of its own: plx-bench compares a cable in memory with
# the kernel's path over veth, by each of the drivers that take it: The report goes to DEMO_REPORT.
#
#	memory      net_ring0 ======================= net_ring1
#	pcap        net_pcap0       pcap0 == veth == pcap1       net_pcap1
#	af_packet   net_af_packet0  packet0 == veth == packet1   net_af_packet1
#	af_xdp      net_af_xdp0     xdp0 == veth == xdp1         net_af_xdp1

set -u -o pipefail

fail() {
	printf 'demo: error: %s\n' "$*" >&2
	exit 1
}

for program in ip ethtool; do
	command -v $program >/dev/null || fail "$program is missing: run scripts/setup.sh, or install it"
done
mount -t proc proc /proc || fail "no /proc of its own"

# The kernel would send neighbour and router solicitations of its own.
for all in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >"$all"; done

# cable NAME: a pair of veth interfaces, without what raw sockets would see of offloads
cable() {
	local end offload
	ip link add name "${1}0" type veth peer name "${1}1" || fail "no veth interfaces here"
	for end in "${1}0" "${1}1"; do
		for offload in tx rx tso gso gro; do
			ethtool -K "$end" $offload off >/dev/null 2>&1
		done
		ip link set dev "$end" arp off up || fail "$end: does not come up"
	done
}

command=("$DEMO_BUILD/bin/plx-bench" --no-pci)
if [ -n "$DEMO_PAGES" ]; then command+=("$DEMO_PAGES"); fi
command+=(--vdev net_ring0 --vdev "net_ring1,peer=net_ring0")
pairs=(--pair memory=0:1)
port=2
kinds=(pcap:net_pcap packet:net_af_packet)
# Programs of the kernel are for root, and not for that of a user namespace.
read -r _ outside _ </proc/self/uid_map
if [ "$outside" -eq 0 ]; then
	kinds+=(xdp:net_af_xdp)
else
	echo "af_xdp is left out: only root may load XDP programs"
fi
for kind in "${kinds[@]}"; do
	net=${kind%:*} driver=${kind#*:}
	cable "$net"
	command+=(--vdev "${driver}0,iface=${net}0" --vdev "${driver}1,iface=${net}1")
	pairs+=(--pair "${driver#net_}=$port:$((port + 1))")
	port=$((port + 2))
done
if [ "$DEMO_SECONDS" -le 1 ]; then
	plan=(--size "64,1518" --duration 0.2 --warmup 0.05 --repeat 1)
else
	plan=(--size "64,512,1518" --duration 0.4 --warmup 0.1 --repeat 3)
fi
command+=(-- "${pairs[@]}" "${plan[@]}" --rate max --latency-load 0
	--json "$DEMO_REPORT/report.json" --html "$DEMO_REPORT/report.html" --svg "$DEMO_REPORT")

printf '%s\n\n' "${command[*]}"
"${command[@]}" || exit
printf '\nThe report: %s\n' "$DEMO_REPORT/report.html"
