#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# scripts/paper.sh --real in the lab, whose four cards it takes for those of a machine: the report, every
# packet in it, the user's and the kernel's pair side by side, with and without streams; the ports get back
# what they had, also when it is killed. PLX_TEST_LONG: the quick profile as it is, in a lab of its own.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	need_python
	make_scratch stable
	"$lab" run --bind all=kernel --timeout "$lab_seconds" --env PLX_SOURCE_DIR --env PLX_BUILD_DIR -- bash "$0"
	[ "${PLX_TEST_LONG:-0}" != 0 ] || exit 0
	"$PLX_SOURCE_DIR/scripts/paper.sh" --quick --build "$PLX_BUILD_DIR" --report "$scratch/report"
	python3 "$PLX_SOURCE_DIR/test/lab/paper.py" "$scratch/report" 64,512,1518 3
	exit
fi

# ---- in the lab ----

readonly ports=0000:01:00.0,0000:02:00.0,0000:03:00.0,0000:04:00.0
paper=("$PLX_SOURCE_DIR/scripts/paper.sh" --real "$ports" --quick --build "$PLX_BUILD_DIR")
cd /tmp

# state: drivers, names and flags of the four ports
state() {
	local bdf net
	for bdf in ${ports//,/ }; do
		readlink -f "/sys/bus/pci/devices/$bdf/driver"
		net=$(ls "/sys/bus/pci/devices/$bdf/net" 2>/dev/null) || net=
		[ -z "$net" ] || echo "$net $(cat "/sys/class/net/$net/flags" "/sys/class/net/$net/mtu" 2>/dev/null)"
	done
}

is_as_before() {
	[ "$(state)" = "$before" ]
}

before=$(state)

"${paper[@]}" --report report -- --size 64,1518 --duration 0.2 --warmup 0.05 --repeat 2 >log 2>&1 ||
	fail "paper.sh: status $?: $(tail -n 40 log)"
python3 "$PLX_SOURCE_DIR/test/lab/paper.py" report 64,1518 2 || fail "the report is wrong"
grep -q '^paper: the report: .*/report/report.html$' log || fail "it does not tell of the report: $(tail -n 5 log)"
is_as_before || fail "not as before: $(diff <(echo "$before") <(state))"

# A port in use is refused before anything is touched, be it for vfio-pci or for the kernel.
for bdf in 0000:02:00.0 0000:03:00.0; do
	net=$(ls "/sys/bus/pci/devices/$bdf/net")
	ip address add 192.0.2.1/24 dev "$net"
	ip link set "$net" up
	in_use=$(state)
	status=0
	"${paper[@]}" --report refused >log 2>&1 || status=$?
	[ $status -eq 1 ] || fail "$bdf is in use: status $status: $(<log)"
	grep -q "error: .*$bdf.*in use\|error: .*in use.*$bdf\|$bdf: in use" log || fail "$bdf is in use: $(<log)"
	[ "$(state)" = "$in_use" ] || fail "$bdf is in use: not as before: $(diff <(echo "$in_use") <(state))"
	ip address del 192.0.2.1/24 dev "$net"
	ip link set "$net" down
done
is_as_before || fail "after a refusal not as before: $(diff <(echo "$before") <(state))"

under_stress() {
	grep -q ', stress' log
}
"${paper[@]}" --report killed -- --size 64 --repeat 1 --duration 0.2 >log 2>&1 &
pid=$!
within 200 under_stress || fail "it does not come to the stress: $(<log)"
kill -KILL $pid
wait $pid 2>/dev/null || true
within 60 is_as_before || fail "after kill -9 not as before: $(diff <(echo "$before") <(state))"
! pidof plx-bench iperf3 >/dev/null || fail "after kill -9 something runs on"
echo "passed"
