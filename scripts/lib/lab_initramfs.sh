# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The initramfs of the lab: busybox, the modules of the guest and its two scripts, as a cpio archive
# that is written without a folder to collect it in. Kept by kernel and by what went into it.

lab_modules=(qemu_fw_cfg virtio_pci virtio_console 9pnet_virtio 9p overlay
	igb vfio_iommu_type1 vfio_pci uio_pci_generic)
# What the two scripts start of busybox: a link for each of its some 300 programs takes its time.
lab_programs=(cat cp insmod ip ln mkdir mkfifo mount poweroff readlink setsid sleep stty switch_root
	sync umount)
lab_scripts=$(dirname "${BASH_SOURCE[0]}")
lab_inode=0

# cpio_entry NAME MODE BYTES: a header of the newc format; BYTES of data and their padding follow
cpio_entry() {
	local zero=00000000 size
	size=$((${#1} + 1))
	lab_inode=$((lab_inode + 1))
	printf '070701%08x%08x%s%s%08x%s%08x%s%s%s%s%08x%s%s' $lab_inode "$2" $zero $zero 1 $zero \
		"$3" $zero $zero $zero $zero $size $zero "$1" &&
		head -c $((4 - (110 + ${#1}) % 4)) /dev/zero
}

# cpio_pad BYTES: after so many of data
cpio_pad() {
	head -c $(((4 - $1 % 4) % 4)) /dev/zero
}

cpio_dir() {
	cpio_entry "$1" $((0040755)) 0
}

# cpio_file NAME MODE FILE
cpio_file() {
	local size
	size=$(stat -Lc %s "$3") && cpio_entry "$1" "$2" "$size" && cat "$3" && cpio_pad "$size"
}

# cpio_text NAME TEXT
cpio_text() {
	local LC_ALL=C
	cpio_entry "$1" $((0100644)) ${#2} && printf '%s' "$2" && cpio_pad ${#2}
}

# cpio_link NAME TARGET
cpio_link() {
	cpio_entry "$1" $((0120777)) ${#2} && printf '%s' "$2" && cpio_pad ${#2}
}

# cpio_module NAME FILE: as insmod of busybox can load it
cpio_module() {
	local size
	case $2 in
	*.ko) cpio_file "$1" $((0100644)) "$2" ;;
	*.ko.xz)
		size=$(set -o pipefail && xz -dc "$2" | wc -c) &&
			cpio_entry "$1" $((0100644)) "$size" && xz -dc "$2" && cpio_pad "$size"
		;;
	*) return 1 ;;
	esac
}

# modules_of KERNEL TARGET: the files to load for it, in order; nothing if it is built in
modules_of() (
	set -o pipefail
	PATH=$PATH:/usr/sbin:/sbin modprobe -d "$1" -S "${1##*/linux-}" -C /dev/null --show-depends "$2" |
		sed -nE 's/^insmod (.*\.ko(\.[a-z]+)?)( .*)?$/\1/p'
)

lab_initramfs_archive() {
	local kernel=$1 busybox=$2 target file files name list
	local -A packed=()
	lab_inode=0
	for name in bin modules; do
		cpio_dir $name || return 1
	done
	cpio_file bin/busybox $((0100755)) "$busybox" || return 1
	for name in "${lab_programs[@]}"; do
		cpio_link "bin/$name" busybox || return 1
	done
	cpio_file init $((0100755)) "$lab_scripts/lab_init.sh" || return 1
	cpio_file lab_guest.sh $((0100644)) "$lab_scripts/lab_guest.sh" || return 1
	for target in "${lab_modules[@]}"; do
		list=
		files=$(modules_of "$kernel" "$target") || return 1
		while read -r file; do
			[ -n "$file" ] || continue
			# For nobody any more, where the script is dead that this is a subshell of.
			kill -0 $$ || return 1
			name=${file##*/}
			name=${name%%.ko*}
			name=${name//-/_}
			list+="$name "
			if [ -z "${packed[$name]:-}" ]; then
				cpio_module "modules/$name.ko" "$file" || return 1
				packed[$name]=1
			fi
		done <<<"$files"
		cpio_text "modules/$target.list" "$list"$'\n' || return 1
	done
	cpio_entry 'TRAILER!!!' 0 0
}

# lab_initramfs_is_whole BUSYBOX FILE: can all that was written be read?
lab_initramfs_is_whole() {
	local names
	names=$("$1" cpio -it <"$2" 2>/dev/null) && [ "$(wc -l <<<"$names")" -eq $((lab_inode - 1)) ]
}

# lab_write_initramfs KERNEL BUSYBOX PART
lab_write_initramfs() {
	lab_initramfs_archive "$1" "$2" >"$3" && lab_initramfs_is_whole "$2" "$3"
}

# lab_initramfs KERNEL CACHE [BUSYBOX]: the file's name; made in CACHE if none of the caches has one.
lab_initramfs() {
	local busybox=${3:-} sum
	[ -n "$busybox" ] || busybox=$(PATH=$PATH:/usr/sbin:/sbin type -P busybox) || return 1
	sum=$({
		cat "$lab_scripts/lab_init.sh" "$lab_scripts/lab_guest.sh" "${BASH_SOURCE[0]}"
		stat -Lc '%s %Y' "$busybox" "$1/lab-kernel"
	} | sha256sum) || return 1
	lab_kept "$2" "initramfs-${1##*/linux-}-${sum:0:16}" lab_write_initramfs "$1" "$busybox"
}
