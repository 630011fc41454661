# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The processes of the lab on the host, which die with lab.sh however it dies; the pipes between
# them; the sockets that have names; how it all ends.
# shellcheck disable=SC2034,SC2154

qemu_pid='' qemu_status='' pumps=() ends=() reaper='' alive='' keys='' keys_w=''

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

# pump READ COMMAND...: a helper that reads what QEMU writes, and holds no other end of a pipe
pump() {
	local from=$1
	shift
	{
		exec <&"$from"
		close "${ends[@]}" ${alive:+"$alive"}
		bound "$@"
	} &
	pumps+=($!)
}

# start_qemu: with the ends of pipes that it writes to and reads settings from, which are then its
# own. Its sockets are for this user only.
start_qemu() {
	{
		if [ -z "$opt_keep" ]; then exec </dev/null; fi
		[ -z "$keys" ] || exec <&"$keys"
		[ -z "$keys_w" ] || close "$keys_w"
		umask 177
		bound qemu-system-x86_64 "${qemu[@]}"
	} <&0 2>&"$log_w" &
	qemu_pid=$!
}

# ---- the end. bash tells of killed jobs on stderr, so these have none ----

# outlast TENTHS COMMAND...: waits as long as it succeeds; not longer than so many of a second
outlast() {
	local tenths=$1
	shift
	while "$@"; do
		[ $((tenths -= 1)) -ge 0 ] || return 1
		sleep 0.1
	done
} 2>/dev/null

end_qemu() {
	kill -KILL "$qemu_pid"
	wait "$qemu_pid"
	qemu_status=$?
	qemu_pid=
} 2>/dev/null

end_pumps() {
	kill -KILL "${pumps[@]}"
	wait "${pumps[@]}"
} 2>/dev/null

running_jobs() {
	[ -n "$(jobs -pr)" ]
}

# Every job: a signal may come before the number of one is noted. The reaper is none.
end_jobs() {
	local running
	running=$(jobs -pr)
	# shellcheck disable=SC2086
	[ -z "$running" ] || kill -KILL $running
	outlast 50 running_jobs
} 2>/dev/null

at_exit() {
	trap '' INT TERM HUP QUIT
	end_jobs
	if [ -n "$reaper" ]; then
		exec {alive}>&-
		outlast 50 kill -0 "$reaper"
	fi
}

interrupted() {
	trap - EXIT
	at_exit
	say "interrupted, nothing is left"
	exit 130
}

# ---- what has a name ----

# in_use PATH...: does a socket of somebody have one of these names, in any network namespace?
in_use() {
	local names=()
	for name; do names+=(-e "$name"); done
	grep -hos '/.*' /proc/net/unix /proc/[0-9]*/net/unix | grep -qxF "${names[@]}"
}

# claim_sockets: QEMU would take the place of what is there without a word. Sets sockets[], and what
# there was before in theirs_before[].
claim_sockets() {
	local item path real seen=$'\n'
	sockets=() theirs_before=()
	for item in "$opt_monitor" "$opt_gdb" ${wire[@]+"${wire[@]}"}; do
		case $item in
		/*) path=$item ;;
		unix:*) path=${item#unix:} ;;
		*) continue ;;
		esac
		real=$(realpath -m -- "$path")
		[[ $seen != *$'\n'$real$'\n'* ]] || fail 2 "$path is given twice: each socket has its own name"
		seen+=$real$'\n'
		[ ! -e "$path" ] || [ -S "$path" ] || fail 1 "$path is there and no socket"
		! in_use "$path" "$real" || fail 1 "$path is in use: another lab or program listens there"
		sockets+=("$path")
		theirs_before+=("$(identity "$path")")
	done
}

# A file system may give the number of a removed file to the next one, so the time is part of it.
identity() {
	stat -c '%d %i %z' -- "$1" 2>/dev/null
}

# Sockets, and the settings of the terminal, are given to a process that waits until this one and
# QEMU are gone, however they went.
reap_after_us() {
	local terminal='' n
	claim_sockets
	if [ -n "$opt_keep" ] && [ -t 0 ]; then terminal=$(stty -g); fi
	[ ${#sockets[@]} -gt 0 ] || [ -n "$terminal" ] || return 0
	exec {alive}> >(
		trap '' INT TERM HUP QUIT
		cat
		for ((n = 0; n < ${#sockets[@]}; n++)); do
			if [ -S "${sockets[n]}" ] && [ "$(identity "${sockets[n]}")" != "${theirs_before[n]}" ]; then
				rm -f -- "${sockets[n]}"
			fi
		done
		[ -z "$terminal" ] || stty "$terminal" </dev/tty
	)
	reaper=$!
}
