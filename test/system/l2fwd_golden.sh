#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-l2fwd from capture file to capture file, as an ordinary user without hugepages: what comes
# out is byte for byte what frames.py says, in order, nothing lost, the times aside.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=l2fwd.inc
. "$(dirname "${BASH_SOURCE[0]}")/l2fwd.inc"

for kind in sizes mixed runts none; do
	frames make $kind $kind.pcap
done
chmod a+r ./*.pcap

mac() { # of a port of net_pcap: locally administered, "pcap", its number
	printf '02:70:63:61:70:%02x' "$1"
}

# from FROM TO INPUT: out$TO.pcap has INPUT's frames as port FROM's peer TO sends them
from() {
	local from=$1 to=$2 input=$3
	frames expect "$(printf '02:00:00:00:00:%02x' "$to")" "$(mac "$to")" "$input" expected.pcap
	frames same expected.pcap "out$to.pcap" ||
		fail "port $from to port $to, $input: not as expected"
	nb_compared=$((nb_compared + $(frames count "$input")))
}

# forward ARGUMENT... -- INPUT...: the n-th input is the n-th port's
nb_compared=0
forward() {
	local options=() ports=() n=0 nb
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	rm -f out*.pcap
	inputs=("$@")
	for input in "$@"; do
		ports+=(--vdev "net_pcap$n,rx_pcap=$input,tx_pcap=out$n.pcap")
		n=$((n + 1))
	done
	run 0 plx-l2fwd "${plain[@]}" "${ports[@]}" -- -T 0 --until-eof "${options[@]}"
	[ -z "$err" ] || fail "${options[*]}: stderr has: $err"
	for ((n = 0; n < ${#inputs[@]}; n++)); do
		grep -q "^port $n: .* packets received" out || continue # not in the mask
		nb=$(frames count "${inputs[n]}")
		grep -q "^port $n: $nb packets received, [0-9]* sent, 0 dropped " out ||
			fail "${options[*]}: port $n had $nb frames to deliver: $out"
	done
}

# Each length from 60 to 1514, 10,000 frames of many protocols, frames below the minimum: one lcore
# with both ports, then each port on an lcore of its own.
for nq in 2 1; do
	forward -p 3 -q $nq -- sizes.pcap mixed.pcap
	from 0 1 sizes.pcap
	from 1 0 mixed.pcap
	forward -p 3 -q $nq -- runts.pcap none.pcap
	from 0 1 runts.pcap
	from 1 0 none.pcap
done

# One port sends back by itself; a port that has nothing to receive, or nowhere to send to.
forward -p 1 -- mixed.pcap
from 0 0 mixed.pcap
run 0 plx-l2fwd "${plain[@]}" --vdev net_pcap0,rx_pcap=mixed.pcap \
	--vdev net_pcap1,tx_pcap=out1.pcap -- -p 3 -T 0 --until-eof
from 0 1 mixed.pcap

# The last port of an odd number, which has no neighbour, sends back by itself.
forward -p 7 -q 2 -- sizes.pcap none.pcap runts.pcap
from 0 1 sizes.pcap
from 1 0 none.pcap
from 2 2 runts.pcap

# Neighbours are ports of the mask: 0 and 2. Port 1 is left alone.
forward -p 5 -- sizes.pcap runts.pcap runts.pcap
from 0 2 sizes.pcap
from 2 0 runts.pcap
[ "$(frames count out1.pcap)" -eq 0 ] || fail "port 1 is not in the mask and sent something"

# Pairs by name, in both of the ways to write them; a port in no pair is left alone.
for map in '(0,3)(2,1)' '(1,2),(3,0)'; do
	forward -p f -q 2 "--portmap=$map" -- sizes.pcap runts.pcap sizes.pcap none.pcap
	from 0 3 sizes.pcap
	from 1 2 runts.pcap
	from 2 1 sizes.pcap
	from 3 0 none.pcap
done
forward -p 0xf -q 2 --portmap '(1,1)(0,3)' -- sizes.pcap runts.pcap runts.pcap none.pcap
from 0 3 sizes.pcap
from 1 1 runts.pcap
from 3 0 none.pcap
[ "$(frames count out2.pcap)" -eq 0 ] || fail "port 2 is in no pair and sent something"

# Addresses left as they are; the later of two options counts.
forward -p 3 -q 2 --mac-updating --no-mac-updating -- sizes.pcap runts.pcap
frames same sizes.pcap out1.pcap || fail "--no-mac-updating: the frames changed"
frames same runts.pcap out0.pcap || fail "--no-mac-updating: the frames changed"
forward -p 3 -q 2 --no-mac-updating --mac-updating -P -- sizes.pcap runts.pcap
from 0 1 sizes.pcap
from 1 0 runts.pcap

# Less than a burst goes out too, while it runs on.
rm -f out1.pcap
"${as_user[@]}" ./plx-l2fwd "${plain[@]}" --vdev net_pcap0,rx_pcap=runts.pcap \
	--vdev net_pcap1,tx_pcap=out1.pcap -- -p 3 -T 0 >out 2>err &
pid=$!
size=$(stat -c %s runts.pcap)
has_all() {
	[ "$(stat -c %s out1.pcap)" -eq "$size" ]
}
wait_until 60 has_all 2>/dev/null || fail "$(frames count out1.pcap) of 46 frames went out in 60 s"
from 0 1 runts.pcap
kill -INT "$pid"
wait_until 60 is_dead || fail "SIGINT: it still runs after 60 s"
wait "$pid" || fail "SIGINT: status $?: $(cat err)"
pid=

echo "$nb_compared frames compared"
