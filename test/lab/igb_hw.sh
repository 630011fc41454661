#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The hardware layer of drivers/igb on the lab's igb: a whole life over VFIO and over UIO, after kill -9
# with every lock held, from D3hot; the kernel's driver has the card back each time.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"
[ -n "${PLX_LAB:-}" ] || boot --bind '0=kernel;1=vfio' --ports 2 --timeout 280

readonly nic=0000:01:00.0
program=$build/test/lab_igb_hw
lab_bus=$program
small=(--no-huge)

# The factory's address, and a link: seen by Linux's igb.
kernel_takes_it() {
	local what=$1 net i
	give igb $nic
	net=$(basename "$(echo /sys/bus/pci/devices/$nic/net/*)")
	ip link set "$net" up
	for ((i = 0; i < 100; i++)); do
		[ "$(cat "/sys/class/net/$net/carrier" 2>/dev/null)" = 1 ] && break
		sleep 0.1
	done
	[ "$(cat "/sys/class/net/$net/carrier" 2>/dev/null)" = 1 ] || bad "$what: no carrier"
	[ "$(cat "/sys/class/net/$net/address")" = "$factory" ] ||
		bad "$what: address $(cat "/sys/class/net/$net/address"), want $factory"
	ip link set "$net" down
}

give igb $nic
factory=$(cat /sys/bus/pci/devices/$nic/net/*/address)

modprobe -a vfio-pci uio_pci_generic 2>/dev/null
for driver in vfio-pci uio_pci_generic; do
	options=("${small[@]}")
	[ $driver = vfio-pci ] || options=(--allow-unsafe-dma --huge-dir /dev/hugepages -m 32)
	give $driver $nic
	passes "$driver: life" "$program" "${eal[@]}" "${options[@]}" -- $nic life
	passes "$driver: another life" "$program" "${eal[@]}" "${options[@]}" -- $nic life
	hold_and_kill "${options[@]}" -- $nic mess
	kill -KILL "$held"
	wait "$held" 2>/dev/null
	passes "$driver: after kill -9" "$program" "${eal[@]}" "${options[@]}" -- $nic life
	hold_and_kill "${options[@]}" -- $nic mess
	kill -KILL "$held"
	wait "$held" 2>/dev/null
	# Who closes VFIO's device resets it, UIO's nobody: Linux's igb does not free a stale lock.
	[ $driver = vfio-pci ] || echo 1 >/sys/bus/pci/devices/$nic/reset
	kernel_takes_it "$driver: after kill -9"
done
give vfio-pci $nic
setpci -s $nic CAP_PM+4.w=3
passes "D3hot" "$program" "${eal[@]}" "${small[@]}" -- $nic life
kernel_takes_it "D3hot"
finish
