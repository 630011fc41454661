#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Linux's igb at the other end of the cable, in one boot. Ports 0 and 3 are the kernel's, in two network
# namespaces, 1 and 2 Pollux's over VFIO, which forwards between them: pings of all lengths, jumbo
# ones too, iperf3, and what tcpdump saw at both ends is the same, byte for byte. Then the kernel checks
# what the card computed for Pollux, and the other way round, and flows spread alike.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	need_python
	for tool in tcpdump iperf3 ethtool; do
		type -P $tool >/dev/null || {
			echo "$tool is missing (scripts/setup.sh --dev)"
			exit 77
		}
	done
	make_scratch stable
	status=0
	"$lab" run --bind '0,3=kernel;1,2=vfio' --timeout "$lab_seconds" --share "$scratch" \
		--env PLX_SOURCE_DIR --env PLX_BUILD_DIR --env "RESULTS=$scratch" -- \
		bash "$PLX_SOURCE_DIR/test/lab/igb_linux.sh" || status=$?
	[ $status -eq 0 ] || exit $status
	[ ! -e "$scratch/skipped" ] || {
		cat "$scratch/skipped"
		exit 77
	}
	for what in common jumbo; do
		python3 "$PLX_SOURCE_DIR/test/lab/igb_same.py" "$scratch/$what.igb0.pcap" \
			"$scratch/$what.igb3.pcap" "$(<"$scratch/$what.lengths")" ||
			fail "$what: what tcpdump saw at both ends (see above)"
	done
	exit
fi

# ---- in the lab ----

programs=$PLX_BUILD_DIR/test
eal=(--lcores "0@0" --log-level "eal:error")
pair=("${eal[@]}" -a 0000:02:00.0 -a 0000:03:00.0)

# says FILE TEXT
says() {
	grep -q -- "$2" "$1"
}

# at COMMAND...: in the namespace of igb3
unshare --net sleep infinity &
far=$!
at() {
	timeout 100 nsenter --net="/proc/$far/ns/net" "$@"
}
has_own_net() {
	[ "$(readlink "/proc/$far/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

step() {
	echo "$SECONDS s: $*"
}

within 20 has_own_net || fail "no network namespace"
ip link set dev igb3 netns $far
ip address add 10.9.0.1/24 dev igb0
at ip address add 10.9.0.2/24 dev igb3
# Only what is to be tried crosses the cables.
sysctl -qw net.ipv6.conf.all.disable_ipv6=1
at sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip link set dev igb0 up
at ip link set dev igb3 up

# start NAME READY COMMAND...: until it says READY
start() {
	local name=$1 ready=$2
	shift 2
	"$@" >"$RESULTS/$name" 2>&1 &
	forwarder=$!
	forwarder_log=$RESULTS/$name
	within 60 says "$forwarder_log" "$ready" || fail "$name does not start: $(<"$forwarder_log")"
}

# all_lengths FIRST LAST STEP
all_lengths() {
	"$programs/lab_ping" 10.9.0.2 "$@" && return
	kill -TERM $forwarder
	wait $forwarder || true
	cat "$forwarder_log"
	at ethtool -S igb3 | grep -v ': 0$'
	ethtool -S igb0 | grep -v ': 0$'
	fail "pings (see above)"
}

# stop: its status is 0
stop() {
	local status=0
	# It may have ended by itself: its status tells.
	kill -TERM $forwarder 2>/dev/null || true
	wait $forwarder || status=$?
	[ $status -eq 0 ] || fail "exit status $status: $(<"$forwarder_log")"
}

# capture NAME FILTER: at both ends, until captured
capture() {
	local end
	captures=()
	for end in igb0 igb3; do
		local in_net=()
		[ $end = igb0 ] || in_net=(at)
		# shellcheck disable=SC2086
		${in_net[@]+"${in_net[@]}"} tcpdump -i $end -B 16384 -U -w "/tmp/$1.$end.pcap" $2 \
			2>"/tmp/$1.$end.err" &
		captures+=($!)
	done
	for end in igb0 igb3; do
		within 90 says "/tmp/$1.$end.err" "listening on" || fail "tcpdump: $(<"/tmp/$1.$end.err")"
	done
}

captured() {
	local end
	# What has come is in a file once it is written, a second later at most.
	sleep 1
	kill -INT "${captures[@]}"
	wait "${captures[@]}" || true
	for end in igb0 igb3; do
		says "/tmp/$1.$end.err" "^0 packets dropped by kernel" ||
			fail "tcpdump has lost packets: $(<"/tmp/$1.$end.err")"
		cp "/tmp/$1.$end.pcap" "$RESULTS"
	done
}

# ---- through plx-l2fwd ----

start l2fwd ", link up" "$PLX_BUILD_DIR/bin/plx-l2fwd" "${pair[@]}" -- -p 3 -q 2 -P -T 0 --no-mac-updating
within 20 says "$forwarder_log" "port 1: .*link up" || fail "$(<"$forwarder_log")"
within 20 at "$programs/lab_ping" 10.9.0.1 60 60 1 || fail "no answer"
step "l2fwd runs"
capture common icmp
step "tcpdump listens"
all_lengths 60 1514 1
step "all lengths"
ping -q -f -c 50 -s 1472 -w 60 10.9.0.2 >/tmp/ping 2>&1 || fail "ping: $(</tmp/ping)"
# One that was sent behind the last may have no answer yet.
says /tmp/ping ' 50 received' || fail "ping: $(</tmp/ping)"
captured common
seq 60 1514 >"$RESULTS/common.lengths"
step "ping -f"

listens() {
	at ss -Hltn 'sport = :5201' | grep -q .
}
# throughput WAY OPTION... of iperf3
throughput() {
	local way=$1
	shift
	at iperf3 -s -1 >/tmp/server 2>&1 &
	within 60 listens || fail "iperf3 -s does not listen: $(</tmp/server)"
	timeout 100 iperf3 -c 10.9.0.2 -f m "$@" >/tmp/iperf3 2>&1 || fail "iperf3: $(</tmp/iperf3)"
	wait $! || fail "iperf3 -s: $(</tmp/server)"
	grep -E "receiver" /tmp/iperf3 | grep -vq ' 0.00 ' || fail "iperf3: $(</tmp/iperf3)"
	step "iperf3 $way: $(awk '/receiver/ { print $5, $6, $7, $8, $11, $12 }' /tmp/iperf3)"
}
throughput "TCP" -n 4M
throughput "TCP back" -n 4M -R
throughput "UDP" -u -b 4M -n 500K -l 1400
stop
step "l2fwd: $(grep received "$forwarder_log")"

# ---- jumbo frames ----

ip link set dev igb0 mtu 9216
at ip link set dev igb3 mtu 9216
start jumbo forwarding "$programs/lab_igb_forward" "${pair[@]}" -- 9216
capture jumbo icmp
all_lengths 1515 9230 61
all_lengths 9014 9014 1
all_lengths 9230 9230 1
captured jumbo
{
	seq 1515 61 9230
	echo 9014
	echo 9230
} >"$RESULTS/jumbo.lengths"
stop
says "$forwarder_log" "drop" && fail "lost: $(<"$forwarder_log")"
step "jumbo"

# ---- checksums, tags and TSO, looked at by the kernel itself and not by its card ----

modprobe -a sctp 8021q
ethtool -K igb0 rx off gro off
pollux_address=$(<"/sys/class/net/igb0/address")
pollux_address=${pollux_address%?}1
ip link set dev igb0 addrgenmode none
sysctl -qw net.ipv6.conf.igb0.disable_ipv6=0
ip address add fd09::1/64 dev igb0 nodad
ip neighbour replace fd09::4d dev igb0 lladdr "$pollux_address" nud permanent
ip neighbour replace 10.9.0.77 dev igb0 lladdr "$pollux_address" nud permanent
ip link add link igb0 name tagged type vlan id 100
ip address add 10.9.100.1/24 dev tagged
ip link set dev tagged up
ip neighbour replace 10.9.100.77 dev tagged lladdr "$pollux_address" nud permanent

# What lab_igb_offload sends: 8 good ones of each shape, and a bad one. Three shapes are UDP over IPv4,
# one over IPv6, three TCP, one SCTP.
expected="SctpChecksumErrors 1
SctpOutOfBlues 8
TcpInCsumErrors 3
TcpOutRsts 24
Udp6InCsumErrors 1
Udp6NoPorts 8
UdpInCsumErrors 3
UdpNoPorts 24"
names=$(cut -d' ' -f1 <<<"$expected")
kernel_counts() {
	# shellcheck disable=SC2086
	nstat -asz $names | awk '$1 != "#kernel" { print $1, $2 }' | sort
}
before=$(kernel_counts)
"$programs/lab_igb_offload" "${eal[@]}" -a 0000:02:00.0 -- igb0 || fail "offloads (see above)"
got=$(join <(echo "$before") <(kernel_counts) | awk '{ print $1, $3 - $2 }')
[ "$got" = "$expected" ] || fail "the kernel has counted:
$got
want:
$expected"
step "offloads"

# ---- flows ----

ethtool -X igb0 weight 3 5
"$programs/lab_igb_rss" "${eal[@]}" -a 0000:02:00.0 -- igb0 || fail "RSS (see above)"
step "RSS"

# ---- testpmd at the other end ----

type -P dpdk-testpmd >/dev/null || {
	echo "dpdk-testpmd is missing (scripts/setup.sh --peer): 1 test of a link partner left out" \
		>"$RESULTS/skipped"
	exit
}
peer_device=/sys/bus/pci/devices/0000:04:00.0
echo 0000:04:00.0 >$peer_device/driver/unbind
echo vfio-pci >$peer_device/driver_override
echo 0000:04:00.0 >/sys/bus/pci/drivers_probe
mkfifo /tmp/orders
exec 9<>/tmp/orders
testpmd_log=$RESULTS/testpmd
dpdk-testpmd -l "0,1" -a 0000:04:00.0 --file-prefix peer --no-telemetry -- -i --total-num-mbufs=4096 \
	--no-lsc-interrupt </tmp/orders >"$testpmd_log" 2>&1 &
testpmd=$!
prompts() {
	[ "$(grep -o 'testpmd>' "$testpmd_log" | wc -l)" -gt "$asked" ]
}
# order TEXT: waits until it is done
asked=0
order() {
	echo "$*" >&9
	asked=$((asked + 1))
	within 100 prompts || fail "testpmd does not do '$*': $(tail -n 30 "$testpmd_log")"
}
# forwarded RX|TX: since the last start
forwarded() {
	grep -o "$1-packets: [0-9]*" "$testpmd_log" | tail -n 1 | grep -o '[0-9]*$'
}
counter() {
	awk -v name="$1" '$3 == name { value = $4 } END { print value + 0 }' "$forwarder_log"
}
within 100 prompts || fail "testpmd does not start: $(tail -n 30 "$testpmd_log")"
step "testpmd runs"
start sink receiving "$programs/lab_igb_peer" "${eal[@]}" -a 0000:03:00.0 -- sink
order set fwd txonly
order set txpkts 64,128,300
order set txsplit rand
order start
sleep 1
order stop
sleep 1
stop
sent=$(forwarded TX)
[ "$sent" -gt 1000 ] || fail "testpmd has sent $sent frames only"
[ "$(counter rx_packets)" -eq "$sent" ] || fail "testpmd has sent $sent frames: $(<"$forwarder_log")"
step "testpmd sent $sent frames, all came"
order set fwd macswap
order start
"$programs/lab_igb_peer" "${eal[@]}" -a 0000:03:00.0 -- bounce 3000 >/tmp/bounce || fail "$(</tmp/bounce)"
order stop
[ "$(forwarded RX) $(forwarded TX)" = "3000 3000" ] ||
	fail "testpmd has received and sent $(forwarded RX) and $(forwarded TX) of 3000 frames"
step "testpmd: $(head -n 1 /tmp/bounce)"
echo quit >&9
wait $testpmd || fail "testpmd: $(tail -n 30 "$testpmd_log")"
