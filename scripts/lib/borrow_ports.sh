# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by silicon.sh and paper.sh: ports from one driver to another, and back to what they were: driver,
# name, MTU and state of the interface, owner of the VFIO group. What the suite sets at an interface of
# the kernel (rings, queues, offloads) goes when the driver takes the port anew.
# Wants pci.sh, devbind (its command), ports, scratch and the functions complain and fail.
# shellcheck disable=SC2154

readonly near_ip=198.18.0.1 # what an interface may have for the time of a test
declare -A had had_interface had_mtu is_had_up had_owner

# check_ports PREFIX: ports[] are cards of the family, each once; afterwards in the form of sysfs
check_ports() {
	local i bdf
	for i in "${!ports[@]}"; do
		bdf=${ports[i],,}
		[[ $bdf =~ ^[0-9a-f]{4,8}: ]] || bdf=0000:$bdf
		[[ $bdf =~ ^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$ ]] ||
			fail 2 "${1}${ports[i]}: want a PCI address, as in 0000:01:00.0"
		[[ " ${ports[*]:0:i} " != *" $bdf "* ]] || fail 2 "${1}$bdf: twice; want ports that differ"
		ports[i]=$bdf
		[ -d "$pci/devices/$bdf" ] || fail 1 "$bdf: there is no such device; see scripts/devbind.sh --status"
		[ -n "$(part_of "$bdf")" ] || fail 1 "$bdf: no card of the igb family: $(name_of "$bdf")"
	done
}

# within SECONDS COMMAND...
within() {
	local end=$((SECONDS + $1))
	while ! "${@:2}"; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.2
	done
}

interface_of() {
	interfaces_of "$1" | head -n 1
}

interface_exists() {
	[ -n "$(interface_of "$1")" ]
}

is_up() {
	(($(cat "/sys/class/net/$1/flags" 2>/dev/null || echo 0) & 1))
}

# remember BDF: before anything is changed
remember() {
	local bdf=$1 interface
	had[$bdf]=$(driver_of "$bdf")
	had_interface[$bdf]='' had_owner[$bdf]=''
	interface=$(interface_of "$bdf")
	if [ -n "$interface" ]; then
		had_interface[$bdf]=$interface
		had_mtu[$bdf]=$(cat "/sys/class/net/$interface/mtu")
		is_had_up[$bdf]=down
		! is_up "$interface" || is_had_up[$bdf]=up
	elif is_vfio_driver "${had[$bdf]}"; then
		had_owner[$bdf]=$(stat -c %u "/dev/vfio/$(raw_group_of "$bdf")" 2>/dev/null)
	fi
}

# give BDF DRIVER: "none" for none; tries again while a process that has just died lets go
give() {
	local bdf=$1 driver=${2:-none} tries out=''
	! is_user_driver "$driver" || [ "$(driver_of "$bdf")" != "$driver" ] || return 0
	is_user_driver "$driver" || [ "$driver" = none ] || driver=kernel
	for ((tries = 40; tries > 0; tries--)); do
		out=$("${devbind[@]}" --bind "$driver" "$bdf" 2>&1) && return 0
		[[ $out == *"end that first"* || $out == *"interrupted"* ]] || break
		sleep 0.5
	done
	printf '%s\n' "$out"
	return 1
}

# to_kernel BDF: the kernel's igb gets the port; its interface is in $interface
to_kernel() {
	give "$1" igb || return 1
	within 10 interface_exists "$1" || { echo "no interface of $1" && return 1; }
	interface=$(interface_of "$1")
	: >"$scratch/used.$1"
}

# plug BDF: a suite that was killed may have left it unplugged
plug() {
	[ -e "$pci/devices/$1" ] || {
		echo 1 >"$pci/rescan"
		within 10 test -e "$pci/devices/$1"
	}
}

restore_interface() {
	local bdf=$1 name=${had_interface[$1]} now
	within 10 interface_exists "$bdf" || return 1
	now=$(interface_of "$bdf")
	[ "$now" = "$name" ] || ip link set dev "$now" name "$name" || name=$now
	ip link set dev "$name" mtu "${had_mtu[$bdf]}" && ip link set dev "$name" "${is_had_up[$bdf]}"
}

give_back_port() {
	local bdf=$1 driver=${had[$1]} interface
	plug "$bdf" || { echo "$bdf is not on the bus any more" && return 1; }
	# The cable test's own address, had it been killed; a port with one counts as in use.
	for interface in $(interfaces_of "$bdf"); do
		ip address del $near_ip/24 dev "$interface" 2>/dev/null
	done
	if [ -e "$scratch/used.$bdf" ] && [ "$(driver_of "$bdf")" = "$driver" ]; then
		give "$bdf" none || return 1
	fi
	[ "$(driver_of "$bdf")" = "$driver" ] || give "$bdf" "$driver" || return 1
	if [ -n "${had_interface[$bdf]}" ]; then
		restore_interface "$bdf" || return 1
	elif [ "${had_owner[$bdf]:-0}" != 0 ]; then
		"${devbind[@]}" --user "${had_owner[$bdf]}" "$bdf" >/dev/null || return 1
	fi
}

give_back() {
	local bdf status=0
	for bdf in "${ports[@]}"; do
		if give_back_port "$bdf"; then
			echo "$bdf: ${had[$bdf]:-no driver}, as before"
		else
			complain "$bdf is not as before, it had ${had[$bdf]:-no driver}: scripts/devbind.sh --status"
			status=1
		fi
	done
	return $status
}

# ---- until the script ends, by whatever means ----

# What uses the ports writes its pid into $scratch/child, and ends at SIGTERM.
end_user() {
	local tries
	kill -TERM "$1" 2>/dev/null
	for ((tries = 700; tries > 0; tries--)); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null
}

# shellcheck disable=SC2317
finish() {
	local status=$?
	trap - EXIT
	trap '' INT TERM HUP
	[ -z "$child" ] || end_user "$child"
	exec {alive}>&-
	wait "$helper" || status=1
	exit "$status"
}

# borrow_ports: remembers ports. The end of a pipe is the end of the script: a helper then ends who uses
# them, and gives them back. Children must not have the pipe: {alive}>&-
borrow_ports() {
	local bdf
	for bdf in "${ports[@]}"; do remember "$bdf"; done
	exec {alive}> >(
		trap '' INT TERM HUP
		cat >/dev/null
		if read -r child 2>/dev/null <"$scratch/child"; then end_user "$child"; fi
		give_back
		rm -rf "$scratch"
	)
	helper=$!
	child=
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}
