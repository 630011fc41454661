#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# lib/bus and the hardware layer of drivers/igb in one boot of the lab, in four parts, each on devices
# of its own: ports 0 and 1 over VFIO, 2 over UIO, 3 for igb's hardware layer, and QEMU's
# teaching devices, whose bridge comes after the ports so that these keep their bus numbers.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"
[ -n "${PLX_LAB:-}" ] || boot --bind '0,1=vfio;2=uio;3=kernel' --timeout 800 \
	--device edu,addr=0xc \
	--device pcie-pci-bridge,id=bridge,addr=0x1d \
	--device edu,bus=bridge,addr=1,dma_mask=0xffffffffffffffff \
	--device edu,bus=bridge,addr=5,dma_mask=0xffffffffffffffff

modprobe -a vfio-pci uio_pci_generic

# part NAME: its seconds and its status
part() (
	start=$SECONDS
	# shellcheck source=/dev/null
	. "$(dirname "$0")/bus_$1.inc"
	echo "$1: $failures failures, $((SECONDS - start)) s"
	[ "$failures" -eq 0 ]
)

jobs=()
for name in vfio edu igb; do
	part $name &
	jobs+=($!)
done
for job in "${jobs[@]}"; do
	wait "$job" || failures=$((failures + 1))
done
# Alone: a card that runs on, as it leaves one behind, is stopped by the start of any program.
part uio || failures=$((failures + 1))
finish
