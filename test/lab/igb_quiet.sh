#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What forwards is left alone, and wants nothing of the kernel: plx-l2fwd over VFIO between two ports of
# the kernel that send, on a CPU of its own. In one second its lcore has no page fault and is not put
# to sleep, and the cards send no interrupt; in another strace sees no system call of it.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	type -P strace >/dev/null || {
		echo "strace is missing (scripts/setup.sh --dev)"
		exit 77
	}
	need_lab stable
	# An emulated CPU does not say that its TSC is steady; the clock that stands in takes a system call.
	exec "$lab" run --bind '0,3=kernel;1,2=vfio' \
		--append 'isolcpus=managed_irq,domain,1 irqaffinity=0 clocksource=tsc tsc=reliable' \
		--timeout "$lab_seconds" --env PLX_SOURCE_DIR --env PLX_BUILD_DIR -- bash "$0"
fi

# ---- in the lab ----

log=/tmp/l2fwd
thread=

says() {
	grep -q -- "$2" "$1"
}

# pktgen FILE COMMAND...
pktgen() {
	echo "${@:2}" >"/proc/net/pktgen/$1" || fail "pktgen: $*: $(grep Result "/proc/net/pktgen/$1")"
}

# received: frames that came to igb0 and igb3
received() {
	echo $(($(</sys/class/net/igb0/statistics/rx_packets) + $(</sys/class/net/igb3/statistics/rx_packets)))
}

have_come() {
	[ "$(received)" -ge "$1" ]
}

# second: until so many frames came as tell something, a second at least
second() {
	local from
	from=$(received)
	sleep 1
	within 60 have_come $((from + 500)) || fail "$(($(received) - from)) frames have come in a minute"
}

# What look() tells. The first three are to be none.
names=("page faults" "times asleep" "interrupts of the cards" "times put off its CPU by others" "frames")

# look: counts of the lcore's thread, of the cards' interrupts, and of frames
look() {
	sed 's/.*) //' "$thread/stat" | awk '{ print $8 + $10 }'
	awk '$1 == "voluntary_ctxt_switches:" { print $2 }' "$thread/status"
	awk '/vfio-/ { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts
	awk '$1 == "nonvoluntary_ctxt_switches:" { print $2 }' "$thread/status"
	received
}

is_traced() {
	awk '$1 == "TracerPid:" { n = $2 } END { exit n == 0 }' "$thread/status"
}

ip link set dev igb0 up promisc on
ip link set dev igb3 up promisc on
"$PLX_BUILD_DIR/bin/plx-l2fwd" -l 1 --log-level eal:error -a 0000:02:00.0 -a 0000:03:00.0 -- \
	-p 3 -q 2 -P -T 1 >$log 2>&1 &
l2fwd=$!
modprobe pktgen
within 60 says $log "port 1: .*link up" || fail "plx-l2fwd does not start: $(<$log)"

# The lcore is the thread that may run on its CPU alone.
for task in "/proc/$l2fwd/task"/*; do
	says "$task/status" "^Cpus_allowed_list:[[:space:]]*1$" || continue
	[ -z "$thread" ] || fail "several threads have the lcore's CPU"
	thread=$task
done
[ -n "$thread" ] || fail "no thread has CPU 1 for itself"
says /proc/interrupts 'vfio-.*0000:02:00.0' || fail "no interrupt of 0000:02:00.0 to watch: $(</proc/interrupts)"

# Frames 0.2 ms apart: the other CPU has to do with more than them.
pktgen kpktgend_0 rem_device_all
for interface in igb0 igb3; do
	pktgen kpktgend_0 add_device $interface
	pktgen $interface count 0
	pktgen $interface delay 200000
	pktgen $interface pkt_size 60
	pktgen $interface dst_mac 02:00:00:00:00:99
done
pktgen pgctrl start &
generator=$!
second

mapfile -t before < <(look)
second
mapfile -t after < <(look)
told=
for ((i = 0; i < ${#names[@]}; i++)); do
	told+="${told:+, }$((after[i] - before[i])) ${names[i]}"
done
echo "$SECONDS s: $told"
for i in 0 1 2; do
	[ "${after[i]}" -eq "${before[i]}" ] || fail "${names[i]}: want none"
done

strace -c -o /tmp/calls -p "${thread##*/}" 2>/tmp/strace &
tracer=$!
within 60 is_traced || fail "strace: $(</tmp/strace)"
from=$(received)
second
is_traced || fail "strace has ended: $(</tmp/strace)"
kill -INT $tracer
wait $tracer || true
calls=$(awk '$NF == "total" { print $(NF - 1) }' /tmp/calls)
[ "${calls:-0}" = 0 ] || fail "system calls on the data path: $(</tmp/calls)"
echo "$SECONDS s: no system call, $(($(received) - from)) frames"

pktgen pgctrl stop
wait $generator
kill -TERM $l2fwd
wait $l2fwd || fail "plx-l2fwd: status $?: $(<$log)"
says $log '^port 0: .* 0 dropped' || fail "plx-l2fwd: $(<$log)"
