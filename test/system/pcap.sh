#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# net_pcap beside the programs whose files and packets it shares: tcpdump reads what we write and we
# what it writes; tcpreplay sends what we forward; what a killed forwarder wrote can be read.

set -eu -o pipefail

fail() {
	echo "$*"
	exit 1
}

self=$(realpath "${BASH_SOURCE[0]}")
# Within a network namespace of its own, as root of it.
if [ "${1-}" = "live" ]; then
	scratch=$2
else
	for tool in tcpdump tcpreplay ip; do
		command -v "$tool" >/dev/null || {
			echo "$tool is missing: scripts/setup.sh --dev"
			exit 77
		}
	done
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
fi
cd "$scratch"
l2fwd=$PLX_BUILD_DIR/bin/plx-l2fwd
cpus=$(taskset -cp $$ | sed 's/.*: //')
plain=(--no-huge --no-pci --lcores "0@${cpus%%[,-]*}")

# What tcpdump says of a file: stamps to the nanosecond and all bytes.
text_of() {
	tcpdump -r "$1" -nn -tt --nano -XX 2>err.txt || fail "tcpdump -r $1: $(cat err.txt)"
	! grep -qi truncated err.txt || fail "tcpdump -r $1: $(cat err.txt)"
}

wait_for() {
	for _ in $(seq 200); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	fail "waited in vain for: $*"
}

# How many packets tcpdump finds before the end or the damage of a file.
packets_in() {
	{ tcpdump -r "$1" -nn -tt 2>/dev/null || true; } | grep -c '^[0-9]'
}

large() {
	[ "$(stat -c %s "$1")" -gt "$2" ]
}

# ---- live: tcpreplay -> veth -> plx-l2fwd -> veth -> tcpdump ----

holds() {
	[ "$(packets_in "$1")" -ge "$2" ]
}

live() {
	local link pid dump want
	for link in pa pb; do
		ip link add name "$link" type veth peer name "${link}x"
		sysctl -qw "net.ipv6.conf.$link.disable_ipv6=1" "net.ipv6.conf.${link}x.disable_ipv6=1"
		ip link set dev "$link" up
		ip link set dev "${link}x" up
	done
	tcpdump -i pbx -Q in -w captured.pcap --nano -s 2000 -B 16384 -U 2>tcpdump.txt &
	dump=$!
	wait_for grep -q 'listening on' tcpdump.txt
	"$l2fwd" "${plain[@]}" --vdev net_pcap0,iface=pa --vdev net_pcap1,iface=pb \
		-- -p 3 -q 2 --no-mac-updating -T 0 >out.txt 2>err.txt &
	pid=$!
	wait_for grep -q 'port 1:.*link up' out.txt
	tcpreplay -q --pps=2000 -i pax frames.pcap >replay.txt 2>&1 || fail "$(cat replay.txt)"
	want=$(packets_in frames.pcap)
	wait_for holds captured.pcap "$want"
	kill -INT "$pid"
	wait "$pid" || fail "plx-l2fwd: $(cat err.txt)"
	kill -INT "$dump"
	wait "$dump"
	text_of frames.pcap | sed 's/^[0-9.]* //' >sent.txt
	text_of captured.pcap | sed 's/^[0-9.]* //' >got.txt
	cmp -s sent.txt got.txt || fail "what tcpreplay sent is not what tcpdump got:" \
		"$(diff sent.txt got.txt | head -5)" "$(cat out.txt)"

	# What we capture with nanosecond stamps tcpdump reads, and the other way round.
	"$l2fwd" "${plain[@]}" --vdev net_pcap0,rx_iface=pbx,tx_pcap=ours.pcap \
		-- -p 1 --no-mac-updating -T 0 >out.txt 2>err.txt &
	pid=$!
	wait_for grep -q 'port 0:.*link up' out.txt
	tcpreplay -q --pps=2000 -i pb frames.pcap >replay.txt 2>&1 || fail "$(cat replay.txt)"
	wait_for holds ours.pcap "$want"
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	text_of ours.pcap | sed 's/^[0-9.]* //' >got.txt
	cmp -s sent.txt got.txt || fail "what was captured is not what was sent:" \
		"$(diff sent.txt got.txt | head -5)"
	# The interface is as it was: what the dead process asked for ended with it.
	ip -d -o link show dev pbx | grep -q 'promiscuity 0' || fail "pbx is still promiscuous"
}

if [ "${1-}" = "live" ]; then
	live
	exit 0
fi

# ---- files ----

python3 -B - <<'EOF'
import random, struct
rng = random.Random(7)
with open("frames.pcap", "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    for i in range(1000):
        n = rng.randint(60, 1514)
        frame = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5]) + rng.randbytes(n - 14)
        f.write(struct.pack("<IIII", 1600000000 + i, i * 991 % 1000000, n, n) + frame)
EOF

"$l2fwd" "${plain[@]}" --vdev net_pcap0,rx_pcap=frames.pcap,tx_pcap=out.pcap \
	-- -p 1 --no-mac-updating --until-eof -T 0 >out.txt 2>err.txt || fail "$(cat err.txt)"
text_of frames.pcap >in.txt
text_of out.pcap >out.txt
cmp -s in.txt out.txt || fail "tcpdump sees another file: $(diff in.txt out.txt | head -5)"

# pcapng, when there is a program to make it.
if command -v editcap >/dev/null; then
	editcap -F pcapng frames.pcap frames.pcapng
	"$l2fwd" "${plain[@]}" --vdev net_pcap0,rx_pcap=frames.pcapng,tx_pcap=out.pcap \
		-- -p 1 --no-mac-updating --until-eof -T 0 >out.txt 2>err.txt ||
		fail "$(cat err.txt)"
	text_of out.pcap >out.txt
	cmp -s in.txt out.txt || fail "pcapng: $(diff in.txt out.txt | head -5)"
fi

# Killed under load: all packets can be read but for one that the kill may have cut.
for _ in 1 2 3; do
	rm -f out.pcap
	"$l2fwd" "${plain[@]}" --vdev net_pcap0,rx_pcap=frames.pcap,infinite_rx=1,tx_pcap=out.pcap \
		-- -p 1 --no-mac-updating -T 0 >out.txt 2>err.txt &
	pid=$!
	wait_for large out.pcap 1000000
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	tcpdump -r out.pcap -nn -XX -t 2>err.txt >got.txt || grep -q 'truncated dump file' err.txt ||
		fail "killed: $(cat err.txt)"
	lines=$(wc -l <in.txt)
	tcpdump -r frames.pcap -nn -XX -t 2>err.txt >want.txt
	head -n "$lines" got.txt | cmp -s - <(head -n "$(head -n "$lines" got.txt | wc -l)" want.txt) ||
		fail "killed: other packets than those that came"
	[ "$(grep -c '^[^[:space:]]' got.txt)" -gt 1000 ] || fail "killed: few packets"
done

# A file that is cut off: one line, and what is before it came.
head -c 100000 frames.pcap >cut.pcap
want=$(packets_in cut.pcap)
"$l2fwd" "${plain[@]}" --vdev net_pcap0,rx_pcap=cut.pcap,tx_pcap=out.pcap \
	-- -p 1 --no-mac-updating --until-eof -T 0 >out.txt 2>err.txt || fail "$(cat err.txt)"
[ "$(wc -l <err.txt)" -eq 1 ] || fail "a cut file: $(cat err.txt)"
grep -q "net_pcap0: rx_pcap=cut.pcap: packet $((want + 1)): truncated" err.txt ||
	fail "a cut file: $(cat err.txt)"
[ "$(packets_in out.pcap)" -eq "$want" ] || fail "a cut file lost more"

# ---- interfaces ----

if [ "$(id -u)" -ne 0 ] && ! unshare --user --map-root-user --net true 2>/dev/null; then
	echo "network namespaces are missing: run it as root"
	exit 77
fi
space=(unshare --net)
[ "$(id -u)" -eq 0 ] || space=(unshare --user --map-root-user --net)
"${space[@]}" bash "$self" live "$scratch"
