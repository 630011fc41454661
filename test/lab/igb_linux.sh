#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Linux's igb at the other end of the cable, in one boot. Ports 0 and 3 are the kernel's, in two
# network namespaces, 1 and 2 Pollux's over VFIO, which forwards between them: pings of all lengths,
# jumbo ones too, iperf3, and what tcpdump saw at both ends is the same, byte for byte. Then the
# kernel checks what the card computed for Pollux, and the other way round, and flows spread alike.
# At last DPDK's testpmd takes port 3. Each part tells its seconds; with PLX_TEST_LONG there are
# more jumbo lengths, frames and seconds.

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
		--env PLX_SOURCE_DIR --env PLX_BUILD_DIR --env "RESULTS=$scratch" \
		--env "PLX_TEST_LONG=${PLX_TEST_LONG:-0}" -- \
		bash "$PLX_SOURCE_DIR/test/lab/igb_linux.sh" || status=$?
	[ $status -eq 0 ] || exit $status
	[ ! -e "$scratch/skipped" ] || {
		cat "$scratch/skipped"
		exit 77
	}
	python3 "$PLX_SOURCE_DIR/test/lab/igb_same.py" "$scratch/igb0.pcap" "$scratch/igb3.pcap" \
		"$(<"$scratch/lengths")" || fail "what tcpdump saw at both ends (see above)"
	exit
fi

# ---- in the lab ----

programs=$PLX_BUILD_DIR/test
eal=(--lcores "0@0" --log-level "eal:error")
pair=("${eal[@]}" -a 0000:02:00.0 -a 0000:03:00.0)
jumbo_step=61 pings=50 iperf_seconds=2 floods=5
[ "${PLX_TEST_LONG:-0}" = 0 ] || jumbo_step=1 pings=1000 iperf_seconds=20 floods=50

set -E
trap 'echo "line $LINENO: status $?: $BASH_COMMAND"' ERR
# What still runs would keep the results open.
end_all() {
	local process
	for process in $(jobs -p); do
		kill -KILL "$process" || true
	done
	wait
} 2>/dev/null
trap end_all EXIT

# says FILE TEXT
says() {
	grep -q -- "$2" "$1"
}

# part TEXT: that is done; the seconds since the last one, and all
part_start=0
part() {
	printf '%3d s, %3d s in all: %s\n' $((SECONDS - part_start)) $SECONDS "$*"
	part_start=$SECONDS
}

# at COMMAND...: in the namespace of igb3. In the background "${far_net[@]}" COMMAND...: signals are
# to reach it.
unshare --net sleep infinity &
far=$!
far_net=(nsenter "--net=/proc/$far/ns/net")
at() {
	timeout 100 "${far_net[@]}" "$@"
}
has_own_net() {
	[ "$(readlink "/proc/$far/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

within 20 has_own_net || fail "no network namespace"
ip link set dev igb3 netns $far
ip address add 10.9.0.1/24 dev igb0
at ip address add 10.9.0.2/24 dev igb3
# Only what is to be tried crosses the cables.
sysctl -qw net.ipv6.conf.all.disable_ipv6=1
at sysctl -qw net.ipv6.conf.all.disable_ipv6=1
# With one queue the kernel reclaims what it sent whenever it receives. With more, answers to pings
# wait for interrupts that are late in the emulation, until they are dropped for want of room; and a
# queue that is full loses frames there while another one has room.
ethtool -L igb0 combined 1
at ethtool -L igb3 combined 1
ip link set dev igb0 up
at ip link set dev igb3 up

# launch NAME COMMAND...
launch() {
	forwarder_log=/tmp/$1.log
	"${@:2}" >"$forwarder_log" 2>&1 &
	forwarder=$!
}

# is_ready TEXT: it says so, and the kernel's ports have a link
is_ready() {
	within 60 says "$forwarder_log" "$1" || fail "it does not start: $(<"$forwarder_log")"
}

has_links() {
	[ "$({
		ip link show igb0
		at ip link show igb3
	} | grep -c LOWER_UP)" -eq 2 ]
}

# all_lengths FIRST LAST STEP, which are added to the list of what is captured
all_lengths() {
	seq "$1" "$3" "$2" >>/tmp/lengths
	"$programs/lab_ping" 10.9.0.2 "$@" && return
	kill -TERM $forwarder
	wait $forwarder || true
	cat "$forwarder_log"
	at ethtool -S igb3 | grep -v ': 0$'
	ethtool -S igb0 | grep -v ': 0$'
	at nstat -as | grep -i icmp
	fail "pings (see above)"
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# stop: its status is 0
stop() {
	local status=0
	# It may have ended by itself: its status tells.
	kill -TERM $forwarder 2>/dev/null || true
	within 60 is_gone "$forwarder" || fail "it does not end: $(<"$forwarder_log")"
	wait $forwarder || status=$?
	[ $status -eq 0 ] || fail "exit status $status: $(<"$forwarder_log")"
}

# ---- tcpdump: all pings at both ends ----

captures=()
capture() {
	local name=$1
	shift
	"$@" tcpdump -i "$name" -B 16384 -U -w "/tmp/$name.pcap" icmp 2>"/tmp/$name.err" &
	captures+=($!)
}

listens() {
	local end
	for end in igb0 igb3; do
		within 90 says /tmp/$end.err "listening on" || fail "tcpdump: $(</tmp/$end.err)"
	done
}

# has_all BYTES: is in both files
has_all() {
	local end
	for end in igb0 igb3; do
		[ "$(stat -c %s /tmp/$end.pcap)" -ge "$1" ] || return 1
	done
}

# captured: each length of the list, there and back
captured() {
	local end bytes
	# A file has a head of 24 bytes, and each frame one of 16. What is missing is told outside.
	bytes=$(awk '{ n += 2 * (16 + $1) } END { print 24 + n }' /tmp/lengths)
	within 30 has_all "$bytes" || true
	kill -TERM "${captures[@]}"
	for end in "${captures[@]}"; do
		within 30 is_gone "$end" || fail "tcpdump does not end"
	done
	for end in igb0 igb3; do
		says /tmp/$end.err "^0 packets dropped by kernel" ||
			fail "tcpdump has lost packets: $(</tmp/$end.err)"
	done
	cp /tmp/igb[03].pcap /tmp/lengths "$RESULTS"
}
part "namespaces"

# ---- through plx-l2fwd ----

# Programs come from the host, slowly: all at once.
launch l2fwd "$PLX_BUILD_DIR/bin/plx-l2fwd" "${pair[@]}" -- -p 3 -q 2 -P -T 0 --no-mac-updating
capture igb0
capture igb3 "${far_net[@]}"
"${far_net[@]}" iperf3 -s --forceflush >/tmp/server 2>&1 &
server=$!
is_ready "port 0: .*link up"
is_ready "port 1: .*link up"
within 20 has_links || fail "no links: $(ip link; at ip link)"
within 20 at "$programs/lab_ping" 10.9.0.1 60 60 1 || fail "no answer"
listens
part "l2fwd runs, tcpdump listens"
all_lengths 60 1514 1
ping -q -c $pings -i 0.01 -s 1472 -w 60 10.9.0.2 >/tmp/ping 2>&1 || fail "ping: $(</tmp/ping)"
says /tmp/ping " $pings received" || fail "ping: $(</tmp/ping)"
for ((i = 0; i < pings; i++)); do echo 1514; done >>/tmp/lengths
part "pings from 60 to 1514 bytes"

# serves: for the next one
serves() {
	[ "$(grep -c 'Server listening' /tmp/server)" -gt "$served" ]
}
# throughput WAY OPTION... of iperf3
served=0
throughput() {
	local way=$1
	shift
	within 60 serves || fail "iperf3 -s does not listen: $(</tmp/server)"
	served=$((served + 1))
	timeout $((100 + iperf_seconds)) iperf3 -c 10.9.0.2 -f m -t $iperf_seconds "$@" \
		>/tmp/iperf3 2>&1 || fail "iperf3: $(</tmp/iperf3)"
	grep receiver /tmp/iperf3 | grep -vq ' 0.00 ' || fail "iperf3: $(</tmp/iperf3)"
	part "iperf3 $way: $(awk '/receiver/ { print $5, $6, $7, $8, $11, $12 }' /tmp/iperf3)"
}
throughput "TCP"
throughput "TCP back" -R
throughput "UDP" -u -b 4M -l 1400
stop
nothing_lost='^port .* 0 dropped (rx missed 0, errors 0; tx errors 0, dropped 0)'
[ "$(grep -c "$nothing_lost" "$forwarder_log")" -eq 2 ] ||
	fail "l2fwd has lost frames: $(<"$forwarder_log")"
part "l2fwd: $(grep received "$forwarder_log")"

# ---- jumbo frames ----

ip link set dev igb0 mtu 9216
at ip link set dev igb3 mtu 9216
launch jumbo "$programs/lab_igb_forward" "${pair[@]}" -- 9216
is_ready forwarding
within 20 has_links || fail "no links: $(ip link; at ip link)"
part "jumbo frames are forwarded"
all_lengths 1515 9230 $jumbo_step
all_lengths 9014 9014 1
all_lengths 9230 9230 1
captured
part "pings from 1515 to 9230 bytes"
[ "${PLX_TEST_LONG:-0}" = 0 ] || throughput "TCP, jumbo"
kill -TERM $server
stop
! says "$forwarder_log" "drop" || fail "lost: $(<"$forwarder_log")"

# ---- testpmd gets port 3, and takes its time to start ----

testpmd_log=/tmp/testpmd.log
if type -P dpdk-testpmd >/dev/null; then
	peer_device=/sys/bus/pci/devices/0000:04:00.0
	echo 0000:04:00.0 >$peer_device/driver/unbind
	echo vfio-pci >$peer_device/driver_override
	echo 0000:04:00.0 >/sys/bus/pci/drivers_probe
	mkfifo /tmp/orders
	exec 9<>/tmp/orders
	# Its figures are to come as they are printed, into a file too.
	stdbuf -oL dpdk-testpmd -l "0,1" -a 0000:04:00.0 --file-prefix peer --no-telemetry -- -i \
		--total-num-mbufs=4096 --no-lsc-interrupt </tmp/orders >"$testpmd_log" 2>&1 &
	testpmd=$!
fi

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

# What lab_igb_offload sends: 8 good ones of each shape, and a bad one. Three shapes are UDP over
# IPv4, one over IPv6, three TCP, one SCTP.
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
part "offloads"

# ---- flows ----

ethtool -L igb0 combined 2
ethtool -X igb0 weight 3 5
"$programs/lab_igb_rss" "${eal[@]}" -a 0000:02:00.0 -- igb0 || fail "RSS (see above)"
part "RSS"

# ---- testpmd at the other end ----

[ -n "${testpmd:-}" ] || {
	echo "dpdk-testpmd is missing (scripts/setup.sh --peer): it was no link partner" \
		>"$RESULTS/skipped"
	exit
}
prompts() {
	[ "$(grep -o 'testpmd>' "$testpmd_log" | wc -l)" -gt "$asked" ] || is_gone "$testpmd"
}
answers() {
	within 100 prompts && ! is_gone "$testpmd"
}
# order TEXT: waits until it is done
asked=0
order() {
	echo "$*" >&9
	asked=$((asked + 1))
	answers || fail "testpmd does not do '$*': $(tail -n 30 "$testpmd_log")"
}
# forwarded RX|TX: as it was told last
forwarded() {
	sed -n "s/.*$1-packets: *\([0-9]*\).*/\1/p" "$testpmd_log" | tail -n 1
}
counter() {
	awk -v name="$1" '$3 == name { value = $4 } END { print value + 0 }' "$forwarder_log"
}
answers || fail "testpmd does not start: $(tail -n 30 "$testpmd_log")"
part "testpmd runs"
launch sink "$programs/lab_igb_peer" "${eal[@]}" -a 0000:03:00.0 -- sink
is_ready receiving
# The emulated card drops what comes while its ring is empty, and counts it nowhere, with Linux's
# igb as the receiver too. So no more are sent at once than the ring of 512 has room for.
order set fwd rxonly
order set txpkts 64,128,300
order set txsplit rand
order set burst 64
sent=0
for ((i = 0; i < floods; i++)); do
	order start tx_first 7
	order stop
	[ "$(forwarded TX)" -eq 448 ] || fail "testpmd has sent $(forwarded TX) of 448 frames"
	sent=$((sent + 448))
	within 60 says "$forwarder_log" "^$sent frames" ||
		fail "testpmd has sent $sent frames: $(<"$forwarder_log")"
done
stop
[ "$(counter rx_packets)" -eq "$sent" ] ||
	fail "testpmd has sent $sent frames: $(<"$forwarder_log")"
part "testpmd sent $sent frames, all came"
order set fwd macswap
order start
timeout 100 "$programs/lab_igb_peer" "${eal[@]}" -a 0000:03:00.0 -- bounce 3000 >/tmp/bounce ||
	fail "$(</tmp/bounce)"
order stop
[ "$(forwarded RX) $(forwarded TX)" = "3000 3000" ] ||
	fail "testpmd has received and sent $(forwarded RX) and $(forwarded TX) of 3000 frames"
part "testpmd: $(head -n 1 /tmp/bounce)"
echo quit >&9
within 60 is_gone "$testpmd" || fail "testpmd does not end: $(tail -n 30 "$testpmd_log")"
wait "$testpmd" || fail "testpmd: $(tail -n 30 "$testpmd_log")"
