# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab's guest, second half: the first process of the real root. Makes the rest of a system,
# runs the command, tells its status, powers off. Each of its outputs goes through a pipe, which can
# be opened again by /dev/stdout and the like, into a virtio port, which can't.
# shellcheck disable=SC1091,SC2154

export PATH=/run/lab/bin
. /run/lab/conf

/run/lab/busybox mount -t proc proc /proc
/run/lab/busybox --install -s /run/lab/bin
mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm /dev/hugepages
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t bpf bpf /sys/fs/bpf 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t hugetlbfs hugetlbfs /dev/hugepages
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
hostname lab
ip link set dev lo up

# virtio_port NAME: its device
virtio_port() {
	local name
	for name in /sys/class/virtio-ports/*/name; do
		if [ "$(cat "$name")" = "$1" ]; then
			name=${name%/name}
			echo "/dev/${name##*/}"
			return
		fi
	done
}

exec 3>"$(virtio_port lab.status)"
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
		exec /run/lab/busybox setsid /usr/bin/env -- "$@"
	)
}

status=0
if [ $# -gt 0 ]; then
	mkfifo /run/lab/out /run/lab/err
	cat </run/lab/out >"$(virtio_port lab.out)" &
	pump_out=$!
	cat </run/lab/err >"$(virtio_port lab.err)" &
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
		exec /run/lab/busybox setsid -c $shell -i
	)
	shell_status=$?
	[ $# -gt 0 ] || status=$shell_status
fi

# Nothing of a writable folder may stay behind in the guest.
close_share() {
	sync -f "$lab_share" && { umount "$lab_share" || mount -o remount,ro "$lab_share"; }
} 2>/dev/null

if [ -n "$lab_share" ]; then
	end_all_but
	close_share || echo lost >&3
fi
echo "status $status" >&3
poweroff -f
