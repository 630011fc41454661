# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The kernel as QEMU starts it soonest. A package has it compressed, and an emulated guest takes
# longer to unpack that than for all the rest of its boot: so it is unpacked here, once, into an ELF
# file that QEMU enters directly (PVH), and kept like the initramfs. See Linux,
# Documentation/arch/x86/boot.rst, for the header that tells where it is.

# lab_header FILE OFFSET BYTES: a number of the header
lab_header() {
	local number
	number=$(od -A n -t "u$3" -j "$2" -N "$3" "$1") && echo $((number))
}

# lab_unpack VMLINUZ: to stdout. Its compressors add the unpacked size in four bytes.
lab_unpack() (
	set -o pipefail
	local setup offset size magic unpack=()
	setup=$(lab_header "$1" $((0x1f1)) 1) && offset=$(lab_header "$1" $((0x248)) 4) &&
		size=$(lab_header "$1" $((0x24c)) 4) || return 1
	offset=$((offset + (setup + 1) * 512))
	magic=$(od -A n -t x1 -j $offset -N 4 "$1") || return 1
	case $magic in
	" fd 37 7a 58") unpack=(xz -dc) ;;
	" 28 b5 2f fd") unpack=(zstd -qdc) ;;
	*) return 1 ;;
	esac
	# In blocks, which are read by seeking: nothing upstream is cut off.
	dd if="$1" bs=64K iflag=skip_bytes,count_bytes skip=$offset count=$((size - 4)) status=none |
		"${unpack[@]}"
)

# lab_image_is_whole VMLINUZ FILE: is it of the size that is told at the end of what was unpacked?
lab_image_is_whole() {
	local setup offset size want
	setup=$(lab_header "$1" $((0x1f1)) 1) && offset=$(lab_header "$1" $((0x248)) 4) &&
		size=$(lab_header "$1" $((0x24c)) 4) &&
		want=$(lab_header "$1" $((offset + (setup + 1) * 512 + size - 4)) 4) &&
		[ "$(stat -c %s "$2")" -eq "$want" ] && [ "$(od -A n -t x1 -N 4 "$2")" = " 7f 45 4c 46" ]
}

# lab_write_image VMLINUZ PART
lab_write_image() {
	lab_unpack "$1" >"$2" && lab_image_is_whole "$1" "$2"
} 2>/dev/null

# lab_image KERNEL CACHE: the file's name. Where the kernel can't be unpacked, or not be kept, or not
# be entered this way, it is the package's own, which takes seconds more.
lab_image() {
	local release=${1##*/linux-} sum
	local vmlinuz=$1/boot/vmlinuz-$release
	grep -qsx CONFIG_PVH=y "$1/boot/config-$release" &&
		sum=$({
			cat "${BASH_SOURCE[0]}"
			stat -Lc '%s %Y' "$1/lab-kernel" "$vmlinuz"
		} | sha256sum) &&
		lab_kept "$2" "vmlinux-$release-${sum:0:16}" lab_write_image "$vmlinuz" ||
		echo "$vmlinuz"
}
