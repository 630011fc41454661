# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by plx-devbind and plx-doctor after pci.sh: who uses a PCI function, from user space or by
# way of its interface. Changes nothing.
# shellcheck disable=SC2154

# ---- by processes ----

# nodes_of BDF: the devices in /dev by which processes get at a function, or at another one of its IOMMU
# group, as find's -lname patterns; and its files in sysfs, which a driver over UIO maps.
nodes_of() {
	local path group
	group=$(raw_group_of "$1")
	if is_noiommu "$1"; then group=noiommu-$group; fi
	[ -z "$group" ] || printf '/dev/vfio/%s\n' "$group"
	for path in "$pci/devices/$1"/iommu_group/devices/*/vfio-dev/* "$pci/devices/$1"/uio/uio*; do
		case ${path##*/} in
		vfio[0-9]* | noiommu-vfio[0-9]*) printf '/dev/vfio/devices/%s\n' "${path##*/}" ;;
		uio[0-9]*) printf '/dev/%s\n' "${path##*/}" ;;
		esac
	done
	printf '*/%s/resource[0-9]*\n' "$1"
}

# openers: processes that have a file open which fits a pattern on stdin, as "plx-l2fwd, pid 123"; as
# far as this user may see them
openers() {
	local pattern patterns=() pid comm seen=' ' list=''
	while IFS= read -r pattern; do
		patterns+=(${patterns[@]+-o} -lname "$pattern")
	done
	[ ${#patterns[@]} -gt 0 ] || return 0
	while read -r pid; do
		pid=${pid%/fd} pid=${pid##*/} comm=''
		[[ $seen != *" $pid "* ]] || continue
		seen+="$pid "
		read -r comm 2>/dev/null <"$root/proc/$pid/comm"
		list+="${list:+; }${comm:-?}, pid $pid"
	done < <(find "$root"/proc/[0-9]*/fd -maxdepth 1 \( "${patterns[@]}" \) -printf '%h\n' 2>/dev/null)
	printf '%s\n' "$list"
}

# holders_of BDF: processes that drive it from user space, or have its IOMMU group
holders_of() {
	nodes_of "$1" | openers
}

# ---- by the kernel ----

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

# is_ours INTERFACE SHOWN: is what ip knows by this name the interface of that name in sysfs? sysfs
# may be that of another network namespace: in a container, or after unshare or nsenter.
is_ours() {
	[ -n "$2" ] && [ "${2%%:*}" = "$(cat "$root/sys/class/net/$1/ifindex" 2>/dev/null)" ]
}

# programs_by INTERFACE INDEX SHOWN: what takes frames from it beside the kernel's own protocols. Who
# only listens to LLDP (0x88cc), as systemd-networkd does on each interface, does not count.
programs_by() {
	local protocol index inode device sockets='' users
	if [[ $3 =~ prog/xdp\ id\ ([0-9]+) ]]; then
		echo "XDP program, id ${BASH_REMATCH[1]}"
	elif [[ $3 =~ \ xdp(generic|offload|multi)?[\ /] ]]; then
		echo "XDP program"
	fi
	while read -r _ _ _ protocol index _ _ _ inode; do
		if [ "$index" = "$2" ] && [ "${protocol,,}" != 88cc ]; then sockets+="socket:\\[$inode\\]"$'\n'; fi
	done < <(cat "$root/proc/net/packet" 2>/dev/null)
	if [ -n "$sockets" ]; then
		users=$(printf '%s' "$sockets" | openers)
		echo "packet socket${users:+ of $users}"
	fi
	while read -r _ _ device; do
		[ "$device" != "$1" ] || { echo "carries PPPoE" && break; }
	done < <(cat "$root/proc/net/pppoe" 2>/dev/null)
}

# busy BDF: why the kernel's driver is not to be taken away, one reason a line
busy() {
	local interface upper folder nb_vfs inside shown
	for folder in "$pci/devices/$1"/net "$pci/devices/$1"/virtio*/net; do
		inside=("$folder"/*)
		if [ -d "$folder" ] && [ ! -e "${inside[0]}" ]; then
			echo "interface in another network namespace"
		fi
	done
	while read -r interface; do
		read_routes
		shown=$(ip -o link show dev "$interface" 2>/dev/null)
		if [ $routes_known != yes ]; then
			echo "unknown: ip (iproute2) is missing or fails"
		elif ! is_ours "$interface" "$shown"; then
			echo "unknown: the interface is of another network namespace"
		else
			programs_by "$interface" "${shown%%:*}" "$shown"
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
