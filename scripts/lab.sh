#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs a command in a virtual machine with emulated igb ports and this machine's file system: see
# doc/lab.md. Nothing is kept on disk or mounted for a run: processes talk by pipes without a name,
# and QEMU and its helpers die with this script, however it dies.
# shellcheck disable=SC2154,SC2317

set -u

usage() {
	cat <<'USAGE'
usage: scripts/lab.sh run [OPTION...] -- COMMAND [ARGUMENT...]

Boots a virtual machine with four igb ports and the files of this one, read-only under an overlay
in memory; runs COMMAND in it as root in this folder, with its output and status; powers off.

The machine:
  --cpus N               CPUs; 2
  --memory SIZE          512M, 4G, ...; 2G, or what the hugepages want
  --hugepages N[:2M|1G]  hugepages, all of one size; 256 of 2M
  --no-iommu             without an IOMMU, so without VFIO
  --accel auto|kvm|tcg   auto tries once after a boot of the host whether KVM works
  --kernel VERSION       stable, backports, or a release or its beginning, as in 6.1; stable
  --append ARGUMENTS     more arguments for the kernel

Its ports:
  --ports N              1 to 8 of them; 4
  --bind PORTS=DRIVER    vfio, uio or kernel, as in '0,1=vfio;2,3=kernel' or all=uio; all=vfio
                         (with --no-iommu all=uio), but all=kernel where COMMAND is ip, ethtool or
                         another that knows no others
  --vf N                 VFs on each port of the kernel, bound to vfio-pci; then all=kernel
  --cable A:B[,C:D...]   which ports are connected, or none; 0:1,2:3,4:5,6:7
  --wire N=unix:PATH     port N is a datagram socket at PATH; its frames go to PATH.peer
  --wire N=tap:NAME      port N is a tap interface of this machine; wants root
  --dump N=FILE          all frames of port N into a pcap file

The run:
  --timeout S            seconds until the lab is ended, 0 for no limit; 600, with --keep 0
  --share DIR            a folder that is writable, for results
  --env NAME[=VALUE]     a variable for COMMAND; as this shell has it, or VALUE
  --keep                 a shell in the lab, after COMMAND if there is one
  --monitor PATH         QEMU's control socket (QMP)
  --gdb PATH             a socket for gdb: the guest's kernel
  --console FILE         the kernel's console into a file

--bind, --wire, --dump and --env can be given several times.

Exit status: COMMAND's; 1 the lab can't start, 2 wrong usage, 124 it hung or crashed: its console is
shown, 130 interrupted.
USAGE
}

say() {
	printf 'lab: %s\n' "$*" >&2
}

fail() {
	local status=$1
	shift
	printf 'lab: error: %s\n' "$*" >&2
	exit "$status"
}

lib=$(cd "$(dirname "${BASH_SOURCE[0]}")/lib" && pwd) || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/lab_options.sh
. "$lib/lab_options.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_cache.sh
. "$lib/lab_cache.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_initramfs.sh
. "$lib/lab_initramfs.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_qemu.sh
. "$lib/lab_qemu.sh"

case ${1:-} in
run) shift ;;
-h | --help)
	usage
	exit 0
	;;
*) fail 2 "want scripts/lab.sh run [OPTION...] -- COMMAND, see --help" ;;
esac
read_options "$@"

# ---- what it takes ----

readonly mend="run scripts/setup.sh --lab"
for program in qemu-system-x86_64 busybox modprobe xz setpriv flock; do
	PATH=$PATH:/usr/sbin:/sbin type -P $program >/dev/null || fail 1 "$program is missing: $mend"
done
qemu_version=$(qemu-system-x86_64 --version | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
[ "${qemu_version%%.*}" -ge 8 ] 2>/dev/null ||
	fail 1 "QEMU ${qemu_version:-of no known version} has no igb, 8 or later has: $mend"
kernel=$(lab_kernel "$opt_kernel") || {
	kernels=$(lab_kernels)
	fail 1 "the lab has no kernel $opt_kernel${kernels:+, only $kernels}: $mend"
}
cache=$(lab_own_cache)
initramfs=$(lab_initramfs "$kernel" "$cache") || fail 1 "can't make the initramfs in $cache"
# Held open: another version of these scripts may remove it.
exec {initramfs_fd}<"$initramfs" || exit 1

# ---- pipes, and processes that die with this one ----

# bound COMMAND...: becomes it. Where this script is dead before setpriv, the parent is another.
# shellcheck disable=SC2016
bound() {
	exec setpriv --pdeathsig KILL sh -c '[ "$PPID" = "$0" ] || exit 1; exec "$@"' $$ "$@"
}

# open_pipe READ WRITE: one without a name; sets the variables of these names
open_pipe() {
	local both
	exec {both}<> <(:)
	eval "exec {$1}</dev/fd/$both {$2}>/dev/fd/$both"
	exec {both}>&-
}

# close DESCRIPTOR...
close() {
	local descriptor
	for descriptor; do
		exec {descriptor}>&-
	done
}

qemu_pid='' pumps=() ends=() reaper='' alive='' keys=''

end_qemu() {
	[ -z "$qemu_pid" ] || kill -KILL "$qemu_pid" 2>/dev/null
}

# What has a name, or is a setting of the terminal, is given to a process that waits until this one
# and QEMU are gone, however they went.
reap_after_us() {
	local item paths=() terminal=''
	for item in "$opt_monitor" "$opt_gdb" ${wire[@]+"${wire[@]}"}; do
		case $item in
		/*) paths+=("$item") ;;
		unix:*) paths+=("${item#unix:}") ;;
		esac
	done
	for item in ${paths[@]+"${paths[@]}"}; do
		if [ -e "$item" ] && [ ! -S "$item" ]; then fail 1 "$item is there and no socket"; fi
	done
	if [ -n "$opt_keep" ] && [ -t 0 ]; then terminal=$(stty -g); fi
	[ ${#paths[@]} -gt 0 ] || [ -n "$terminal" ] || return 0
	exec {alive}> >(
		trap '' INT TERM HUP
		cat
		[ ${#paths[@]} -eq 0 ] || rm -f -- "${paths[@]}"
		[ -z "$terminal" ] || stty "$terminal" </dev/tty
	)
	reaper=$!
}

at_exit() {
	end_qemu
	[ -z "$qemu_pid" ] || wait "$qemu_pid" 2>/dev/null
	if [ -n "$reaper" ]; then
		exec {alive}>&-
		wait "$reaper"
	fi
}

interrupted() {
	trap '' INT TERM HUP
	[ ${#pumps[@]} -eq 0 ] || kill -KILL "${pumps[@]}" 2>/dev/null
	at_exit
	trap - EXIT
	echo "lab: interrupted, nothing is left" >&2
	exit 130
}
trap interrupted INT TERM HUP
trap at_exit EXIT

# pump READ COMMAND...: a helper that reads what QEMU writes, and holds no other end of a pipe
pump() {
	local from=$1
	shift
	{
		exec <&"$from"
		close "${ends[@]}" $alive
		bound "$@"
	} &
	pumps+=($!)
}

# start_qemu: with the ends of pipes that it writes to and reads settings from, which are then its
# own
start_qemu() {
	{
		if [ -z "$opt_keep" ]; then exec </dev/null; fi
		[ -z "$keys" ] || exec <&"$keys"
		bound qemu-system-x86_64 "${qemu[@]}"
	} <&0 2>&"$log_w" &
	qemu_pid=$!
}

# ---- with KVM or without ----

# A guest that only tells that it is up: how KVM does is seen in seconds. In some virtual machines
# /dev/kvm is there, and no guest gets beyond its firmware.
kvm_works() {
	local works=1 line
	open_pipe log_r log_w
	exec {settings}< <(echo lab_probe=1)
	qemu=()
	qemu_machine kvm 1 512
	qemu_boot "$kernel" "/dev/fd/$initramfs_fd"
	qemu_pipe console "$log_w"
	qemu+=(-serial chardev:console -fw_cfg "name=opt/pollux/lab,file=/dev/fd/$settings")
	start_qemu
	close "$log_w" "$settings"
	while read -r -t 10 -u "$log_r" line; do
		case $line in
		*"lab: guest is up"*)
			works=0
			break
			;;
		esac
	done
	end_qemu
	wait "$qemu_pid" 2>/dev/null
	qemu_pid=
	close "$log_r"
	return $works
}

# The answer holds until the host boots again; one lab at a time tries.
choose_accel() {
	local boot known lock=''
	accel=$opt_accel
	[ "$accel" != kvm ] || [ -w /dev/kvm ] ||
		fail 1 "--accel kvm: there is no /dev/kvm that you may use"
	[ "$accel" = auto ] || return 0
	accel=tcg
	[ -w /dev/kvm ] || return 0
	boot="$(cat /proc/sys/kernel/random/boot_id) $qemu_version"
	if mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ]; then
		exec {lock}>>"$cache/kvm"
		flock "$lock"
	fi
	known=$(cat "$cache/kvm" 2>/dev/null)
	case $known in
	"$boot kvm") accel=kvm ;;
	"$boot tcg") ;;
	*)
		if kvm_works; then accel=kvm; else say "no guest comes up with KVM here: without it"; fi
		[ -z "$lock" ] || echo "$boot $accel" >"$cache/kvm"
		;;
	esac
	[ -z "$lock" ] || exec {lock}>&-
}

reap_after_us
choose_accel

# ---- the run ----

# The guest's terminal has no end: the shell is told to go where the input ends.
if [ -n "$opt_keep" ] && [ ! -t 0 ]; then
	open_pipe keys keys_w
	{
		close "$initramfs_fd" $alive "$keys"
		bound sh -c 'setpriv --pdeathsig KILL cat; printf "\nexit\n"'
	} <&0 >&"$keys_w" &
	exec {keys_w}>&-
fi

# What the kernel says where a CPU of it has no timer any more.
readonly stall='rcu: .* kthread (starved|timer wakeup)'

# The initramfs and the keys stay open here, for another boot.
boot_guest() {
	open_pipe out_r out_w
	open_pipe err_r err_w
	open_pipe log_r log_w
	open_pipe console_r console_w
	open_pipe tail_r tail_w
	open_pipe status_r status_w
	exec {settings}< <(guest_settings "$kernel")
	ends=("$out_r" "$out_w" "$err_r" "$err_w" "$log_r" "$log_w" "$console_r" "$console_w" "$tail_r"
		"$tail_w" "$status_r" "$status_w" "$settings" "$initramfs_fd" ${keys:+"$keys"})

	# Where nobody reads the output any more, QEMU and the command would not notice by themselves.
	pumps=()
	pump "$out_r" sh -c 'setpriv --pdeathsig KILL cat || echo closed >&3' 3>&"$status_w"
	pump "$err_r" cat >&2
	pump "$log_r" grep --line-buffered -v 'is not connected to host network' >&2
	# shellcheck disable=SC2016
	pump "$console_r" sh -c 'sed -uE -e "/$0/{h;s/.*/stalled/;w /dev/fd/3" -e "g}" |
		awk "$1" 3>&-' "$stall" '{ line[NR % 60] = $0 } END {
		for (i = NR > 60 ? NR - 59 : 1; i <= NR; i++) print line[i % 60] }' \
		>&"$tail_w" 3>&"$status_w"

	qemu=()
	qemu_machine "$accel" "$opt_cpus" "$opt_memory_mb"
	qemu_boot "$kernel" "/dev/fd/$initramfs_fd"
	qemu_devices "$status_w" "$out_w" "$err_w" "$console_w" "$settings"
	start_qemu
	close "$out_r" "$out_w" "$err_r" "$err_w" "$log_r" "$log_w" "$console_r" "$console_w" "$tail_w" \
		"$status_w" "$settings"
	booted=$SECONDS status='' up='' hung='' closed=''
}

end_guest() {
	end_qemu
	wait "$qemu_pid" 2>/dev/null
	qemu_status=$?
	qemu_pid=
}

time_left() {
	[ "$opt_timeout" -eq 0 ] || [ $((SECONDS - started)) -lt "$opt_timeout" ]
}

# limit: how long the guest may be silent. To come up, then to its end, then to power off.
limit() {
	local seconds=999999999 boot=$((boot_seconds - SECONDS + booted))
	[ "$opt_timeout" -eq 0 ] || seconds=$((opt_timeout - SECONDS + started))
	if [ -n "$status" ]; then
		seconds=20
	elif [ -z "$up" ] && [ $seconds -gt $boot ]; then
		seconds=$boot
	fi
	limit=$((seconds > 0 ? seconds : 1))
}

watch_guest() {
	local word value limit=0
	while limit; do
		read -r -t "$limit" -u "$status_r" word value
		case $? in
		0)
			case $word in
			up) up=1 ;;
			stalled)
				if [ -z "$up" ] && [ -n "$once_more" ]; then
					hung=1
					return
				fi
				;;
			status) status=$value ;;
			closed)
				closed=1
				return
				;;
			esac
			;;
		1) return ;;
		*)
			[ -n "$status" ] || hung=1
			return
			;;
		esac
	done
}

# An emulated guest may lose an interrupt, or be reset without a word, as it boots. Before COMMAND
# has begun it can be started once more.
started=$SECONDS once_more=1 boot_seconds=90
boot_guest
watch_guest
end_guest
tail=
if [ -z "$up$status$closed" ] && time_left && { [ -n "$hung" ] || [ $qemu_status -ne 1 ]; }; then
	[ -n "$hung" ] || tail=$(cat <&"$tail_r")
	if [ -z "$tail" ]; then
		say "the guest did not come up in $((SECONDS - booted)) s: once more"
		kill -KILL "${pumps[@]}" 2>/dev/null
		wait "${pumps[@]}" 2>/dev/null
		close "$status_r" "$tail_r"
		once_more='' boot_seconds=180
		boot_guest
		watch_guest
		end_guest
	fi
fi
if [ -n "$closed" ]; then exit 141; fi
if [ -n "$hung" ]; then
	# Whoever was to read the output may hang as well.
	for ((tenths = 20; tenths > 0; tenths--)); do
		kill -0 "${pumps[@]}" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "${pumps[@]}" 2>/dev/null
fi
wait "${pumps[@]}" 2>/dev/null
if [ -n "$status" ]; then exit "$status"; fi
[ -n "$tail" ] || tail=$(cat <&"$tail_r")
refusal=$(sed -n 's/^lab: guest: //p' <<<"$tail" | head -n 1)
[ -z "$refusal" ] || fail 1 "in the guest: $refusal"
[ -z "$tail" ] || printf '%s\n' "lab: the end of the guest's console:" "$tail" >&2
[ -z "$hung" ] || [ -z "$up" ] || fail 124 "no end after $opt_timeout s, see --timeout"
[ -z "$hung" ] || fail 124 "the guest did not come up in $((SECONDS - booted)) s"
[ -n "$tail" ] || fail 1 "QEMU did not start: see above"
fail 124 "the guest crashed: see above"
