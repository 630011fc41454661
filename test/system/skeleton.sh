#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-skeleton from outside: it forwards between two capture files unchanged, ends by SIGINT, and
# tells what is wrong in one line. And it stays small: under 100 lines.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=l2fwd.inc
. "$(dirname "${BASH_SOURCE[0]}")/l2fwd.inc"

want="plx-skeleton: want two ports, as in --vdev net_null0 --vdev net_null1"
refused 2 "$want" plx-skeleton "${plain[@]}"
refused 2 "$want" plx-skeleton "${plain[@]}" --vdev net_null0
refused 2 "plx-skeleton: 'more': want no arguments of its own" plx-skeleton "${plain[@]}" \
	--vdev net_null0 --vdev net_null1 -- more
run 0 plx-skeleton --help
[[ $out == "usage: plx-skeleton"*"--vdev DEVICE"* && -z $err ]] || fail "--help printed: $out $err"

# all_came: the files that come out are as long as those that go in
all_came() {
	[ "$(stat -c %s out0.pcap)" -ge "$(stat -c %s mixed.pcap)" ] &&
		[ "$(stat -c %s out1.pcap)" -ge "$(stat -c %s sizes.pcap)" ]
}

frames make sizes sizes.pcap
frames make mixed mixed.pcap
chmod a+r ./*.pcap
"${as_user[@]}" ./plx-skeleton "${plain[@]}" --vdev net_pcap0,rx_pcap=sizes.pcap,tx_pcap=out0.pcap \
	--vdev net_pcap1,rx_pcap=mixed.pcap,tx_pcap=out1.pcap >out 2>err &
pid=$!
wait_until 60 all_came 2>/dev/null || fail "not all frames came through: $(ls -l) $(cat err)"
kill -INT "$pid"
wait_until 60 is_dead || fail "SIGINT: it still runs after 60 s"
status=0
wait "$pid" || status=$?
pid=
[ $status -eq 0 ] || fail "SIGINT: status $status: $(cat err)"
[ "$(cat out)" = "port 0: 1455 packets received, 10000 sent, 0 not taken
port 1: 10000 packets received, 1455 sent, 0 not taken" ] || fail "printed: $(cat out)"
frames same sizes.pcap out1.pcap || fail "port 0 to port 1: not as it came"
frames same mixed.pcap out0.pcap || fail "port 1 to port 0: not as it came"

lines=$(wc -l <"$PLX_SOURCE_DIR/apps/examples/skeleton.c")
[ "$lines" -lt 100 ] || fail "skeleton.c has $lines lines: under 100 are what it is for"
