# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab's guest, second half: the first process of the real root. Makes the rest of a system,
# runs the command, tells its status, powers off. Each of its outputs goes through a pipe, which can
# be opened again by /dev/stdout and the like, into a virtio port, which can't.
# shellcheck disable=SC1091,SC2154

export PATH=/run/lab/bin
. /run/lab/conf

# Of the host's /proc, which is there until now, busybox would take itself to be QEMU.
/run/lab/bin/busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm /dev/hugepages
# All by one process; a kernel may lack some of them.
cat >/run/lab/fstab <<END
devpts /dev/pts devpts gid=5,mode=620,ptmxmode=666 0 0
shm /dev/shm tmpfs mode=1777 0 0
hugetlbfs /dev/hugepages hugetlbfs defaults 0 0
debugfs /sys/kernel/debug debugfs defaults 0 0
tracefs /sys/kernel/tracing tracefs defaults 0 0
bpf /sys/fs/bpf bpf defaults 0 0
cgroup2 /sys/fs/cgroup cgroup2 defaults 0 0
END
mount -a -T /run/lab/fstab 2>/dev/null
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
echo lab >/proc/sys/kernel/hostname
ip link set dev lo up

# find_ports: their devices: status_port, out_port, err_port. QEMU tells the names one after the other.
find_ports() {
	local device name
	for device in /sys/class/virtio-ports/*; do
		[ -e "$device/name" ] || continue
		read -r name <"$device/name"
		case $name in
		lab.*) eval "${name#lab.}_port=/dev/${device##*/}" ;;
		esac
	done
	[ -n "$status_port" ] && [ -n "$out_port" ] && [ -n "$err_port" ]
}

status_port='' out_port='' err_port='' tries=200
until find_ports || [ $tries -eq 0 ]; do
	tries=$((tries - 1))
	sleep 0.05
done
exec 3>"$status_port"
echo up >&3

# Everything but the pumps of its output: what the command started does not outlive it.
end_all_but() {
	local process keep=" 1 $* "
	for process in /proc/[0-9]*; do
		process=${process#/proc/}
		case $keep in
		*" $process "*) ;;
		*) kill -KILL "$process" 2>/dev/null ;;
		esac
	done
}

# in_caller COMMAND...: there, with what the caller has set. With the real PATH the command is not
# one of busybox, and by env it isn't one even then.
in_caller() {
	(
		exec 3>&-
		cd "$lab_cwd" || exit 126
		lab_environment
		exec /run/lab/bin/busybox setsid /usr/bin/env -- "$@"
	)
}

status=0
if [ $# -gt 0 ]; then
	mkfifo /run/lab/out /run/lab/err
	cat </run/lab/out >"$out_port" &
	pump_out=$!
	cat </run/lab/err >"$err_port" &
	pump_err=$!
	in_caller "$@" </dev/null >/run/lab/out 2>/run/lab/err
	status=$?
	if [ -z "$lab_keep" ]; then
		end_all_but $pump_out $pump_err
		wait $pump_out $pump_err
	fi
fi

if [ -n "$lab_keep" ]; then
	shell=/bin/sh
	# What root's .bashrc does on the host may take long here.
	if [ -x /bin/bash ]; then shell="/bin/bash --norc"; fi
	(
		exec 3>&- </dev/hvc0 >/dev/hvc0 2>&1
		# shellcheck disable=SC2086
		[ -z "$lab_tty" ] || stty $lab_tty
		cd "$lab_cwd" || cd /
		lab_environment
		export PS1='lab:\w# '
		# shellcheck disable=SC2086
		exec /run/lab/bin/busybox setsid -c $shell -i
	)
	shell_status=$?
	[ $# -gt 0 ] || status=$shell_status
fi

# Nothing of a writable folder may stay behind in the guest. Who was killed may take a while to let go of it:
# what has a device open ends with the device.
close_share() {
	local tries=50
	sync -f "$lab_share" || return 1
	until umount "$lab_share" || mount -o remount,ro "$lab_share"; do
		[ $((tries = tries - 1)) -gt 0 ] || return 1
		sleep 0.1
	done
} 2>/dev/null

if [ -n "$lab_share" ]; then
	end_all_but
	close_share || echo lost >&3
fi
echo "status $status" >&3
# With -no-reboot QEMU ends. An orderly power-off takes its time, and has nothing left to do.
echo b >/proc/sysrq-trigger
