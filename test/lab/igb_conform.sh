#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The port conformance suite on net_igb in the lab: ports 0 and 2 over VFIO, 4 and 6 over UIO, each with
# Linux's igb at the other end of its cable. Most of it is waiting for links, so each suite is split in
# two, and all four run at once.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	need_python
	make_scratch stable
	status=0
	timeout=$lab_seconds
	[ "${PLX_TEST_LONG:-0}" = 0 ] || timeout=3400
	python3 "$PLX_SOURCE_DIR/test/lab/monitor.py" "$scratch" "$lab" run --ports 8 --hugepages 384 \
		--bind '0,2=vfio;4,6=uio;1,3,5,7=kernel' --timeout "$timeout" --share "$scratch" \
		--monitor "$scratch/qmp" --env "PLX_LAB_SHARE=$scratch" --env PLX_BUILD_DIR \
		--env PLX_SOURCE_DIR --env PLX_TEST_LONG="${PLX_TEST_LONG:-0}" --env "PLX_ONLY=${PLX_ONLY:-}" -- \
		bash "$0" || status=$?
	# All cases of the four, as one report.
	{
		echo "TAP version 13"
		echo "1..$(sed -n 's/^1\.\.//p' "$scratch"/*.tap | awk '{ n += $1 } END { print n + 0 }')"
		cat "$scratch"/*.tap | grep -E '^(not )?ok' || true
	} >"$PLX_BUILD_DIR/results/lab_igb_conform.tap"
	exit $status
fi

# ---- in the lab ----

echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
# What is plugged in again gets the driver that the suite gives it.
echo 0 >/sys/bus/pci/drivers_autoprobe

# run PORT VARIANT PART
run() {
	local port=$1 variant=$2 part=$3 status=0 start=$SECONDS
	"$PLX_BUILD_DIR/test/plx-conform" --device "0000:0$((port + 1)):00.0" \
		--partner "igb$((port + 1))" --flap "$PLX_BUILD_DIR/test/lab_ask link $port" \
		--part "$part/2" --tap "$PLX_LAB_SHARE/$variant$part.tap" ${PLX_ONLY:+--case "$PLX_ONLY"} "$variant" \
		>"/tmp/$variant$part" 2>&1 || status=$?
	# The names of cases that failed tell which of the four it was.
	[ ! -e "$PLX_LAB_SHARE/$variant$part.tap" ] || sed -i "s/ - / - $variant: /" "$PLX_LAB_SHARE/$variant$part.tap"
	echo "$variant, part $part of 2: $((SECONDS - start)) s, $(tail -n 1 "/tmp/$variant$part")"
	[ $status -eq 0 ] || grep -v '^ok' "/tmp/$variant$part"
	return $status
}

jobs=()
run 0 igb_vfio 1 &
jobs+=($!)
run 2 igb_vfio 2 &
jobs+=($!)
run 4 igb_uio 1 &
jobs+=($!)
run 6 igb_uio 2 &
jobs+=($!)
failed=0
for job in "${jobs[@]}"; do
	wait "$job" || failed=1
done
grep '^left out' /tmp/igb_vfio[12] /tmp/igb_uio[12] | sed 's/.*left out - //' | sort | uniq -c || true
exit $failed
