#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The hard life of an igb port in the lab, three at once, each with Linux's igb flooding at the other
# end: port 0 is started from D3hot and behind a suspended bridge, then killed with kill -9 under
# traffic again and again while canaries watch the memory and the kernel's driver has the card in
# between, over VFIO and over UIO; port 2's link flaps; port 4 suffers faults while 6 and 7 forward.
# PLX_TEST_LONG: many times more of each.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"

# ---- outside ----

if [ -z "${PLX_LAB:-}" ]; then
	need_python
	make_scratch stable
	[ "${PLX_TEST_LONG:-0}" = 0 ] || lab_seconds=3400
	# By default ACPI can pull a card out of any port, and Linux keeps a bridge like that awake.
	python3 "$PLX_SOURCE_DIR/test/lab/monitor.py" "$scratch" "$lab" run \
		--ports 8 --bind '0,2,4,6,7=vfio;1,3,5=kernel' --hugepages 40 --timeout "$lab_seconds" \
		--set rp0.hotplug=off \
		--share "$scratch" --monitor "$scratch/qmp" --env "PLX_LAB_SHARE=$scratch" \
		--append pcie_port_pm=force --env PLX_BUILD_DIR --env PLX_SOURCE_DIR \
		--env "PLX_TEST_LONG=${PLX_TEST_LONG:-0}" --env "PLX_ONLY=${PLX_ONLY:-}" -- bash "$0"
	exit
fi

# ---- in the lab ----

readonly life=$build/test/lab_igb_life guard=$build/test/lab_igb_guard
# Rounds; each second one kills twice: 15 kills over VFIO, 5 over UIO.
kills=10 kills_uio=3 nb_flaps=100
[ "${PLX_TEST_LONG:-0}" = 0 ] || kills=200 kills_uio=100 nb_flaps=1000
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 0 >/sys/bus/pci/drivers_autoprobe
modprobe -a uio_pci_generic
for net in igb1 igb3 igb5; do ip link set $net up; done

# feed IFACE [PAUSE_US]
feed() {
	"$guard" feed "$@" &
	feeds+=($!)
}

# end NAME: of a part of this test; its seconds, and its status
end() {
	kill "${feeds[@]}"
	wait "${feeds[@]}" 2>/dev/null
	echo "$1: $failures failures, $((SECONDS - start)) s"
	[ $failures -eq 0 ]
}

# says WHAT SECONDS COMMAND...: it passes; what it says is shown
says() {
	local what=$1 seconds=$2 out
	shift 2
	if out=$(timeout "$seconds" "$@" 2>&1); then
		grep '^ok' <<<"$out"
	else
		bad "$what: status $?: $out"
	fi
}

# ---- port 0: sleep, kill -9 ----

readonly nic=0000:01:00.0 bridge=0000:00:10.0

sleeps() {
	local i status
	setpci -s $nic CAP_PM+4.w=3
	says "from D3hot" 60 "$life" "${eal[@]}" --no-pci --no-huge -- try $nic
	echo auto >/sys/bus/pci/devices/$bridge/power/control
	for ((i = 0; i < 100; i++)); do
		read -r status </sys/bus/pci/devices/$bridge/power/runtime_status
		[ "$status" != suspended ] || break
		pause 0.05
	done
	[ "$status" = suspended ] || bad "the bridge with nobody behind it is $status"
	says "behind a suspended bridge" 60 "$life" "${eal[@]}" --no-pci --no-huge -- try $nic
	echo on >/sys/bus/pci/devices/$bridge/power/control
}

# kill_it WHAT EAL_OPTION...: a process that floods, killed; the canaries are sound
kill_it() {
	local what=$1 out line='' said=''
	shift
	exec {out}< <(exec "$life" "${eal[@]}" --no-pci -m 32 "$@" -- flood $nic 2>&1)
	while read -r -t 60 line <&"$out" && [ "$line" != flooding ]; do said+="$line; "; done
	[ "$line" = flooding ] || bad "$what: no start: $said"
	kill -USR1 "${feeds[0]}"
	if read -r -t "0.$((RANDOM % 3))$((RANDOM % 10))" line <&"$out"; then bad "$what: $line"; fi
	kill -KILL $!
	wait $! 2>/dev/null
	exec {out}<&-
	echo check >&"$orders"
	read -r -t 60 -u "$answers" line || line="no answer"
	kill -USR2 "${feeds[0]}"
	[[ $line = "sound "* ]] || bad "$what: memory: $line"
	pages=${line#sound }
}

killed() {
	local i line pages=0 factory answers orders
	coproc canaries { exec "$guard" canaries 4; }
	answers=${canaries[0]} orders=${canaries[1]}
	read -r -t 60 -u "$answers" line
	[ "$line" = ready ] || bad "canaries: $line"
	feed igb1 2000
	sleeps
	factory=02:4c:41:42:00:00
	for ((i = 1; i <= kills && failures == 0; i++)); do
		kill_it "kill $i over VFIO" --iova-mode va
		# In half of the rounds the next one starts right after the kill.
		[ $((i % 2)) -eq 0 ] || kill_it "kill $i over VFIO, at once again" --iova-mode va
		kernel_takes "kill $i over VFIO" $nic $factory
		give vfio-pci $nic
	done
	echo "ok killed over VFIO: $((i - 1)) rounds, $pages pages were free after the last"
	give uio_pci_generic $nic
	for ((i = 1; i <= kills_uio && failures == 0; i++)); do
		kill_it "kill $i over UIO" --allow-unsafe-dma --iova-mode pa
		[ $((i % 2)) -eq 0 ] ||
			kill_it "kill $i over UIO, at once again" --allow-unsafe-dma --iova-mode pa
		# Nobody resets a card of UIO.
		echo 1 >/sys/bus/pci/devices/$nic/reset
		kernel_takes "kill $i over UIO" $nic $factory
		give uio_pci_generic $nic
	done
	echo "ok killed over UIO: $((i - 1)) rounds, $pages pages were free after the last"
	exec {orders}>&-
}

# ---- ports 2 and 4 ----

flaps() {
	feed igb3 2000
	says "flaps" 3000 "$life" "${eal[@]}" --no-pci --no-huge -- flaps "$nb_flaps" 0000:03:00.0 2
}

faults() {
	feed igb5 500
	says "faults" 600 "$life" "${eal[@]}" --no-pci --no-huge -- \
		faults 0000:05:00.0 4 00:14.0 0000:07:00.0 0000:08:00.0
}

start=$SECONDS feeds=() jobs=()
case ${PLX_ONLY:-killed} in killed)
	{
		killed
		end killed
	} &
	jobs+=($!)
	;;
esac
case ${PLX_ONLY:-flaps} in flaps)
	{
		flaps
		end flaps
	} &
	jobs+=($!)
	;;
esac
case ${PLX_ONLY:-faults} in faults)
	{
		faults
		end faults
	} &
	jobs+=($!)
	;;
esac
for job in "${jobs[@]}"; do
	wait "$job" || failures=$((failures + 1))
done
finish
