#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# lib/bus on a device that is no network card: plx-edu over VFIO and UIO; three of them behind one
# bridge, so in one IOMMU group, of which two share an interrupt line: a group that is not viable is
# refused with the name of the spoiler.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"
[ -n "${PLX_LAB:-}" ] || boot --bind all=vfio --ports 1 --timeout 200 \
	--device edu,addr=0xc \
	--device pcie-pci-bridge,id=bridge,addr=0xd \
	--device edu,bus=bridge,addr=1,dma_mask=0xffffffffffffffff \
	--device edu,bus=bridge,addr=5,dma_mask=0xffffffffffffffff

readonly alone=0000:00:0c.0
behind=()
for dir in /sys/bus/pci/devices/*; do
	[ "$(<"$dir/vendor") $(<"$dir/device")" = "0x1234 0x11e8" ] || continue
	[ "${dir##*/}" = $alone ] || behind+=("${dir##*/}")
done
[ "${#behind[@]}" -eq 2 ] || bad "edu devices behind the bridge: ${behind[*]}"
modprobe -a vfio-pci uio_pci_generic

# shows WHAT PATTERN COMMAND...: it passes, and says that
shows() {
	local what=$1 pattern=$2 out
	shift 2
	out=$(timeout 60 "$@" 2>&1) || bad "$what: status $?: $out"
	grep -q -- "$pattern" <<<"$out" || bad "$what: no '$pattern' in: $out"
}

refused "none is bound" 1 "there is none that is bound" "$build/bin/plx-edu" "${eal[@]}" --no-huge
give vfio-pci $alone
shows "VFIO" "interrupt by MSI, memory at IOVA 0x[0-9a-f]\{1,7\}$" \
	"$build/bin/plx-edu" "${eal[@]}" --no-huge
shows "VFIO" "10! = 3628800, 4096 bytes there and back, 3 interrupts" \
	"$build/bin/plx-edu" "${eal[@]}" --no-huge
give uio_pci_generic $alone
refused "UIO, 28 bits" 1 "no memory below 0xfffffff" \
	"$build/bin/plx-edu" "${eal[@]}" --allow-unsafe-dma

# The group of the bridge: not viable while a driver of the kernel has one of it.
echo $alone >/sys/bus/pci/drivers/uio_pci_generic/unbind
give vfio-pci "${behind[0]}"
give uio_pci_generic "${behind[1]}"
[ "$(group_of "${behind[0]}")" = "$(group_of "${behind[1]}")" ] || bad "two groups"
refused "not viable" 1 "not viable.*${behind[1]} (uio_pci_generic)" \
	"$build/bin/plx-edu" "${eal[@]}" --no-huge

# One line, two functions, over either back end.
give uio_pci_generic "${behind[0]}"
[ "$(<"/sys/bus/pci/devices/${behind[0]}/irq")" = "$(<"/sys/bus/pci/devices/${behind[1]}/irq")" ] ||
	bad "two interrupt lines"
shows "shared line, UIO" "edu 1: 10[1-9] interrupts" \
	"$build/test/lab_share" "${eal[@]}" --allow-unsafe-dma --iova-mode pa -- "${behind[@]}"
shows "UIO, 64 bits" "interrupt by INTx" "$build/bin/plx-edu" "${eal[@]}" --allow-unsafe-dma -- 64
shows "UIO, 64 bits" "there and back, 3 interrupts" \
	"$build/bin/plx-edu" "${eal[@]}" --allow-unsafe-dma -- 64
give vfio-pci "${behind[@]}"
shows "shared line, VFIO" "edu 1: 10[1-9] interrupts" \
	"$build/test/lab_share" "${eal[@]}" --no-huge -- "${behind[@]}"
finish
