# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by plx-devbind and plx-doctor, from scripts/lib/ or from share/pollux/: what sysfs knows
# of PCI functions, who uses them, and what they are called. Changes nothing. $root is the folder to
# look for /sys, /proc and /dev in.

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

group_of() {
	link_name "$pci/devices/$1/iommu_group"
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

# The devices in /dev by which processes get at a function, as find's -lname patterns; and its
# files in sysfs, which a driver over UIO maps.
nodes_of() {
	local path group
	group=$(group_of "$1")
	[ -z "$group" ] || printf '%s\n' "/dev/vfio/$group" "/dev/vfio/noiommu-$group"
	for path in "$pci/devices/$1"/vfio-dev/vfio* "$pci/devices/$1"/uio/uio*; do
		case ${path##*/} in
		vfio[0-9]*) printf '/dev/vfio/devices/%s\n' "${path##*/}" ;;
		uio[0-9]*) printf '/dev/%s\n' "${path##*/}" ;;
		esac
	done
	printf '*/%s/resource[0-9]*\n' "$1"
}

# holders_of BDF: processes that drive it from user space, as "plx-l2fwd, pid 123"; as far as this
# user may see them
holders_of() {
	local node patterns=() pid comm seen=' ' list=''
	while read -r node; do
		patterns+=(${patterns[@]+-o} -lname "$node")
	done < <(nodes_of "$1")
	while read -r pid; do
		pid=${pid%/fd} pid=${pid##*/} comm=''
		[[ $seen != *" $pid "* ]] || continue
		seen+="$pid "
		read -r comm 2>/dev/null <"$root/proc/$pid/comm"
		list+="${list:+; }${comm:-?}, pid $pid"
	done < <(find "$root"/proc/[0-9]*/fd -maxdepth 1 \( "${patterns[@]}" \) -printf '%h\n' 2>/dev/null)
	printf '%s\n' "$list"
}

# ---- in use by the kernel ----

routes='' routes_known=''

read_routes() {
	[ -z "$routes_known" ] || return 0
	if routes=$(ip -4 -o route show table all 2>/dev/null); then
		routes+=$'\n'$(ip -6 -o route show table all 2>/dev/null)
		routes_known=yes
	else
		routes_known=no
	fi
}

# route_by INTERFACE: "default route", "route to 10.2.0.0/16", or nothing. What the kernel gives
# to each interface that is up, or has an address, does not count.
route_by() {
	awk -v name="$1" '
		!/^(local|broadcast|anycast|multicast|ff00::)/ && !/ proto kernel / {
			for (i = 1; i < NF; i++)
				if ($i == "dev" && $(i + 1) == name)
					found = found == "default" || $1 == "default" ? "default" : $1
		}
		END {
			if (found == "default") print "default route"
			else if (found != "") print "route to " found
		}' <<<"$routes"
}

addresses_of() {
	ip -o addr show dev "$1" 2>/dev/null |
		awk '($3 == "inet" || $3 == "inet6") && $4 !~ /^fe80:/ { print "address " $4 }'
}

# is_ours INTERFACE: is what ip knows by this name the interface of that name in sysfs? sysfs may be
# that of another network namespace: in a container, or after unshare or nsenter.
is_ours() {
	local shown
	shown=$(ip -o link show dev "$1" 2>/dev/null)
	[ -n "$shown" ] && [ "${shown%%:*}" = "$(cat "$root/sys/class/net/$1/ifindex" 2>/dev/null)" ]
}

# busy BDF: why the kernel's driver is not to be taken away, one reason a line
busy() {
	local interface upper folder nb_vfs inside
	for folder in "$pci/devices/$1"/net "$pci/devices/$1"/virtio*/net; do
		inside=("$folder"/*)
		if [ -d "$folder" ] && [ ! -e "${inside[0]}" ]; then
			echo "interface in another network namespace"
		fi
	done
	while read -r interface; do
		read_routes
		if [ $routes_known != yes ]; then
			echo "unknown: ip (iproute2) is missing or fails"
		elif ! is_ours "$interface"; then
			echo "unknown: the interface is of another network namespace"
		fi
		route_by "$interface"
		addresses_of "$interface"
		for upper in "$root/sys/class/net/$interface"/upper_*; do
			[ ! -e "$upper" ] && [ ! -L "$upper" ] || echo "carries ${upper##*/upper_}"
		done
	done < <(interfaces_of "$1")
	nb_vfs=$(attribute "$1" sriov_numvfs)
	[ "${nb_vfs:-0}" = 0 ] || echo "has $nb_vfs virtual functions"
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

# igb_part ID: the part, as far as the driver igb knows it, or nothing
igb_part() {
	case $1 in
	10c9 | 10e8 | 1526 | 150a) echo 82576 ;;
	150e | 1516) echo 82580 ;;
	1521) echo I350 ;;
	1533 | 1534 | 1535 | 157b) echo I210 ;;
	1539) echo I211 ;;
	10e6 | 10e7 | 1518 | 150d) echo "82576, not copper" ;;
	150f | 1510 | 1511 | 1527 | 0438 | 043a | 043c | 0440) echo "82580, not copper" ;;
	1522 | 1523 | 1524 | 1546) echo "I350, not copper" ;;
	1f40 | 1f41 | 1f45) echo "I354, not copper" ;;
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
