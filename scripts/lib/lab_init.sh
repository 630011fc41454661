#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab's guest, first half: init of the initramfs, run by busybox. Loads drivers, gives each port
# to the one asked for, makes a root of the host's file system under a tmpfs, and moves there, to
# lab_guest.sh. What is asked for comes as a shell script through fw_cfg: see lab_qemu.sh.
# shellcheck disable=SC1091,SC2154

export PATH=/bin
mkdir -p /proc /sys /dev /host /cow /new
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

# lab.sh looks for this line in the console of a guest that has told no status.
die() {
	echo "lab: guest: $*" >/dev/console
	poweroff -f
}

# load TARGET: a module and those it needs, unless another process has. Each process takes a while to
# start here, so functions of the shell start none where they can help it.
load() {
	local module modules target=$1
	read -r modules <"/modules/$target.list"
	for module in $modules; do
		[ ! -d "/sys/module/$module" ] || continue
		insmod "/modules/$module.ko" || [ -d "/sys/module/$module" ] ||
			die "can't load $module for $target"
	done
}

load qemu_fw_cfg
conf=/sys/firmware/qemu_fw_cfg/by_name/opt/pollux/lab/raw
[ -e $conf ] || die "no settings in fw_cfg"
cat $conf >/conf
. /conf
if [ -n "$lab_probe" ]; then
	echo "lab: guest is up" >/dev/console
	poweroff -f
fi

# ---- the root, while the ports get their drivers ----

mount_9p() {
	mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2" ||
		die "can't mount the host's $1"
}

make_root() {
	local release
	load virtio_pci
	load virtio_console
	load 9pnet_virtio
	load 9p
	load overlay
	mount_9p host /host ro,cache=loose
	mount -t tmpfs -o mode=755 cow /cow
	mkdir /cow/upper /cow/work
	mount -t overlay -o "lowerdir=/host,upperdir=/cow/upper,workdir=/cow/work" root /new ||
		die "no overlay on the host's files"
	read -r release </proc/sys/kernel/osrelease
	mkdir -p /new/proc /new/sys /new/dev /new/run "/new/lib/modules/$release"
	mount -t tmpfs -o mode=755 run /new/run
	mkdir -p /new/run/lab /new/run/lock /new/run/user
	cp -a /bin /lab_guest.sh /conf /new/run/lab
	mount --bind "/new$lab_kernel/lib/modules/$release" "/new/lib/modules/$release" ||
		die "the host's $lab_kernel is not there"
	if [ -n "$lab_share" ]; then
		mkdir -p "/new$lab_share"
		mount_9p share "/new$lab_share" rw,cache=mmap
	fi
}

make_root &
root=$!

# ---- the ports ----

pci=/sys/bus/pci/devices

# port_function NUMBER: sets address, behind the root port in slot 10h + NUMBER
port_function() {
	for address in "$pci/0000:00:1$1.0"/0000:*; do
		case $address in
		*:pcie*) ;;
		*.0)
			address=${address##*/}
			return
			;;
		esac
	done
	die "port $1 is not on the PCI bus"
}

# give ADDRESS DRIVER
give() {
	echo "$2" >"$pci/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ -e "$pci/$1/driver" ] || die "$1: $2 does not take it"
}

load_driver() {
	case $1 in
	vfio-pci)
		load vfio_iommu_type1
		load vfio_pci
		;;
	uio_pci_generic) load uio_pci_generic ;;
	igb) load igb ;;
	esac
}

# Interfaces are named by port, whatever order the kernel takes them in.
name_interface() {
	local net
	for net in "$pci/$2/net"/*; do
		[ -e "$net" ] || die "port $1: igb makes no interface of it"
		ip link set dev "${net##*/}" name "igb$1" || die "port $1: can't name its interface"
	done
}

make_vfs() {
	local vf
	echo 0 >"$pci/$1/sriov_drivers_autoprobe"
	echo "$lab_vf" >"$pci/$1/sriov_numvfs" || die "$1: no $lab_vf VFs"
	load_driver vfio-pci
	for vf in "$pci/$1"/virtfn*; do
		vf=$(readlink -f "$vf")
		give "${vf##*/}" vfio-pci
	done
}

# Spoken for before any driver is there: igb takes all that it finds.
port=0
for driver in $lab_bind; do
	port_function $port
	if [ "$driver" != igb ]; then echo "$driver" >"$pci/$address/driver_override"; fi
	port=$((port + 1))
done
for driver in $lab_bind; do
	load_driver "$driver"
done
port=0
for driver in $lab_bind; do
	port_function $port
	[ -d "/sys/bus/pci/drivers/$driver/$address" ] ||
		die "port $port, $address: $driver does not take it"
	if [ "$driver" = igb ]; then
		name_interface $port "$address"
		if [ "$lab_vf" -gt 0 ]; then make_vfs "$address"; fi
	fi
	port=$((port + 1))
done

# ---- the rest ----

if [ "$lab_hugepages" -gt 0 ]; then
	pages=/sys/kernel/mm/hugepages/hugepages-${lab_hugepage_kb}kB/nr_hugepages
	echo "$lab_hugepages" >"$pages"
	read -r nb_pages <"$pages"
	[ "$nb_pages" -ge "$lab_hugepages" ] ||
		die "only $nb_pages of $lab_hugepages hugepages of $lab_hugepage_kb kB: want more --memory"
fi

wait $root
umount /proc
umount /sys
mount --move /dev /new/dev
exec switch_root /new /run/lab/bin/busybox sh /run/lab/lab_guest.sh
