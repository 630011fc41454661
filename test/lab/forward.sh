#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# DPDK's testpmd forwards frames between ports 0 and 1 over vfio-pci and the cable: the lab, seen to
# work with software not written here.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	type -P dpdk-testpmd >/dev/null || {
		echo "dpdk-testpmd is missing (scripts/setup.sh --peer)"
		exit 77
	}
	make_scratch stable
	status=0
	"$lab" run --ports 2 --timeout "$lab_seconds" --share "$scratch" --dump "0=$scratch/port0.pcap" \
		--env PLX_SOURCE_DIR --env "RESULTS=$scratch" -- \
		bash "$PLX_SOURCE_DIR/test/lab/forward.sh" || status=$?
	[ $status -eq 0 ] || exit $status
	# At least the burst that was set going, of 60 bytes and the 16 of a record each.
	size=$(stat -c %s "$scratch/port0.pcap")
	[ "$size" -gt $((24 + 32 * 76)) ] || fail "--dump: $size bytes of port 0"
	exit
fi

# ---- in the lab ----

testpmd=(dpdk-testpmd -l "0,1" -a 0000:01:00.0 -a 0000:02:00.0 --file-prefix lab --
	--forward-mode=io --tx-first --stats-period=1 --total-num-mbufs=4096 --no-lsc-interrupt)
timeout -s INT -k 20 300 "${testpmd[@]}" </dev/null >"$RESULTS/testpmd" 2>&1 &
tester=$!
# The burst that it sends first goes round between the two ports for ever.
has_forwarded() {
	awk '/RX-packets:/ && $2 > 2000 { n++ } END { exit n < 2 }' "$RESULTS/testpmd"
}
within 240 has_forwarded || fail "testpmd does not forward: $(tail -n 40 "$RESULTS/testpmd")"
kill -TERM $tester
wait $tester || true
total=$(awk '/RX-total:|RX-packets:/ { if ($2 > most) most = $2 } END { print most + 0 }' "$RESULTS/testpmd")
echo "vfio ports: testpmd has forwarded $total packets on a port"
