# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by plx-doctor: the lines on IOMMU, VFIO and cards.
# shellcheck disable=SC2154

# ---- cards ----

cards=() others=()

find_cards() {
	local path bdf part
	for path in "$pci"/devices/*; do
		bdf=${path##*/}
		is_network "$bdf" || continue
		part=$(part_of "$bdf")
		if [ -n "$part" ] && [[ $part != *"not copper" ]]; then
			cards+=("$bdf")
		else
			others+=("$bdf")
		fi
	done
}

# What is amiss with VFIO or the IOMMU is bad where there is a card that wants them; one that is driven
# without an IOMMU, as root, goes on working.
card_verdict() {
	local bdf
	for bdf in ${cards[@]+"${cards[@]}"}; do
		is_unguarded "$bdf" || { echo bad && return; }
	done
	echo warn
}

is_unguarded() {
	is_uio_driver "$(driver_of "$1")" || is_noiommu "$1"
}

# bind_line BDF [OTHER...]: the command that gives a card to user space, of those that do so here
bind_line() {
	if [ -z "$(group_of "$1")" ]; then
		if is_driver_at_hand uio_pci_generic; then
			echo "see iommu; or, as root and unguarded: sudo plx-devbind -b uio_pci_generic $1"
		else
			echo "see iommu"
		fi
	elif is_driver_at_hand vfio-pci; then
		echo "sudo plx-devbind -b vfio-pci $*"
	else
		echo "see vfio"
	fi
}

# company_of BDF: other functions of its IOMMU group that the kernel drives
company_of() {
	local spoiler list=''
	while read -r spoiler; do
		[[ -z $spoiler || $spoiler == "$1 "* ]] || list+="${list:+, }$spoiler"
	done < <(spoilers_of "$(group_of "$1")" | sed 's/), /)\n/g')
	printf '%s\n' "$list"
}

# "0000:01:00.1 (igb), ..." without what is in brackets
addresses_only() {
	sed 's/ ([^)]*),\{0,1\}//g'
}

# free_group BDF LIST: what frees a card's group of those in LIST, as company_of() has them. A disk, or
# an interface in use, is not taken from the kernel for it.
free_group() {
	local bdf others
	others=$(addresses_only <<<"$2")
	for bdf in ${others//,/ }; do
		if ! is_network "$bdf" || [ -n "$(busy "$bdf")" ]; then
			echo "$bdf has to stay with the kernel: another slot, or ACS in the firmware, parts them"
			return
		fi
	done
	# shellcheck disable=SC2086
	bind_line $1 $others
}

# guard_line BDF: the same for a card that is driven without an IOMMU
guard_line() {
	if [ -n "$(group_of "$1")" ]; then bind_line "$1"; else echo "see iommu"; fi
}

# check_group BDF TEXT: rights on the group of a card that vfio-pci has
check_group() {
	local bdf=$1 text=$2 group node users
	group=$(group_of "$bdf")
	node=$root/dev/vfio/$group
	[ -n "$group" ] && [ -e "$node" ] || node=$root/dev/vfio/noiommu-$group
	users=$(holders_of "$bdf")
	if [ -n "$users" ]; then
		line ok card "$text, in use by $users"
	elif is_noiommu "$bdf"; then
		line warn card "$text: for root only, and no IOMMU guards what it writes" "see iommu"
	elif [ -n "$(spoilers_of "$group")" ]; then
		line bad card "$text: the kernel still drives $(spoilers_of "$group")" \
			"$(free_group "" "$(spoilers_of "$group")")"
	elif [ ! -e "$node" ]; then
		line bad card "$text: there is no /dev/vfio/$group here" \
			"in a container: give it the devices /dev/vfio/vfio and /dev/vfio/$group"
	elif [ ! -r "$node" ] || [ ! -w "$node" ]; then
		line bad card "$text: ${node#"$root"} is not yours" \
			"sudo plx-devbind --user $(id -un) $bdf"
	else
		line ok card "$text, ${node#"$root"} is open to you"
	fi
}

check_card() {
	local bdf=$1 driver node company why interface text
	driver=$(driver_of "$bdf")
	node=$(attribute "$bdf" numa_node)
	interface=$(interfaces_of "$bdf" | joined)
	text="$bdf $(part_of "$bdf"), driver ${driver:-none}${interface:+, $interface}"
	[ "${node:--1}" -lt 0 ] || text+=", node $node"
	if is_vfio_driver "$driver"; then
		check_group "$bdf" "$text"
		return
	elif is_user_driver "$driver"; then
		line warn card "$text: for root only, and no IOMMU guards what it writes" \
			"$(guard_line "$bdf")"
		return
	fi
	why=$(busy "$bdf" | joined)
	company=$(company_of "$bdf")
	if [ -n "$why" ]; then
		line ok card "$text: the kernel's, in use ($why)"
	elif [ -n "$company" ]; then
		line warn card "$text: its IOMMU group also has $company" \
			"$(free_group "$bdf" "$company")"
	else
		line warn card "$text: not given to a user-space driver" "$(bind_line "$bdf")"
	fi
}

check_cards() {
	local bdf part driver interface software="net_af_xdp, net_af_packet or net_pcap"
	for bdf in ${cards[@]+"${cards[@]}"}; do
		check_card "$bdf"
	done
	for bdf in ${others[@]+"${others[@]}"}; do
		part=$(part_of "$bdf")
		driver=$(driver_of "$bdf")
		interface=$(interfaces_of "$bdf" | joined)
		if [ -n "$part" ]; then
			line warn card "$bdf $part: not by the driver igb; ${interface:-its interface} by $software"
		elif [ -n "$interface" ]; then
			line ok card "$bdf $(name_of "$bdf"), driver $driver, $interface: by $software"
		fi
	done
	[ ${#cards[@]} -gt 0 ] ||
		line warn cards "none of the igb family with copper ports: software ports only (--vdev ...)"
}

# ---- IOMMU, VFIO, UIO ----

iommu_is_on() {
	[ -n "$(iommu_groups)" ]
}

check_iommu() {
	local path list='' nb off mend=()
	nb=$(iommu_groups | grep -c .)
	for path in "$root"/sys/class/iommu/*; do
		[ ! -e "$path" ] || list+="${list:+, }${path##*/}"
	done
	if [ "$nb" -gt 0 ]; then
		line ok iommu "on${list:+ ($list)}, $nb groups"
		return
	fi
	off=$(first /proc/cmdline | grep -oE '(^| )(intel_|amd_)?iommu=off' | tail -n 1)
	if has_cpu_flag hypervisor; then
		mend=("this is a virtual machine: give it a virtual IOMMU; then intel_iommu=on")
	elif [ -n "$off" ]; then
		mend=("take ${off# } from the kernel's command line")
	elif grep -qs '^Features' "$root/proc/cpuinfo"; then
		mend=("switch on the SMMU in the firmware; in a virtual machine: give it one")
	elif grep -qs AuthenticAMD "$root/proc/cpuinfo"; then
		mend=("switch on the IOMMU (AMD-Vi) in the firmware; iommu=pt")
	elif has_boot_option intel_iommu=on; then
		mend=("intel_iommu=on is there: switch on VT-d in the firmware")
	else
		mend=("intel_iommu=on iommu=pt, and VT-d in the firmware")
	fi
	! is_driver_at_hand uio_pci_generic ||
		mend+=("without one, as root and unguarded: plx-devbind -b uio_pci_generic")
	if is_driver_at_hand vfio-pci && has_noiommu_mode; then
		mend+=("without one, as root and unguarded: plx-devbind -b vfio-pci --noiommu-mode")
	fi
	line "$(card_verdict)" iommu "off, or not to be seen: VFIO does not guard what a card writes" "${mend[@]}"
}

check_vfio() {
	local bdf mend how="echo 0 | sudo tee $noiommu_switch"
	if ! is_driver_at_hand vfio-pci; then
		mend=("a kernel with CONFIG_VFIO_PCI, and modprobe (package kmod) where it is a module")
		! is_driver_at_hand uio_pci_generic ||
			mend+=("or, as root and unguarded: plx-devbind -b uio_pci_generic")
		line "$(card_verdict)" vfio "this kernel has no vfio-pci" "${mend[@]}"
	elif [ ! -e "$root/dev/vfio/vfio" ] && [ ! -d "$pci/drivers/vfio-pci" ]; then
		line ok vfio "a module that plx-devbind loads when it is wanted"
	elif [ ! -e "$root/dev/vfio/vfio" ]; then
		line "$(card_verdict)" vfio "vfio-pci is there, /dev/vfio/vfio is not" \
			"sudo modprobe vfio; in a container: give it the device /dev/vfio/vfio"
	elif [ ! -r "$root/dev/vfio/vfio" ] || [ ! -w "$root/dev/vfio/vfio" ]; then
		line "$(card_verdict)" vfio "/dev/vfio/vfio is not open to you" \
			"sudo chmod 0666 /dev/vfio/vfio"
	elif [ "$(first "$noiommu_switch")" = Y ]; then
		for bdf in ${cards[@]+"${cards[@]}"}; do
			! is_noiommu "$bdf" || how="when $bdf is done with it: echo 0 | sudo tee $noiommu_switch"
		done
		line warn vfio "no-IOMMU mode is on: a card of vfio-pci may write to all memory" "$how"
	else
		line ok vfio "there, and open to you"
	fi
}

check_lockdown() {
	local state secure text
	state=$(first /sys/kernel/security/lockdown)
	secure=$(od -An -t u1 -j 4 -N 1 "$root"/sys/firmware/efi/efivars/SecureBoot-* 2>/dev/null)
	[ "${secure// /}" = 1 ] && secure=", secure boot is on" || secure=
	if [ -z "$state" ] && [ -n "$secure" ]; then
		line warn lockdown "not told$secure: uio_pci_generic may not work, vfio-pci does"
	elif [ -z "$state" ] || [[ $state == *"[none]"* ]]; then
		line ok lockdown "none$secure"
	else
		text="$state$secure: uio_pci_generic does not work"
		if iommu_is_on; then
			line warn lockdown "$text, vfio-pci does"
		else
			line "$(card_verdict)" lockdown "$text, and vfio-pci wants an IOMMU" \
				"see iommu; or switch secure boot off in the firmware"
		fi
	fi
}
