# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by plx-devbind and plx-doctor, from scripts/lib/ or from share/pollux/: what sysfs knows
# of PCI functions, and what they are called. Changes nothing. $root is the folder to look for /sys,
# /proc and /dev in.

PATH=$PATH:/usr/sbin:/sbin
unset CDPATH
root=${PLX_SYSROOT:-}
readonly root pci=$root/sys/bus/pci

# ---- what a device is ----

attribute() {
	local value=''
	read -r value 2>/dev/null <"$pci/devices/$1/$2"
	printf '%s\n' "$value"
}

# link_name FOLDER: its name where the link leads, or nothing. In a shell of its own; no program is
# run for it, since this is asked often.
link_name() (
	cd -P "$1" 2>/dev/null && printf '%s\n' "${PWD##*/}"
)

driver_of() {
	link_name "$pci/devices/$1/driver"
}

# Groups that vfio makes up for cards without an IOMMU have a name by which they are told.
readonly noiommu_name="vfio-noiommu"

is_noiommu() {
	local name=''
	read -r name 2>/dev/null <"$pci/devices/$1/iommu_group/name"
	[ "$name" = $noiommu_name ]
}

# raw_group_of BDF: also one of vfio's no-IOMMU mode, behind which there is no IOMMU
raw_group_of() {
	link_name "$pci/devices/$1/iommu_group"
}

# group_of BDF: the IOMMU group, or nothing
group_of() {
	is_noiommu "$1" || raw_group_of "$1"
}

# iommu_groups: those of an IOMMU, one a line
iommu_groups() {
	local path name
	for path in "$root"/sys/kernel/iommu_groups/[0-9]*; do
		name=''
		[ -e "$path" ] || continue
		read -r name 2>/dev/null <"$path/name"
		[ "$name" = $noiommu_name ] || printf '%s\n' "${path##*/}"
	done
}

# Also those of a virtio device, which lie one folder deeper.
interfaces_of() {
	local path
	for path in "$pci/devices/$1"/net/* "$pci/devices/$1"/virtio*/net/*; do
		if [ -e "$path" ]; then printf '%s\n' "${path##*/}"; fi
	done
}

is_network() {
	[[ $(attribute "$1" class) == 0x02* ]]
}

# Also the variants of vfio-pci for some cards.
is_vfio_driver() {
	[[ $1 == vfio-pci || $1 == *[-_]vfio[-_]pci ]]
}

is_uio_driver() {
	[[ $1 == uio_pci_generic || $1 == igb_uio ]]
}

is_user_driver() {
	is_uio_driver "$1" || is_vfio_driver "$1"
}

# spoils DRIVER: a device that has it keeps its group from being used from user space.
spoils() {
	[[ $1 != "" && $1 != pci-stub && $1 != pcieport ]] && ! is_vfio_driver "$1"
}

# spoilers_of GROUP: its devices with a driver of the kernel, as "0000:01:00.1 (igb)"
spoilers_of() {
	local path driver list=''
	for path in "$root/sys/kernel/iommu_groups/$1"/devices/*; do
		[ -e "$path" ] || continue
		driver=$(link_name "$path/driver")
		if spoils "$driver"; then list+="${list:+, }${path##*/} ($driver)"; fi
	done
	printf '%s\n' "$list"
}

joined() {
	local line list=''
	while IFS= read -r line; do
		list+="${list:+, }$line"
	done
	printf '%s\n' "$list"
}

# ---- names ----

declare -A names

read_names() {
	local slot name options=()
	[ -z "$root" ] || options=(-O "sysfs.path=$pci")
	while IFS='|' read -r slot name; do
		names[$slot]=$name
	done < <(lspci ${options[@]+"${options[@]}"} -Dmm 2>/dev/null |
		sed -n 's/^\([^ ]*\) "[^"]*" "[^"]*" "\([^"]*\)".*/\1|\2/p')
}

# name_of BDF: as lspci has it, or "Device", and the id
name_of() {
	local device
	device=$(attribute "$1" device)
	printf '%s %s\n' "${names[$1]:-Device}" "${device#0x}"
}

# igb_part ID: the part, as far as the driver igb knows it (drivers/igb/ids.h), or nothing. Only copper
# is driven.
igb_part() {
	case $1 in
	10c9 | 10e8 | 1526 | 150a) echo 82576 ;;
	150e | 1516) echo 82580 ;;
	1521) echo I350 ;;
	1533 | 1534 | 1535 | 157b) echo I210 ;;
	1539) echo I211 ;;
	10e6 | 10e7 | 1518 | 150d) echo "82576, not copper" ;;
	150f | 1510 | 1511 | 1527 | 0438 | 043a | 043c | 0440) echo "82580, not copper" ;;
	1522 | 1523 | 1524) echo "I350, not copper" ;;
	1546) echo "I350, copper or not by its board" ;;
	1f40 | 1f41 | 1f45) echo "I354, copper or not by its board" ;;
	1536 | 1537 | 1538 | 157c | 15f6) echo "I210, not copper" ;;
	esac
}

part_of() {
	local device
	device=$(attribute "$1" device)
	[ "$(attribute "$1" vendor)" != 0x8086 ] || igb_part "${device#0x}"
}

# ---- drivers ----

# is_driver_at_hand DRIVER: in the kernel, or a module of it
is_driver_at_hand() {
	[ -d "$pci/drivers/$1" ] || modprobe -nq "$1" 2>/dev/null
}

readonly noiommu_switch=/sys/module/vfio/parameters/enable_unsafe_noiommu_mode

# has_noiommu_mode: was this kernel's vfio built with it?
has_noiommu_mode() {
	[ -e "$root$noiommu_switch" ] || {
		[ ! -d "$root/sys/module/vfio" ] &&
			modinfo -F parm vfio 2>/dev/null | grep -q "^${noiommu_switch##*/}:"
	}
}

# no_driver DRIVER: why it can't be loaded, or nothing; nothing is loaded yet
no_driver() {
	local out
	[ ! -d "$pci/drivers/$1" ] || return 0
	if ! command -v modprobe >/dev/null; then
		echo "$1 is not in this kernel, and modprobe (package kmod) is missing"
	elif ! out=$(modprobe -n "$1" 2>&1); then
		echo "no module $1 for kernel $(uname -r): ${out%%$'\n'*}"
	fi
}

# unused_drivers BDF DRIVER: the others that it could have, with commas
unused_drivers() {
	local driver list='' seen=" ${2//-/_} "
	for driver in $(modprobe -R "$(attribute "$1" modalias)" 2>/dev/null) \
		vfio-pci uio_pci_generic igb_uio; do
		[[ $seen != *" ${driver//-/_} "* ]] || continue
		if is_driver_at_hand "$driver"; then
			seen+="${driver//-/_} "
			list+="${list:+,}$driver"
		fi
	done
	printf '%s\n' "$list"
}
