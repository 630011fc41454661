# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Where the lab's kernels are kept, for setup.sh and lab.sh:
#
#	linux-RELEASE/   a kernel package of Debian, unpacked: boot/, lib/modules/RELEASE/
#	stable           a link to the one of the release in use
#	backports        a link to the one of its backports
#	initramfs-*      made of a kernel by lab.sh, which also keeps its try of KVM here: kvm
#	vmlinux-*        a kernel unpacked, by lab.sh
#
# Root's is for all users; an ordinary user has one more, in the home folder, that comes first.

# The caches to read from, the one to write to first.
lab_caches() {
	if [ -n "${PLX_LAB_CACHE:-}" ]; then
		echo "$PLX_LAB_CACHE"
		return
	fi
	if [ "$(id -u)" -ne 0 ] && [ -n "${XDG_CACHE_HOME:-${HOME:-}}" ]; then
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/pollux/lab"
	fi
	echo /var/cache/pollux/lab
}

lab_own_cache() {
	lab_caches | head -n 1
}

# lab_make_cache CACHE: for all users to read, also where root's files are not
lab_make_cache() {
	(umask 022 && mkdir -p "$1") 2>/dev/null
}

# lab_is_kernel DIR: is it whole?
lab_is_kernel() {
	[ -e "$1/lab-kernel" ]
}

# lab_kernel NAME: the folder of stable, backports, or of the last release that begins with NAME.
lab_kernel() {
	local cache dir found=
	while read -r cache; do
		case $1 in
		stable | backports) dir=$(readlink -e "$cache/$1") && found=$dir ;;
		*)
			for dir in "$cache/linux-$1"*; do
				if lab_is_kernel "$dir"; then found=$dir; fi
			done
			;;
		esac
		if [ -n "$found" ] && lab_is_kernel "$found"; then
			echo "$found"
			return
		fi
	done < <(lab_caches)
	return 1
}

# The names of all kernels there are, in one line.
lab_kernels() {
	local cache dir name names=
	while read -r cache; do
		for name in stable backports; do
			if [ -e "$cache/$name" ]; then names+=" $name"; fi
		done
		for dir in "$cache"/linux-*; do
			if lab_is_kernel "$dir"; then names+=" ${dir##*/linux-}"; fi
		done
	done < <(lab_caches)
	echo "${names# }"
}

# lab_write_kept PATH COMMAND...: has the name only when it is whole, and on the disk. COMMAND writes
# the file that is its last argument.
lab_write_kept() {
	local path=$1 part=$1.part other
	shift
	rm -f "${path%-*}"-*.part
	if ! "$@" "$part" || ! sync "$part" || ! chmod 644 "$part" || ! mv "$part" "$path"; then
		rm -f "$part"
		return 1
	fi
	for other in "${path%-*}"-*; do
		[ "$other" = "$path" ] || rm -f "$other"
	done
}

# lab_kept CACHE NAME COMMAND...: the path of file NAME; written by COMMAND in CACHE if none of the
# caches has it. One at a time writes it. NAME ends with what tells it from other versions of it.
lab_kept() {
	local own=$1 name=$2 cache lock status=0
	shift 2
	while read -r cache; do
		if [ -r "$cache/$name" ]; then
			echo "$cache/$name"
			return
		fi
	done < <(echo "$own" && lab_caches)
	lab_make_cache "$own" && { exec {lock}>>"$own/initramfs.lock"; } 2>/dev/null || return 1
	flock "$lock" || return 1
	[ -r "$own/$name" ] || lab_write_kept "$own/$name" "$@" || status=1
	exec {lock}>&-
	[ $status -eq 0 ] && echo "$own/$name"
}
