#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# lib/bus over VFIO on the lab's igb: registers, ports, interrupts of each kind, memory, reset, faults,
# unplug; as root, as an ordinary user; what is refused, and by which line.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"
[ -n "${PLX_LAB:-}" ] || boot --bind all=vfio --ports 2 --timeout 280

readonly nic=0000:01:00.0 other=0000:02:00.0
group=$(group_of $nic)
small=(--no-huge)

for check in info caps registers reset msix msi intx sigbus dma forked; do
	passes "$check" "$lab_bus" "${eal[@]}" "${small[@]}" -- $nic $check
done
passes "all in one process" "$lab_bus" "${eal[@]}" "${small[@]}" -- $nic \
	registers msix intx reset msi dma registers
passes "hugepages" "$lab_bus" "${eal[@]}" -m 64 -- $nic dma

# Asleep, and what comes out of a sleep is awake and knows its addresses.
setpci -s $nic CAP_PM+4.w=3
passes "D3hot" "$lab_bus" "${eal[@]}" "${small[@]}" -- $nic registers

# An ordinary user, with the group and the limit; without either.
as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
refused "no group" 3 "chown 65534 /dev/vfio/$group" \
	"${as_user[@]}" "$lab_bus" "${eal[@]}" "${small[@]}" -- $nic registers
chown 65534 "/dev/vfio/$group"
refused "no limit" 3 "RLIMIT_MEMLOCK is 64 KB" \
	prlimit --memlock=65536:65536 "${as_user[@]}" \
	"$lab_bus" "${eal[@]}" "${small[@]}" -m 16 -- $nic registers
passes "ordinary user" prlimit --memlock=67108864:67108864 \
	"${as_user[@]}" \
	"$lab_bus" "${eal[@]}" "${small[@]}" -m 16 -- $nic registers msix intx dma
chown 0 "/dev/vfio/$group"

# In use; killed; at once usable, quiet and reset.
hold_and_kill "${small[@]}" -- $nic
refused "in use" 3 "in use (process $held)" "$lab_bus" "${eal[@]}" "${small[@]}" -- $nic registers
kill -KILL "$held"
wait "$held" 2>/dev/null
grep -q 'BusMaster+' <<<"$(lspci -vv -s $nic)" && bad "killed, and DMA is on"
passes "after kill -9" "$lab_bus" "${eal[@]}" "${small[@]}" -- $nic registers msix

# Bound to nothing, to a driver of the kernel, not there.
echo $other >/sys/bus/pci/drivers/vfio-pci/unbind
refused "unbound" 3 "bound to no driver" "$lab_bus" "${eal[@]}" "${small[@]}" -- $other registers
refused "not there" 1 "there is no PCI device" \
	"$build/bin/plx-hello" "${eal[@]}" "${small[@]}" -a 0000:99:00.0

passes "unplug" "$lab_bus" "${eal[@]}" "${small[@]}" -- $nic unplug
finish
