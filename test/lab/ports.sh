#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab's ports in one boot: 0 and 1 for VFIO, where DPDK's testpmd forwards frames over the cable
# between them; 2 and 3 for the kernel's igb, where ping and iperf3 cross theirs from namespace to
# namespace. The frames of port 0 are also counted in the file that --dump writes.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	need_lab stable
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	status=0
	"$lab" run --bind '0,1=vfio;2,3=kernel' --timeout 240 --share "$scratch" \
		--dump "0=$scratch/port0.pcap" --env PLX_SOURCE_DIR --env PLX_BUILD_DIR \
		--env "RESULTS=$scratch" -- bash "$PLX_SOURCE_DIR/test/lab/ports.sh" || status=$?
	[ $status -eq 0 ] || exit $status
	[ ! -e "$scratch/skipped" ] || {
		cat "$scratch/skipped"
		exit 77
	}
	# At least the burst that was set going, of 60 bytes and the 16 of a record each.
	size=$(stat -c %s "$scratch/port0.pcap")
	[ "$size" -gt $((24 + 32 * 76)) ] || fail "--dump: $size bytes of port 0"
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

# ---- VFIO's ports ----

type -P dpdk-testpmd >/dev/null || {
	echo "dpdk-testpmd is missing (scripts/setup.sh --peer): 1 test of forwarding left out" \
		>"$RESULTS/skipped"
	exit
}
testpmd=(dpdk-testpmd -l "0,1" -a 0000:01:00.0 -a 0000:02:00.0 --file-prefix lab --
	--forward-mode=io --tx-first --stats-period=1 --total-num-mbufs=4096 --no-lsc-interrupt)
timeout -s INT -k 20 60 "${testpmd[@]}" </dev/null >"$RESULTS/testpmd" 2>&1 &
tester=$!
# The burst that it sends first goes round between the two ports for ever.
has_forwarded() {
	awk '/RX-packets:/ && $2 > 2000 { n++ } END { exit n < 2 }' "$RESULTS/testpmd"
}
within 80 has_forwarded || fail "testpmd does not forward: $(tail -n 40 "$RESULTS/testpmd")"
kill -TERM $tester
wait $tester || true
total=$(awk '/RX-total:|RX-packets:/ { if ($2 > most) most = $2 } END { print most + 0 }' "$RESULTS/testpmd")
echo "vfio ports: testpmd has forwarded $total packets on a port"
