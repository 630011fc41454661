#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For demo.sh where there are no namespaces: plx-l2fwd forwards between pcap files. Port 0
# and port 1 get 2,560 frames each, evenly over DEMO_SECONDS, which must come out by the other port.

set -u -o pipefail

fail() {
	printf 'demo: error: %s\n' "$*" >&2
	exit 1
}

# shellcheck source-path=SCRIPTDIR source=demo_scratch.sh
. "$DEMO_ROOT/scripts/lib/demo_scratch.sh"
cd "$scratch" || exit 1

# ---- a capture: frames of five sizes, again and again ----

sizes=(60 128 512 1024 1514)
readonly doublings=9 # 2,560 frames
pps=$((5 * 512 / DEMO_SECONDS))

# le32 NUMBER: its four bytes, the lowest first
le32() {
	# shellcheck disable=SC2059
	printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) \
		$(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}

# frame BYTES: a record of a pcap file with a frame of the experimental type 88b5
frame() {
	le32 0 && le32 0 && le32 "$1" && le32 "$1"
	printf '\x02\x00\x00\x00\x00\xaa\x02\x00\x00\x00\x00\xbb\x88\xb5'
	head -c $(($1 - 14)) /dev/zero
}

for size in "${sizes[@]}"; do frame "$size"; done >frames || fail "can't write into $scratch"
unit=$(stat -c %s frames)
for ((i = 0; i < doublings; i++)); do
	cat frames frames >twice && mv twice frames
done
# Magic number, version 2.4, the longest frame, Ethernet.
{
	le32 $((0xa1b2c3d4)) && printf '\x02\x00\x04\x00' && le32 0 && le32 0 && le32 65535 && le32 1
	cat frames
} >in.pcap || fail "can't write into $scratch"

# ---- plx-l2fwd ----

command=("$DEMO_BUILD/bin/plx-l2fwd" --no-pci)
if [ -n "$DEMO_PAGES" ]; then command+=("$DEMO_PAGES"); fi
command+=(--lcores "0@${DEMO_CPUS##*[,-]},1@${DEMO_CPUS%%[,-]*}")
for port in 0 1; do
	command+=(--vdev "net_pcap$port,rx_pcap=in.pcap,rate_pps=$pps,tx_pcap=out$port.pcap")
done
command+=(-- -p 3 -q 2 -T 1 --until-eof --seconds 60 --stats-json stats.json)
printf '%s\n(lcore 0 forwards on CPU %s, lcore 1 shows the statistics on CPU %s)\n\n' \
	"${command[*]}" "${DEMO_CPUS##*[,-]}" "${DEMO_CPUS%%[,-]*}"
setpriv --pdeathsig KILL "${command[@]}" || fail "plx-l2fwd ended with status $?"

# ---- what became of it ----

# frames FILE: in a pcap file of whole units
frames() {
	echo $((($(stat -c %s "$1") - 24) * ${#sizes[@]} / unit))
}

sent=$(($(frames in.pcap) * 2))
got=$(($(frames out0.pcap) + $(frames out1.pcap)))
forwarded=$(tail -n 1 stats.json | grep -oE '"tx":\{"mark":"[a-z]+","packets":[0-9]+' |
	grep -oE '[0-9]+$' | awk '{ n += $1 } END { print n + 0 }')
printf '\nsummary: %d frames sent, %d forwarded, %d received, %d lost\n' \
	$sent "$forwarded" $got $((sent - got))
if [ "$forwarded" -eq 0 ] || [ $got -eq 0 ]; then fail "nothing was forwarded"; fi
