#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs a command in a virtual machine with emulated igb ports and this machine's file system: see
# doc/lab.md. Nothing is kept on disk or mounted for a run: processes talk by pipes without a name,
# and QEMU and its helpers die with this script, however it dies.
# shellcheck disable=SC2154,SC2317

set -u
unset CDPATH
# Where functions have no stderr themselves, this one is meant.
exec {stderr}>&2

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
  --device ARGUMENT      one more device, as for QEMU's -device; edu, for instance
  --set DEVICE.PROPERTY=VALUE
                         as for QEMU's -set; port N is the device nicN below the root port rpN

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

--bind, --wire, --dump, --env, --device and --set can be given several times.

Exit status: COMMAND's; 1 the lab can't start, or the folder of --share may lack something; 2 wrong
usage; 124 it hung or crashed: its console is shown; 130 interrupted; 141 nobody reads the output.
USAGE
}

say() {
	printf 'lab: %s\n' "$*" >&"$stderr"
}

fail() {
	local status=$1
	shift
	printf 'lab: error: %s\n' "$*" >&"$stderr"
	exit "$status"
}

lib=$(cd "$(dirname "${BASH_SOURCE[0]}")/lib" && pwd) || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/lab_options.sh
. "$lib/lab_options.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_cache.sh
. "$lib/lab_cache.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_initramfs.sh
. "$lib/lab_initramfs.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_image.sh
. "$lib/lab_image.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_qemu.sh
. "$lib/lab_qemu.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_jobs.sh
. "$lib/lab_jobs.sh"

case ${1:-} in
run) shift ;;
-h | --help)
	usage
	exit 0
	;;
*) fail 2 "want scripts/lab.sh run [OPTION...] -- COMMAND, see --help" ;;
esac
read_options "$@"
trap interrupted INT TERM HUP QUIT
trap at_exit EXIT

# ---- what it takes ----

readonly mend="run scripts/setup.sh --lab"
for program in qemu-system-x86_64 busybox modprobe xz setpriv flock; do
	PATH=$PATH:/usr/sbin:/sbin type -P $program >/dev/null || fail 1 "$program is missing: $mend"
done
busybox=$(PATH=$PATH:/usr/sbin:/sbin type -P busybox)
[[ $(ldd "$busybox" 2>/dev/null) != *"=>"* ]] ||
	fail 1 "$busybox is not static, so it does not run in the guest: $mend"
qemu_version=$(qemu-system-x86_64 --version | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
[ "${qemu_version%%.*}" -ge 8 ] 2>/dev/null ||
	fail 1 "QEMU ${qemu_version:-of no known version} has no igb, 8 or later has: $mend"
kernel=$(lab_kernel "$opt_kernel") || {
	kernels=$(lab_kernels)
	fail 1 "the lab has no kernel $opt_kernel${kernels:+, only $kernels}: $mend"
}
cache=$(lab_own_cache)
initramfs=$(lab_initramfs "$kernel" "$cache" "$busybox") || fail 1 "can't make the initramfs in $cache"
image=$(lab_image "$kernel" "$cache")
# Held open: another version of these scripts may remove them.
exec {initramfs_fd}<"$initramfs" {image_fd}<"$image" || exit 1

# ---- with KVM or without ----

# A guest that only tells that it is up: how KVM does is seen in seconds. In some virtual machines
# /dev/kvm is there, and no guest gets beyond its firmware.
kvm_works() {
	local works=1 line end=$((SECONDS + 10))
	open_pipe log_r log_w
	exec {settings}< <(echo lab_probe=1)
	qemu=()
	qemu_machine kvm 1 512
	qemu_boot "/dev/fd/$image_fd" "/dev/fd/$initramfs_fd" "$guest_arguments"
	qemu_pipe console "$log_w"
	qemu+=(-serial chardev:console -fw_cfg "name=opt/pollux/lab,file=/dev/fd/$settings")
	start_qemu
	close "$log_w" "$settings"
	while [ $SECONDS -lt $end ] && read -r -t $((end - SECONDS)) -u "$log_r" line; do
		case $line in
		*"lab: guest is up"*)
			works=0
			break
			;;
		esac
	done
	end_qemu
	close "$log_r"
	return $works
}

# The answer holds until the host boots again; one lab at a time tries. Where it can't be kept, each
# lab tries.
choose_accel() {
	local known lock=''
	accel=$opt_accel boot="$(cat /proc/sys/kernel/random/boot_id) $qemu_version"
	[ "$accel" != kvm ] || [ -w /dev/kvm ] ||
		fail 1 "--accel kvm: there is no /dev/kvm that you may use"
	[ "$accel" = auto ] || return 0
	accel=tcg
	[ -w /dev/kvm ] || return 0
	if lab_make_cache "$cache" && { exec {lock}>>"$cache/kvm"; } 2>/dev/null; then flock "$lock"; fi
	known=$(cat "$cache/kvm" 2>/dev/null)
	case $known in
	"$boot kvm") accel=kvm ;;
	"$boot tcg") ;;
	*)
		if kvm_works; then accel=kvm; else say "no guest comes up with KVM here: without it"; fi
		[ -z "$lock" ] || keep_accel
		;;
	esac
	[ -z "$lock" ] || exec {lock}>&-
}

keep_accel() {
	echo "$boot $accel" >"$cache/kvm"
} 2>/dev/null

reap_after_us
choose_accel

# ---- the run ----

# QEMU makes what is for this user only: files that are to have the usual rights are there before.
for file in "$opt_console" ${dump[@]+"${dump[@]}"}; do
	[ -z "$file" ] || [ -e "$file" ] || { : >"$file"; } 2>/dev/null || fail 1 "can't write $file"
done

if [ -n "$opt_keep" ] && [ ! -t 0 ]; then open_pipe keys keys_w; fi

# Not before the guest is up: what another took, that did not come up, would be lost. Its terminal has
# no end: the shell is told to go where the input ends.
feed_shell() {
	{
		close "$image_fd" "$initramfs_fd" ${alive:+"$alive"} "$keys"
		bound sh -c 'setpriv --pdeathsig KILL cat; printf "\nexit\n"'
	} <&0 >&"$keys_w" &
	close "$keys_w"
	keys_w=
}

# What the kernel says where a CPU of it has no timer any more.
readonly stall='rcu: .* kthread (starved|timer wakeup)'

# The kernel, the initramfs and the keys stay open here, for another boot.
boot_guest() {
	open_pipe out_r out_w
	open_pipe err_r err_w
	open_pipe log_r log_w
	open_pipe console_r console_w
	open_pipe tail_r tail_w
	open_pipe status_r status_w
	exec {settings}< <(guest_settings "$kernel")
	ends=("$out_r" "$out_w" "$err_r" "$err_w" "$log_r" "$log_w" "$console_r" "$console_w" "$tail_r"
		"$tail_w" "$status_r" "$status_w" "$settings" "$image_fd" "$initramfs_fd" ${keys:+"$keys"}
		${keys_w:+"$keys_w"})

	# Where nobody reads the output any more, QEMU and the command would not notice by themselves.
	pumps=()
	pump "$out_r" sh -c 'setpriv --pdeathsig KILL cat || echo closed >&3' 3>&"$status_w"
	pump "$err_r" sh -c 'setpriv --pdeathsig KILL cat >&2 || echo closed >&3' 3>&"$status_w"
	pump "$log_r" grep --line-buffered -v 'is not connected to host network' >&2
	# shellcheck disable=SC2016
	pump "$console_r" sh -c 'sed -uE -e "/$0/{h;s/.*/stalled/;w /dev/fd/3" -e "g}" |
		awk "$1" 3>&-' "$stall" '{ line[NR % 60] = $0 } END {
		for (i = NR > 60 ? NR - 59 : 1; i <= NR; i++) print line[i % 60] }' \
		>&"$tail_w" 3>&"$status_w"

	qemu=()
	qemu_machine "$accel" "$opt_cpus" "$opt_memory_mb"
	qemu_boot "/dev/fd/$image_fd" "/dev/fd/$initramfs_fd" "$(kernel_arguments)"
	qemu_devices "$status_w" "$out_w" "$err_w" "$console_w" "$settings"
	start_qemu
	close "$out_r" "$out_w" "$err_r" "$err_w" "$log_r" "$log_w" "$console_r" "$console_w" "$tail_w" \
		"$status_w" "$settings"
	booted=$SECONDS status='' up='' hung='' closed='' lost='' ended=''
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

read_status() {
	local word value limit=0
	while limit; do
		read -r -t "$limit" -u "$status_r" word value
		case $? in
		0)
			case $word in
			up)
				up=1
				[ -z "$keys_w" ] || feed_shell
				;;
			stalled)
				if [ -z "$up" ] && [ -n "$once_more" ]; then
					hung=1
					return
				fi
				;;
			lost) lost=1 ;;
			status) status=$value ;;
			closed)
				closed=1
				return
				;;
			esac
			;;
		1)
			ended=1
			return
			;;
		*)
			[ -n "$status" ] || hung=1
			return
			;;
		esac
	done
}

# To the end of QEMU, by itself or by us: qemu_status.
watch_guest() {
	read_status
	[ -z "$ended" ] || outlast 50 kill -0 "$qemu_pid"
	end_qemu
} 2>/dev/null

# Whoever reads the output may be slow, or hang.
drain_pumps() {
	local tenths=20 status=0
	if [ -z "$hung" ]; then
		tenths=$(((20 + opt_timeout - SECONDS + started) * 10))
		[ "$opt_timeout" -ne 0 ] || tenths=999999999
	fi
	outlast "$tenths" kill -0 "${pumps[@]}" || status=1
	end_pumps
	return $status
}

# An emulated guest may lose an interrupt, or be reset without a word, as it boots; and KVM may do
# for a small machine and not for this one. Before COMMAND has begun it can be started once more.
started=$SECONDS once_more=1 boot_seconds=90
with_kvm=
if [ "$accel" = kvm ] && [ "$opt_accel" = auto ]; then with_kvm=1 boot_seconds=30; fi
boot_guest
watch_guest
tail=
if [ -z "$up$status$closed" ] && time_left && { [ -n "$hung" ] || [ $qemu_status -ne 1 ]; }; then
	[ -n "$hung" ] || tail=$(cat <&"$tail_r")
	if [ -z "$tail" ]; then
		say "the guest did not come up in $((SECONDS - booted)) s:" \
			"once more${with_kvm:+, without KVM}"
		end_pumps
		close "$status_r" "$tail_r"
		once_more='' boot_seconds=180
		[ -z "$with_kvm" ] || accel=tcg
		boot_guest
		watch_guest
		if [ -n "$with_kvm" ] && [ -n "$up" ]; then keep_accel; fi
	fi
fi
if [ -n "$closed" ]; then exit 141; fi
drain_pumps || [ -n "$hung" ] ||
	fail 124 "after $opt_timeout s the output is still not read: see --timeout"
if [ -n "$lost" ]; then
	say "error: --share $opt_share: the guest can't tell that all is written"
	[ "$status" -ne 0 ] || status=1
fi
if [ -n "$status" ]; then exit "$status"; fi

# ---- no status: why ----

[ -n "$tail" ] || tail=$(cat <&"$tail_r")
refusal=$(sed -n 's/^lab: guest: //p' <<<"$tail" | head -n 1)
[ -z "$refusal" ] || fail 1 "in the guest: $refusal"
[ -z "$tail" ] || printf '%s\n' "lab: the end of the guest's console:" "$tail" >&2
if [ -n "$hung" ]; then
	[ -z "$up" ] || fail 124 "no end after $opt_timeout s, see --timeout"
	fail 124 "the guest did not come up in $((SECONDS - booted)) s"
fi
[[ $tail != *"Kernel panic"* ]] || fail 124 "the guest crashed: see above"
if [ -n "$up" ] && [ -n "$opt_keep" ] && [ -t 0 ] && [ $qemu_status -eq 0 ]; then
	say "ended at the terminal"
	exit 130
fi
[ -z "$up" ] || fail 124 "QEMU ended with status $qemu_status while the guest was running"
[ -n "$tail" ] || [ $qemu_status -ne 1 ] || fail 1 "QEMU did not start: see above"
fail 124 "QEMU ended with status $qemu_status before the guest was up"
