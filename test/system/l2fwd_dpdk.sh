#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-l2fwd and DPDK get the same command line and the same capture files, and write the same
# frames. DPDK's side is its own l2fwd example, built from PLX_DPDK_EXAMPLES or from
# /usr/share/dpdk/examples where the source is there, else testpmd forwarding with MAC addresses
# set to l2fwd's.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=l2fwd.inc
. "$(dirname "${BASH_SOURCE[0]}")/l2fwd.inc"

example=${PLX_DPDK_EXAMPLES:-/usr/share/dpdk/examples}/l2fwd/main.c
peer=
if [ -e "$example" ] && pkg-config --exists libdpdk; then
	read -ra flags < <(pkg-config --cflags --libs libdpdk)
	cc -O2 -w "$example" -o dpdk-l2fwd "${flags[@]}" || fail "can't build $example"
	peer=l2fwd
elif command -v dpdk-testpmd >/dev/null; then
	peer=testpmd
else
	echo "DPDK is missing (its l2fwd example, or dpdk-testpmd): scripts/setup.sh --peer"
	exit 77
fi

for kind in sizes mixed runts; do
	frames make $kind $kind.pcap
done
chmod a+r ./*.pcap
mkfifo commands
chmod a+rw commands
export XDG_RUNTIME_DIR=$scratch

# Ports 0 to $nb - 1: the n-th input is theirs, NAMEn.pcap their output.
vdevs() {
	local name=$1 n
	devices=()
	for ((n = 0; n < nb; n++)); do
		devices+=(--vdev "net_pcap$n,rx_pcap=${inputs[n]},tx_pcap=$name$n.pcap")
	done
}

# dpdk_sent: the count of packets that DPDK says it has sent by all ports
dpdk_sent() {
	if [ $peer = testpmd ]; then
		echo "show port stats all" >&3
		sleep 0.05
		awk '/ NIC statistics for port /{ sent[$(NF - 1)] = 0; port = $(NF - 1) }
			/TX-packets:/ { sent[port] = $2 } END { for (p in sent) n += sent[p]; print n + 0 }' log
	else
		awk '/^Total packets sent:/ { n = $NF } END { print n + 0 }' log
	fi
}

has_sent_all() {
	if is_dead; then fail "DPDK ended: $(tail -n 5 log)"; fi
	[ "$(dpdk_sent)" -eq "$due" ]
}

# by_dpdk OPTION...: forwards the inputs, until all is sent
by_dpdk() {
	local eal=(--no-huge -m 256 --no-pci --lcores "$lcores" --file-prefix "plx$$")
	local n command testpmd_options=()
	vdevs dpdk
	if [ $peer = testpmd ]; then
		for ((n = 0; n < nb; n++)); do
			testpmd_options+=("--eth-peer=$n,02:00:00:00:00:0$n")
		done
		command=(dpdk-testpmd "${eal[@]}" "${devices[@]}" -- -i --forward-mode=mac --no-flush-rx
			--no-mlockall --total-num-mbufs=8192 "${testpmd_options[@]}")
		if [ -n "$portlist" ]; then command+=("--portlist=$portlist"); fi
	else
		command=(./dpdk-l2fwd "${eal[@]}" "${devices[@]}" -- -T 1 "$@")
	fi
	"${as_user[@]}" "${command[@]}" <commands >log 2>&1 &
	pid=$!
	exec 3>commands
	[ $peer = l2fwd ] || echo start >&3
	wait_until 60 has_sent_all || fail "DPDK has sent $(dpdk_sent) of $due: $(tail -n 5 log)"
	if [ $peer = testpmd ]; then
		printf 'stop\nquit\n' >&3
	else
		kill -INT "$pid"
	fi
	exec 3>&-
	wait_until 60 is_dead || fail "DPDK does not end: $(tail -n 5 log)"
	wait "$pid" || fail "DPDK: exit status $?: $(tail -n 5 log)"
	pid=
}

# alike PORTLIST INPUT... -- OPTION...: PORTLIST names the pairs to testpmd, empty for neighbours
nb_compared=0
alike() {
	local n
	portlist=$1 inputs=() due=0
	shift
	while [ "$1" != -- ]; do
		inputs+=("$1")
		due=$((due + $(frames count "$1")))
		shift
	done
	shift
	nb=${#inputs[@]}
	rm -f ours?.pcap dpdk?.pcap
	by_dpdk "$@"
	vdevs ours
	run 0 plx-l2fwd "${plain[@]}" "${devices[@]}" -- -T 0 --until-eof "$@"
	for ((n = 0; n < nb; n++)); do
		frames same "dpdk$n.pcap" "ours$n.pcap" ||
			fail "$*: port $n sent other frames than DPDK's $peer"
	done
	nb_compared=$((nb_compared + due))
}

alike '' sizes.pcap mixed.pcap -- -p 3
alike '' sizes.pcap runts.pcap -- -p 3 -q 2
alike '' sizes.pcap mixed.pcap runts.pcap -- -p 7 -q 3
alike 0,3,1,2 sizes.pcap runts.pcap sizes.pcap runts.pcap -- -p f -q 2 '--portmap=(0,3)(1,2)'

echo "$nb_compared frames forwarded by both, DPDK's side by $peer"
