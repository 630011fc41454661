#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For demo.sh, as the first process of namespaces of its own: when it ends, or dies, the kernel
# takes away all that it made.
#
#	host a  10.77.0.1                                          host b  10.77.0.2
#	02:00:00:00:00:00                                          02:00:00:00:00:01
#	   eth0 =======veth======= port0  plx-l2fwd  port1 =======veth======= eth0
#
# plx-l2fwd sends what leaves by port P to 02:00:00:00:00:0P, so those are the hosts' addresses; a
# host's neighbour is the port at the other end of its cable. The forwarder's own namespace has no
# address and answers nothing.

set -u -o pipefail

fail() {
	printf 'demo: error: %s\n' "$*" >&2
	exit 1
}

for program in ip ethtool iperf3 ping; do
	command -v $program >/dev/null || fail "$program is missing: run scripts/setup.sh, or install it"
done
if ! mount -t proc proc /proc || ! mount -t tmpfs tmpfs "$DEMO_STAGE" || ! cd "$DEMO_STAGE"; then
	fail "no private file system on $DEMO_STAGE"
fi

# ---- two hosts and a forwarder between them ----

# The kernel would send neighbour and router solicitations of its own.
# shellcheck disable=SC2016
quiet_kernel='for all in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >"$all"; done'

# make_host NAME: sets pid_NAME, the process that holds its namespace.
make_host() {
	unshare --net sleep infinity &
	printf -v "pid_$1" '%s' $!
}

# at PID COMMAND...: in a host
at() {
	nsenter --net="/proc/$1/ns/net" "${@:2}"
}

# Frames as a card would have them: raw sockets see checksums and segments that the kernel leaves
# to the card.
no_offloads() {
	local offload
	for offload in tx rx tso gso gro; do
		"${@:2}" ethtool -K "$1" $offload off >/dev/null 2>&1
	done
}

# connect NUMBER PID: cable NUMBER, from port to host
connect() {
	local peer=$((1 - $1)) gateway
	ip link add name "port$1" type veth peer name eth0 netns "$2" || fail "no veth interfaces here"
	gateway=$(ip -o link show dev "port$1" | sed 's/.*ether \([^ ]*\).*/\1/')
	no_offloads "port$1"
	no_offloads eth0 at "$2"
	at "$2" sh -c "$quiet_kernel"
	if ! ip link set dev "port$1" arp off up ||
		! at "$2" ip link set dev lo up ||
		! at "$2" ip link set dev eth0 address "02:00:00:00:00:0$1" up ||
		! at "$2" ip address add "10.77.0.$(($1 + 1))/24" dev eth0 ||
		! at "$2" ip neighbour replace "10.77.0.$((peer + 1))" dev eth0 \
			lladdr "$gateway" nud permanent; then
		fail "host $1 can't be set up"
	fi
}

# Has the process entered a namespace of its own already?
has_own_net() {
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# wait_for SECONDS COMMAND...
wait_for() {
	local tenths=$(($1 * 10))
	while ! "${@:2}"; do
		[ $((tenths--)) -gt 0 ] || return 1
		sleep 0.1
	done
}

sh -c "$quiet_kernel"
make_host a
make_host b
# shellcheck disable=SC2154
for host in "$pid_a" "$pid_b"; do
	wait_for 5 has_own_net "$host" || fail "no network namespace for a host"
done
connect 0 "$pid_a"
connect 1 "$pid_b"

# ---- plx-l2fwd ----

# Rings for a second of the UDP stream below, should the forwarder have to wait for its CPU so long.
room=
if [ "$DEMO_DRIVER" = net_af_packet ]; then room=,framecnt=2048; fi

# The last CPU forwards, the first one is for the statistics and the traffic.
command=("$DEMO_BUILD/bin/plx-l2fwd" --no-pci)
if [ -n "$DEMO_PAGES" ]; then command+=("$DEMO_PAGES"); fi
command+=(--lcores "0@${DEMO_CPUS##*[,-]},1@${DEMO_CPUS%%[,-]*}")
for port in 0 1; do
	command+=(--vdev "$DEMO_DRIVER$port,iface=port$port$room")
done
period=1
if [ ! -t 1 ]; then period=5; fi
command+=(-- -p 3 -q 2 -T "$period" --stats-json stats.json)

has_started() {
	[ -s stats.json ] || ! kill -0 "$l2fwd" 2>/dev/null
}

printf '%s\n(lcore 0 forwards on CPU %s, lcore 1 shows the statistics on CPU %s)\n\n' \
	"${command[*]}" "${DEMO_CPUS##*[,-]}" "${DEMO_CPUS%%[,-]*}"
"${command[@]}" &
l2fwd=$!
if ! wait_for 20 has_started || ! kill -0 "$l2fwd" 2>/dev/null; then
	fail "plx-l2fwd did not start"
fi

# ---- traffic ----

# frames PID RX|TX: that a host has received, or sent
frames() {
	at "$1" ip -s link show dev eth0 | awk -v which="$2:" '$1 == which { getline; print $2 }'
}

# all_frames: "a's sent, a's received, b's sent, b's received"
all_frames() {
	echo "$(frames "$pid_a" TX) $(frames "$pid_a" RX) $(frames "$pid_b" TX) $(frames "$pid_b" RX)"
}

failures=()

# step NAME FILE COMMAND...: on host a, in bounded time; its output, of which a failure's last line
# is told at the end, goes into FILE
step() {
	local status=0
	at "$pid_a" timeout -k 1 $((DEMO_SECONDS + 20)) "${@:3}" >"$2" 2>&1 || status=$?
	case $status in
	0) ;;
	124 | 137) failures+=("$1: not at its end after $((DEMO_SECONDS + 20)) s") ;;
	*) failures+=("$1: status $status, $(grep . "$2" | tail -n 1)") ;;
	esac
	return $status
}

# The server may still have to get over the client before.
server_is_busy() {
	grep -qE 'server is busy|Connection refused' "$1"
}

# stream NAME FILE OPTION...: of iperf3
stream() {
	local tries=10
	while ! step "$1" "$2" iperf3 -c 10.77.0.2 -t "$DEMO_SECONDS" -f m "${@:3}" &&
		server_is_busy "$2" && [ $((tries--)) -gt 0 ]; do
		unset 'failures[-1]'
		sleep 0.2
	done
}

# What is under way at a time fits the rings also when this machine is busy with something else, so
# that a frame lost is a fault: a window of 64 kB, and UDP at 10 Mb/s.
traffic() {
	local echoes=(ping -q -i 0.05 -c $((DEMO_SECONDS * 8)) 10.77.0.2)
	at "$pid_b" iperf3 -s >iperf3-server 2>&1 &
	step "ping, 56 bytes" ping-small "${echoes[@]}" -s 56
	stream "TCP a to b" tcp -w 64K
	stream "TCP b to a" tcp-reverse -w 64K -R
	stream "UDP a to b" udp -u -b 10M -l 1000
	step "ping, 1472 bytes" ping-large "${echoes[@]}" -s 1472 -M 'do'
	sleep 0.3
}

read -r sent_a got_a sent_b got_b < <(all_frames)
traffic
read -r sent_a2 got_a2 sent_b2 got_b2 < <(all_frames)

has_ended() {
	! kill -0 "$l2fwd" 2>/dev/null
}

hung=
kill -INT "$l2fwd" 2>/dev/null
if ! wait_for 10 has_ended; then
	hung=1
	kill -KILL "$l2fwd" 2>/dev/null
fi
wait "$l2fwd" 2>/dev/null
status=$?

# ---- what became of it ----

# rate FILE: of the receiver, as iperf3 says it
rate() {
	sed -n 's/.* \([0-9.]* Mbits\/sec\) .*receiver.*/\1/p' "$1" | tail -n 1 | grep . || echo failed
}

# datagrams FILE: ", LOST/SENT (PER CENT) lost" of the receiver
datagrams() {
	sed -n 's/.* \([0-9]*\/[0-9]* ([^)]*)\) .*receiver.*/, \1 lost/p' "$1" | tail -n 1
}

# of_ports EXPRESSION: sums a number over all ports in the last sample of plx-l2fwd
of_ports() {
	tail -n 1 stats.json | grep -oE "$1" | grep -oE '[0-9]+$' | awk '{ n += $1 } END { print n + 0 }'
}

cat <<END

ping, 56 bytes:    $(grep -E 'packet loss' ping-small)
                   $(grep rtt ping-small)
ping, 1472 bytes:  $(grep -E 'packet loss' ping-large)
TCP a to b:        $(rate tcp)
TCP b to a:        $(rate tcp-reverse)
UDP a to b:        $(rate udp)$(datagrams udp)

END
sent=$((sent_a2 - sent_a + sent_b2 - sent_b))
got=$((got_a2 - got_a + got_b2 - got_b))
lost=$((sent - got))
forwarded=$(of_ports '"tx":\{"mark":"[a-z]+","packets":[0-9]+')
printf 'summary: %d frames sent, %d forwarded, %d received, %d lost\n' \
	$sent "$forwarded" $got $lost
if [ $lost -ne 0 ]; then
	echo "where, by plx-l2fwd's counters:"
	tail -n 1 stats.json | grep -oE '"[a-z0-9_]+":\{"packets":[1-9][0-9]*' |
		sed 's/"\([a-z0-9_]*\)".*:\([0-9]*\)/  \1 \2/'
fi
for failure in ${failures[@]+"${failures[@]}"}; do
	printf 'demo: error: %s\n' "$failure" >&2
done
[ -z "$hung" ] || fail "plx-l2fwd did not end within 10 s of SIGINT: killed"
[ $status -eq 0 ] || fail "plx-l2fwd ended with status $status"
if [ "$forwarded" -eq 0 ] || [ $got -eq 0 ]; then fail "nothing was forwarded"; fi
[ ${#failures[@]} -eq 0 ]
