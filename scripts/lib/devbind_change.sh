# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by plx-devbind: a device from one driver to another, and the record of what it had before.
# shellcheck disable=SC2154

# ---- the record of what was there ----

# record BDF DRIVER OVERRIDE: before the first change; later ones leave it alone
record() {
	local bdf=$1 driver=$2 override=$3
	[ -z "$(recorded "$bdf")" ] || return 0
	if ! { mkdir -p "$records" &&
		printf '%s %s%s\n' "${driver:-none}" "$(attribute "$bdf" vendor):$(attribute "$bdf" device)" "${override:+ $override}" \
			>"$records/.$bdf" && mv "$records/.$bdf" "$records/$bdf"; } 2>/dev/null; then
		warn "$records can't be written: --restore will take the kernel's choice for $bdf"
		forget ".$bdf"
	fi
}

# forget BDF: its record, and the folder with the last one
forget() {
	rm -f "$records/$1" 2>/dev/null
	rmdir "$records" "${records%/*}" 2>/dev/null
}

# recorded BDF [override]: the driver, "none", or nothing; or the override. Not that of another card
# in the same slot.
recorded() {
	local driver id override vendor='' device=''
	read -r driver id override 2>/dev/null <"$records/$1" || return 0
	read -r vendor 2>/dev/null <"$pci/devices/$1/vendor"
	read -r device 2>/dev/null <"$pci/devices/$1/device"
	[ "$id" = "$vendor:$device" ] || return 0
	if [ $# -gt 1 ]; then printf '%s\n' "$override"; else printf '%s\n' "$driver"; fi
}

# override_of BDF: its driver_override, or nothing
override_of() {
	local override=''
	read -r override 2>/dev/null <"$pci/devices/$1/driver_override"
	[ "$override" = "(null)" ] || printf '%s\n' "$override"
}

# conclude BDF: the override of a device that is where it was to go: that which it had at first when it
# is restored, else none; and its record, which goes when the device is given back. That of a device which
# began with a user-space driver stays: nothing else knows it.
conclude() {
	local bdf=$1 was override=''
	was=$(recorded "$bdf")
	if [ "$action" = restore ]; then override=$(recorded "$bdf" override); fi
	[ "$override" = "$(override_of "$bdf")" ] || put "$pci/devices/$bdf/driver_override" "$override" ||
		warn "$bdf: driver_override: $said"
	case $action:$target in
	bind:kernel) ;;
	"bind:$was" | restore:*) ! is_user_driver "$was" || return 0 ;;
	*) return 0 ;;
	esac
	forget "$bdf"
}

# ---- the change ----

# put FILE VALUE: $said is what the kernel had against it. The kernel keeps whoever unbinds waiting
# while a process holds the device, so there is an end to it.
put() {
	local status='' line fd pid
	said=
	exec {fd}< <(
		trap '' INT TERM HUP
		{ printf '%s\n' "$2" >"$1"; } 2>&1
		echo "status $?"
	)
	pid=$!
	while IFS= read -r -t "$wait_seconds" -u "$fd" line; do
		case $line in
		"status "*) status=${line#status } ;;
		*) said=${line##*: } ;;
		esac
	done
	exec {fd}<&-
	if [ -z "$status" ]; then
		kill -KILL "$pid" 2>/dev/null
		said="the kernel has not done it within $wait_seconds s"
		return 1
	fi
	return "$status"
}

# until_there BDF GOAL: drivers come with the write, as a rule; a module may take a moment more. What
# the kernel has chosen stays.
until_there() {
	local tries
	for ((tries = wait_seconds * 5; tries > 0; tries--)); do
		is_there "$@" && return
		if [ "$2" = kernel ] && is_user_driver "$(driver_of "$1")"; then return 1; fi
		sleep 0.05
	done
	is_there "$@"
}

# A process that was killed may have left the device in any state, and with its locks held: drivers of
# the kernel expect it as after power-on. vfio-pci resets a device itself. Not all can be reset.
reset_device() {
	local file=$pci/devices/$1/reset
	[ ! -e "$file" ] || put "$file" 1 || warn "$1: not reset: $said"
}

# take BDF GOAL: the device from whatever driver it has to the goal; $said is the reason if not.
# An override makes any driver take any device, so it is for user-space drivers, and for the one
# that the device is known to work with; others have to know the device themselves.
take() {
	local bdf=$1 goal=$2 override='' driver file=$pci/drivers_probe
	driver=$(driver_of "$bdf")
	if is_user_driver "$goal" || [ "$goal" = "$(recorded "$bdf")" ]; then
		override=$goal
	elif [ "$goal" != kernel ]; then
		file=$pci/drivers/$goal/bind
	fi
	put "$pci/devices/$bdf/driver_override" "$override" || return 1
	if [ -n "$driver" ]; then
		put "$pci/drivers/$driver/unbind" "$bdf" || return 1
		until_there "$bdf" none || { said="$driver does not let go of it" && return 1; }
	fi
	if is_uio_driver "$driver" && ! is_user_driver "$goal"; then reset_device "$bdf"; fi
	[ "$goal" != none ] || return 0
	put "$file" "$bdf" || return 1
	until_there "$bdf" "$goal" || {
		said="the driver did not take it (dmesg may tell why)"
		if [ "$goal" = kernel ]; then
			driver=$(driver_of "$bdf")
			said="the kernel has no driver for it"
			[ -z "$driver" ] ||
				said="the kernel chooses $driver for it (see its option ids); want --bind DRIVER"
		fi
		return 1
	}
}

# The driver stays when the override is gone, and other tools find the device as usual.
move() {
	local bdf=$1 goal=$2 old why had after known
	old=$(driver_of "$bdf")
	known=$(recorded "$bdf")
	had=$(override_of "$bdf")
	record "$bdf" "$old" "$had"
	if take "$bdf" "$goal"; then
		conclude "$bdf"
		return 0
	fi
	why=$said
	if is_there "$bdf" "${old:-none}" || take "$bdf" "${old:-none}"; then
		after="it has ${old:-no driver} as before"
		[ -n "$known" ] || forget "$bdf"
	else
		after="and ${old:-its state} is not back: $said; try plx-devbind --restore $bdf"
	fi
	put "$pci/devices/$bdf/driver_override" "$had"
	complain "$bdf: not bound to $goal: $why; $after"
	return 1
}
