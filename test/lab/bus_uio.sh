#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# lib/bus over UIO on the lab's igb: refused unless it is asked for, then all that it can do.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"
[ -n "${PLX_LAB:-}" ] || boot --bind all=uio --ports 2 --timeout 200

readonly nic=0000:01:00.0
unsafe=("${eal[@]}" --allow-unsafe-dma)

refused "not asked for" 3 "overwrites any memory of the machine: bind it to vfio-pci" \
	"$lab_bus" "${eal[@]}" -- $nic info
refused "virtual addresses" 3 "use --iova-mode pa" \
	"$lab_bus" "${unsafe[@]}" --iova-mode va -- $nic info
out=$("$lab_bus" "${unsafe[@]}" -- $nic info 2>&1)
[ "$(grep -c "warning: $nic: no IOMMU confines it (uio_pci_generic)" <<<"$out")" -eq 1 ] ||
	bad "one line says why it is unsafe: $out"

for check in info caps registers reset intx dma forked; do
	passes "$check" "$lab_bus" "${unsafe[@]}" -- $nic $check
done
setpci -s $nic CAP_PM+4.w=3
passes "D3hot" "$lab_bus" "${unsafe[@]}" -- $nic registers

# A second process; a killed one leaves DMA on at worst until the next start.
hold_and_kill --allow-unsafe-dma -- $nic
refused "in use" 3 "another process has it open" "$lab_bus" "${unsafe[@]}" -- $nic registers
kill -KILL "$held"
wait "$held" 2>/dev/null
passes "after kill -9" "$lab_bus" "${unsafe[@]}" -- $nic registers intx

setpci -s $nic COMMAND=6:6
out=$("$build/bin/plx-hello" --lcores 0@0 --no-huge 2>&1) || bad "plx-hello: $out"
grep -q "$nic: a process that ended left it running" <<<"$out" || bad "no word of it: $out"
grep -q 'BusMaster+' <<<"$(lspci -vv -s $nic)" && bad "bus mastering is on"

passes "unplug" "$lab_bus" "${unsafe[@]}" -- $nic unplug
finish
