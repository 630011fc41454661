#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-devbind: which driver each network card has, and cards handed to a user-space driver and back
# by driver_override. Bash, sysfs and ip; modprobe where a module is to be loaded.
#
# All devices of a request are looked at, and may be refused, before the first of them is touched.
# A device that does not get its new driver gets the old one back. What it had at first is kept in
# /run until it is given back. Each wait for the kernel has an end.

set -u

usage() {
	cat <<'END'
usage: plx-devbind [-s]
       plx-devbind -b DRIVER [--force] [--noiommu-mode] [--user NAME] DEVICE...
       plx-devbind -u | --restore [--force] DEVICE...
       plx-devbind --user NAME DEVICE...

A DEVICE is a PCI address with or without its domain (0000:01:00.0, 01:00.0), a pattern of such
('01:00.*': its network functions), or an interface (eth1). For -u and --restore "dpdk" is every
network function that a user-space driver has.

  -s, --status        show the network functions; after a change, how it came out. The default
      --status-dev net  the same
  -b, --bind DRIVER   give the devices to a driver: vfio-pci (or vfio), uio_pci_generic (or uio),
                      kernel: the one that the kernel has for it; a driver by its name; none: as -u
  -u, --unbind        take the driver away, and leave the devices without one
      --restore       back to what was there before the first -b or -u, and where that is not
                      known, to the driver that the kernel has for it
      --user NAME     hand the IOMMU group to an ordinary user (or uid), and say which limit that
                      user needs
      --noiommu-mode  vfio-pci without an IOMMU: the card may write to all memory; root only
      --force         also devices in use: an interface with a route, an address, others on top, a
                      packet socket or an XDP program, a function with virtual functions, a
                      device that is no network card
  -h, --help          this text

Addresses, routes and the link state of an interface go with its driver, and are not put back.

Environment: PLX_SYSROOT, a folder to look for /sys, /proc, /dev and /run in (for tests);
PLX_DEVBIND_WAIT, the seconds that the kernel may take over one device (20).

Exit status: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted between two devices.
END
}

say() {
	printf 'plx-devbind: %s\n' "$*"
}

complain() {
	printf 'plx-devbind: error: %s\n' "$*" >&2
}

warn() {
	printf 'plx-devbind: warning: %s\n' "$*" >&2
}

fail() {
	local status=$1
	shift
	complain "$*"
	exit "$status"
}

here=$(readlink -f "${BASH_SOURCE[0]}")
here=${here%/*}
lib=$here/lib
[ -e "$lib/pci.sh" ] || lib=$here/../share/pollux
# shellcheck source-path=SCRIPTDIR source=lib/pci.sh
. "$lib/pci.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/pci_use.sh
. "$lib/pci_use.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/devbind_change.sh
. "$lib/devbind_change.sh" || exit 1

wait_seconds=${PLX_DEVBIND_WAIT:-20}
case $wait_seconds in
'' | *[!0-9]* | 0*) fail 2 "PLX_DEVBIND_WAIT=$wait_seconds: want seconds, 1 or more" ;;
esac
readonly wait_seconds records=$root/run/pollux/devbind

# ---- arguments ----

target='' action='' want_status=0 force=0 noiommu=0 user='' arguments=()

set_action() {
	[ -z "$action" ] || fail 2 "want one of --bind, --unbind and --restore"
	action=$1
}

while [ $# -gt 0 ]; do
	case $1 in
	-b | --bind | --user | --status-dev)
		[ $# -ge 2 ] || fail 2 "$1: want a value"
		set -- "$1=$2" "${@:3}"
		continue
		;;
	-b=* | --bind=*)
		set_action bind
		target=${1#*=}
		;;
	--user=*)
		user=${1#*=}
		[ -n "$user" ] || fail 2 "--user: want the name of a user"
		;;
	--status-dev=net | -s | --status) want_status=1 ;;
	--status-dev=*) fail 2 "$1: only network functions are shown here: --status-dev net" ;;
	-u | --unbind) set_action unbind ;;
	--restore) set_action restore ;;
	--force) force=1 ;;
	--noiommu-mode) noiommu=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	--)
		shift
		arguments+=("$@")
		break
		;;
	-*) fail 2 "$1: unknown option; see plx-devbind --help" ;;
	*) arguments+=("$1") ;;
	esac
	shift
done

case $target in
vfio | vfio_pci) target="vfio-pci" ;;
uio) target=uio_pci_generic ;;
none | None) action=unbind ;;
*[!A-Za-z0-9_.+-]*)
	[[ $target != *:*.* ]] ||
		fail 2 "--bind $target: that is a device; want a driver first: --bind vfio-pci $target"
	fail 2 "--bind $target: that is not the name of a driver"
	;;
esac
[ "$action" != bind ] || [ -n "$target" ] || fail 2 "--bind: want a driver, say vfio-pci"
if [ -n "$user" ] && [ -n "$action" ] && ! is_vfio_driver "$target"; then
	fail 2 "--user goes with vfio-pci: only there an IOMMU guards what an ordinary user's card does"
fi
if [ $noiommu -eq 1 ]; then
	[ "$target" = vfio-pci ] || fail 2 "--noiommu-mode goes with --bind vfio-pci"
	[ -z "$user" ] || fail 2 "--noiommu-mode is for root: it does not go with --user"
fi
if [ -z "$action$user" ]; then
	[ ${#arguments[@]} -eq 0 ] ||
		fail 2 "${arguments[0]}: what about it? want --bind DRIVER, --unbind, --restore or --user NAME"
	want_status=1
elif [ ${#arguments[@]} -eq 0 ]; then
	fail 2 "want devices: PCI addresses or interfaces, see plx-devbind --status"
fi
[ -d "$pci/devices" ] || fail 1 "$pci/devices is not there: no PCI bus, or no sysfs"

# ---- status ----

status_line() {
	local bdf=$1 driver=$2 group interface node spoilers='' why='' line
	group=$(group_of "$bdf")
	if is_noiommu "$bdf"; then group=noiommu-$(raw_group_of "$bdf"); fi
	node=$(attribute "$bdf" numa_node)
	interface=$(interfaces_of "$bdf" | tr '\n' ',')
	line="$bdf '$(name_of "$bdf")'"
	[ -z "$interface" ] || line+=" if=${interface%,}"
	[ -z "$driver" ] || line+=" drv=$driver"
	line+=" unused=$(unused_drivers "$bdf" "$driver") group=${group:--} numa_node=${node:--}"
	if is_user_driver "$driver"; then
		why=$(holders_of "$bdf")
		! is_vfio_driver "$driver" || spoilers=$(spoilers_of "$group")
		[ -z "$spoilers" ] || line+=" spoiled by $spoilers"
	elif [ -n "$driver" ]; then
		why=$(busy "$bdf" | joined)
	fi
	printf '%s%s\n' "$line" "${why:+ *Active* ($why)}"
}

# An empty line is between sections, and between the first one and what was said of a change.
section() {
	local title=$1
	shift
	[ $# -gt 0 ] || return 0
	printf '%s%s\n%s\n' "$above" "$title" "${title//?/=}"
	printf '%s\n' "$@"
	above=$'\n'
}

show_status() {
	local path bdf driver above='' by_user=() by_kernel=() by_none=()
	[ -z "$action$user" ] || above=$'\n'
	read_names
	for path in "$pci"/devices/*; do
		bdf=${path##*/}
		is_network "$bdf" || continue
		driver=$(driver_of "$bdf")
		if [ -z "$driver" ]; then
			by_none+=("$(status_line "$bdf" "")")
		elif is_user_driver "$driver"; then
			by_user+=("$(status_line "$bdf" "$driver")")
		else
			by_kernel+=("$(status_line "$bdf" "$driver")")
		fi
	done
	section "Network devices with a user-space driver" ${by_user[@]+"${by_user[@]}"}
	section "Network devices with a driver of the kernel" ${by_kernel[@]+"${by_kernel[@]}"}
	section "Network devices without a driver" ${by_none[@]+"${by_none[@]}"}
	[ $((${#by_user[@]} + ${#by_kernel[@]} + ${#by_none[@]})) -gt 0 ] ||
		printf '%sNo network devices on the PCI bus\n' "$above"
}

# ---- which devices ----

devices=()

add_device() {
	local known
	for known in ${devices[@]+"${devices[@]}"}; do
		[ "$known" != "$1" ] || return 0
	done
	devices+=("$1")
}

# fits BDF ARGUMENT: a pattern that it matches, its interface, or "dpdk" for whatever has no driver
# of the kernel
fits() {
	local bdf=$1 argument=$2
	case $argument in
	*[*?[]*)
		# shellcheck disable=SC2053
		[[ $bdf == $argument || $bdf == 0000:$argument ]]
		;;
	dpdk) [ "$action" != bind ] && is_user_driver "$(driver_of "$bdf")" ;;
	*) interfaces_of "$bdf" | grep -qxF -- "$argument" ;;
	esac
}

# add_devices ARGUMENT: puts what it names into devices
add_devices() {
	local argument=$1 path bdf found=0
	for bdf in "${argument,,}" "0000:${argument,,}"; do
		if [[ $bdf =~ ^[0-9a-f:]+\.[0-7]$ && -d $pci/devices/$bdf ]]; then
			add_device "$bdf"
			return
		fi
	done
	for path in "$pci"/devices/*; do
		bdf=${path##*/}
		if is_network "$bdf" && fits "$bdf" "$argument"; then
			add_device "$bdf" && found=1
		fi
	done
	[ $found -eq 1 ] || [ "$argument" = dpdk ] || fail 1 "$argument: no such device; see plx-devbind --status"
}

# goal_of BDF: the driver that the request means for it: a name, "none", or "kernel": its choice
goal_of() {
	local was
	case $action:$target in
	unbind:*) echo none ;;
	bind:kernel)
		was=$(recorded "$1")
		if [ "$was" = none ] || is_user_driver "$was"; then was=; fi
		echo "${was:-kernel}"
		;;
	bind:*) echo "$target" ;;
	restore:*)
		was=$(recorded "$1")
		echo "${was:-kernel}"
		;;
	esac
}

# ---- may it be? ----

# refusal BDF GOAL: why not, or nothing
refusal() {
	local bdf=$1 goal=$2 driver why vf nb_vfs
	driver=$(driver_of "$bdf")
	if [[ $(attribute "$bdf" class) == 0x06* ]]; then
		echo "a bridge: other devices are behind it"
		return
	fi
	# The kernel would wait for who has one, the function half gone.
	for vf in "$pci/devices/$bdf"/virtfn*; do
		[ -e "$vf" ] || continue
		vf=$(readlink -f "$vf")
		why=$(holders_of "${vf##*/}")
		[ -z "$why" ] || { echo "its virtual function ${vf##*/} is in use ($why): end that first" && return; }
	done
	# Kernels refuse a driver in a group that a process has, or stop with a BUG when it does come.
	if is_user_driver "$driver" || { [ "$goal" != none ] && ! is_vfio_driver "$goal"; }; then
		why=$(holders_of "$bdf")
		if [ -n "$why" ]; then
			is_user_driver "$driver" || echo -n "its IOMMU group $(group_of "$bdf") is "
			echo "in use ($why): end that first"
			return
		fi
	fi
	if is_user_driver "$driver"; then
		nb_vfs=$(attribute "$bdf" sriov_numvfs)
		if [ "${nb_vfs:-0}" != 0 ] && [ $force -eq 0 ]; then
			echo "has $nb_vfs virtual functions: --force takes it away"
			return
		fi
	elif [ $force -eq 0 ] && [ -n "$driver" ]; then
		if ! is_network "$bdf"; then
			echo "no network card, and $driver has it: --force takes it away"
			return
		fi
		why=$(busy "$bdf" | joined)
		if [ -n "$why" ]; then
			echo "in use ($(interfaces_of "$bdf" | joined): $why): --force takes it away"
			return
		fi
	fi
	if is_vfio_driver "$goal" && [ -z "$(group_of "$bdf")" ] && [ $noiommu -eq 0 ] &&
		{ [ "$action" != restore ] || ! noiommu_is_on; }; then
		echo "it has no IOMMU group: turn the IOMMU on (in the firmware; intel_iommu=on on the" \
			"kernel's command line; see plx-doctor), or, without its protection, --noiommu-mode"
	fi
}

# is_there BDF GOAL: nothing is to be done
is_there() {
	local driver
	driver=$(driver_of "$1")
	case $2 in
	none) [ -z "$driver" ] ;;
	kernel) [ -n "$driver" ] && ! is_user_driver "$driver" ;;
	*) [ "$driver" = "$2" ] ;;
	esac
}

# ---- modules ----

load_driver() {
	local driver=$1 out
	out=$(no_driver "$driver")
	[ -z "$out" ] || fail 1 "$out"
	if [ ! -d "$pci/drivers/$driver" ]; then
		out=$(modprobe "$driver" 2>&1) ||
			fail 1 "the module $driver can't be loaded: ${out%%$'\n'*}"
		[ -d "$pci/drivers/$driver" ] ||
			fail 1 "the module $driver is loaded, but there is no PCI driver of that name"
	fi
	# The part of VFIO that speaks to the IOMMU; where it is missing, iommufd does.
	if is_vfio_driver "$driver" && [ ! -d "$root/sys/module/vfio_iommu_type1" ]; then
		modprobe -q vfio_iommu_type1 2>/dev/null
	fi
}

noiommu_is_on() {
	local value=''
	read -r value 2>/dev/null <"$root$noiommu_switch"
	[ "$value" = Y ]
}

allow_noiommu() {
	local switch=$root$noiommu_switch
	[ -e "$switch" ] ||
		fail 1 "this kernel's vfio has no no-IOMMU mode; uio_pci_generic may do: --bind uio_pci_generic"
	noiommu_is_on || put "$switch" 1 || fail 1 "$switch: $said"
	warn "no-IOMMU mode is on: a card of vfio-pci may now read and write all memory"
}

settle() {
	[ ! -S "$root/run/udev/control" ] || udevadm settle --timeout=5 2>/dev/null
}

tell_result() {
	local bdf=$1 driver interface tries
	driver=$(driver_of "$bdf")
	if [ -n "$driver" ] && ! is_user_driver "$driver"; then
		for ((tries = 20; tries > 0; tries--)); do
			interface=$(interfaces_of "$bdf" | joined)
			if [ -n "$interface" ] || ! is_network "$bdf"; then break; fi
			sleep 0.05
		done
	fi
	say "$bdf: ${driver:-no driver}${interface:+, interface $interface}"
}

# ---- an ordinary user's group ----

# refuse_unguarded: such a group makes its owner the owner of all memory
refuse_unguarded() {
	local bdf
	for bdf in "${devices[@]}"; do
		! is_noiommu "$bdf" ||
			fail 1 "$bdf: --user: it is in vfio's no-IOMMU mode, its DMA is unprotected: only for root"
	done
}

# company_of BDF: the functions of its group that go with it, beside those of the request
company_of() {
	local path other list=''
	for path in "$root/sys/kernel/iommu_groups/$(group_of "$1")"/devices/*; do
		other=${path##*/}
		if [[ " ${devices[*]} " != *" $other "* ]] && is_vfio_driver "$(driver_of "$other")"; then
			list+="${list:+, }$other"
		fi
	done
	printf '%s\n' "$list"
}

hand_over() {
	local bdf=$1 uid=$2 node group company nodes=() vfio=$root/dev/vfio/vfio
	group=$(group_of "$bdf")
	if ! is_vfio_driver "$(driver_of "$bdf")" || [ -z "$group" ]; then
		complain "$bdf: --user: only a device of vfio-pci behind an IOMMU can be handed over"
		return 1
	fi
	while read -r node; do
		case $node in
		/dev/vfio/*) [ ! -e "$root$node" ] || nodes+=("$root$node") ;;
		esac
	done < <(nodes_of "$bdf")
	[ ${#nodes[@]} -gt 0 ] || {
		complain "$bdf: there is no /dev/vfio/$group: does this container have a /dev of its own?"
		return 1
	}
	if ! chown "$uid" "${nodes[@]}" || ! chmod u+rw "${nodes[@]}"; then
		complain "$bdf: can't hand over ${nodes[*]}"
		return 1
	fi
	company=$(company_of "$bdf")
	company=${company:+, and with it $company of the same group}
	say "$bdf: ${nodes[*]#"$root"} is $user's, until vfio-pci is left$company"
	case $(stat -c %a "$vfio" 2>/dev/null) in
	*[67]) ;;
	*) warn "$user can't open /dev/vfio/vfio: chmod 0666 /dev/vfio/vfio" ;;
	esac
}

tell_limit() {
	cat <<END
plx-devbind: what the card sees is locked memory: $user needs a limit (MEMLOCK) for it. As root:
  echo '$user - memlock unlimited' >/etc/security/limits.d/pollux-$user.conf
and a new login; in a service of systemd: LimitMEMLOCK=infinity. ulimit -l shows the limit.
END
}

# ---- the request ----

check_rights() {
	if [ $EUID -ne 0 ] && [ -z "$root" ]; then
		fail 1 "only root may do that: sudo plx-devbind ..."
	fi
	[ -w "$pci/drivers_probe" ] ||
		fail 1 "$pci/drivers_probe can't be written: sysfs is read-only (a container?)"
}

# Two at once would take each other's half-way states for the old ones. The file is one that only
# root opens, and that all containers share.
lock() {
	local fd
	{ exec {fd}>"$pci/drivers_probe"; } 2>/dev/null || return 0
	! command -v flock >/dev/null || flock -w "$wait_seconds" "$fd" ||
		fail 1 "another plx-devbind is at work, and not ready within $wait_seconds s"
}

change_all() {
	local bdf why refused=0 goal interrupted=0
	declare -A goals=() drivers=()
	if [ "$action" = bind ] && [ "$target" != kernel ]; then
		why=$(no_driver "$target")
		[ -z "$why" ] || { complain "$why" && refused=1; }
	fi
	for bdf in "${devices[@]}"; do
		goal=$(goal_of "$bdf")
		if is_there "$bdf" "$goal"; then
			why=$(driver_of "$bdf")
			say "$bdf: nothing to do, it has ${why:-no driver}"
			continue
		fi
		why=$(refusal "$bdf" "$goal")
		if [ -n "$why" ]; then
			complain "$bdf: $why"
			refused=1
		fi
		goals[$bdf]=$goal
	done
	if [ $refused -ne 0 ]; then
		[ ${#devices[@]} -eq 1 ] || complain "nothing is changed"
		exit 1
	fi
	for bdf in "${devices[@]}"; do
		[ "$action" != restore ] || [ -n "${goals[$bdf]:-}" ] || conclude "$bdf"
	done
	[ ${#goals[@]} -gt 0 ] || return 0
	for goal in "${goals[@]}"; do
		case $goal in
		none | kernel) ;;
		*) drivers[$goal]=yes ;;
		esac
	done
	for goal in "${!drivers[@]}"; do
		load_driver "$goal"
	done
	for bdf in "${!goals[@]}"; do
		if [ $noiommu -eq 1 ] && [ -z "$(group_of "$bdf")" ]; then
			allow_noiommu
			break
		fi
	done
	trap 'interrupted=1' INT TERM HUP
	for bdf in "${devices[@]}"; do
		[ $interrupted -eq 0 ] || fail 130 "interrupted: $bdf and what follows is as it was"
		goal=${goals[$bdf]:-}
		[ -n "$goal" ] || continue
		if [ "$goal" = kernel ]; then
			modprobe -q "$(attribute "$bdf" modalias)" 2>/dev/null
		fi
		if move "$bdf" "$goal"; then
			settle
			tell_result "$bdf"
		else
			status=1
		fi
	done
	trap - INT TERM HUP
}

# Said once a group, when all of the request is done: a card of two ports takes two devices.
tell_spoilers() {
	local bdf group spoilers told=' '
	for bdf in "${devices[@]}"; do
		is_vfio_driver "$(driver_of "$bdf")" || continue
		group=$(group_of "$bdf")
		spoilers=$(spoilers_of "$group")
		if [ -n "$spoilers" ] && [[ $told != *" $group "* ]]; then
			warn "IOMMU group $group can't be used: it also has $spoilers;" \
				"bind that to vfio-pci too, or unbind it"
			told+="$group "
		fi
	done
}

status=0 said=
if [ -n "$action$user" ]; then
	for argument in "${arguments[@]}"; do
		add_devices "$argument"
	done
	uid=
	if [ -n "$user" ]; then
		uid=$(id -u -- "$user" 2>/dev/null) || fail 1 "--user $user: there is no such user"
		user=$(id -un -- "$user")
		refuse_unguarded
	fi
	check_rights
	lock
	if [ ${#devices[@]} -gt 0 ]; then
		[ -z "$action" ] || change_all
		tell_spoilers
		if [ -n "$user" ] && [ $status -eq 0 ]; then
			for device in "${devices[@]}"; do
				hand_over "$device" "$uid" || status=1
			done
			[ $status -ne 0 ] || tell_limit
		fi
	else
		say "no network function has a user-space driver"
	fi
fi
[ $want_status -eq 0 ] || show_status
exit $status
