#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-devbind on a machine of our own making: what it shows, each refusal, and each change, with a
# kernel that is played by processes at the ends of pipes: drivers_probe, bind and unbind.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=pci_tree.inc
. "$(dirname "${BASH_SOURCE[0]}")/pci_tree.inc"

pids=()
clean_up() {
	local pid
	for pid in ${pids[@]+"${pids[@]}"}; do
		kill "$pid" 2>/dev/null || true
	done
	rm -rf "$scratch"
}
trap clean_up EXIT

# devbind STATUS ARGUMENT...: leaves what was printed in $out
devbind() {
	local want=$1 got=0
	shift
	out=$(PATH=$bin:$PATH PLX_SYSROOT=$tree PLX_DEVBIND_WAIT=${wait:-15} \
		"$PLX_BUILD_DIR/bin/plx-devbind" "$@" 2>&1) || got=$?
	[ "$got" -eq "$want" ] || fail "plx-devbind $*: exit status $got, want $want: $out"
}

# says TEXT: in the output of the last devbind
says() {
	[[ $out == *"$1"* ]] || fail "want '$1' in: $out"
}

says_not() {
	[[ $out != *"$1"* ]] || fail "'$1' is out of place in: $out"
}

driver() {
	local link
	link=$(readlink "$pci/devices/0000:$1/driver") || link=none
	echo "${link##*/}"
}

# has BDF DRIVER
has() {
	[ "$(driver "$1")" = "$2" ] || fail "$1 has driver $(driver "$1"), want $2: $out"
}

# All that a change could have changed. "(null)" is how the kernel shows an empty override.
state() {
	local override
	(cd "$pci/devices" && for dir in *; do
		override=$(cat "$dir/driver_override")
		echo "$dir $(driver "${dir#0000:}") ${override:-(null)}"
	done)
	ls -A "$tree/run" "$pci/drivers"
}

# ---- the kernel ----

# join_vfio BDF: the node of its group. Without an IOMMU there is one only in no-IOMMU mode.
join_vfio() {
	local group
	if group=$(readlink "$pci/devices/$1/iommu_group"); then
		touch "$tree/dev/vfio/${group##*/}"
	elif grep -qsx '[1Y]' "$tree/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"; then
		join_noiommu "$1"
	else
		return 1
	fi
}

leave_vfio() {
	local group
	group=$(readlink "$pci/devices/$1/iommu_group") || return 0
	rm -f "$tree/dev/vfio/${group##*/}"
	[ "${group##*/}" != 100 ] || leave_noiommu "$1"
}

# attach NAME BDF; a file refuse.NAME in the tree makes the driver refuse
attach() {
	local dir=$pci/devices/$2
	if [ -e "$dir/driver" ] || [ ! -d "$pci/drivers/$1" ] || [ -e "$tree/refuse.$1" ]; then
		return
	fi
	if [ "$1" = vfio-pci ]; then
		join_vfio "$2" || return 0
	elif [ "$1" = igb ] && [ -e "$tree/interface.$2" ]; then
		interface "$2" "$(cat "$tree/interface.$2")"
	fi
	[ ! -f "$dir/reset" ] || echo "$2 $1 $(cat "$dir/reset")" >>"$tree/attached"
	ln -s "../../drivers/$1" "$dir/driver"
}

# event FILE BDF: what the kernel does with a write
event() {
	local dir=$pci/devices/$2 name
	name=$(cat "$dir/driver_override")
	case $1 in
	*/unbind)
		rm -rf "$dir/net"
		leave_vfio "$2"
		rm "$dir/driver"
		;;
	*/bind)
		name=$(basename "$(dirname "$1")")
		if [ "$(cat "$dir/modalias")" = "pci:$name" ]; then attach "$name" "$2"; fi
		;;
	*)
		[ "$name" != "(null)" ] || name=
		if [ -z "$name" ]; then name=$(sed 's/pci://' "$dir/modalias"); fi
		attach "$name" "$2"
		;;
	esac
}

# listen FILE: it ends with this test, however that ends
listen() {
	local fd bdf
	mkfifo "$1"
	exec {fd}<>"$1"
	{
		while kill -0 $$ 2>/dev/null; do
			if read -r -t 5 -u $fd bdf; then event "$1" "$bdf"; fi
		done
	} </dev/null >/dev/null 2>&1 &
	pids+=($!)
	exec {fd}>&-
}

# kernel_driver NAME [modules]: a driver, or a module that is one when it is loaded
kernel_driver() {
	local dir=$pci/drivers/$1
	[ $# -eq 1 ] || dir=$tree/modules/$1
	mkdir -p "$dir"
	listen "$dir/unbind"
	listen "$dir/bind"
}

# ---- the machine ----

listen "$pci/drivers_probe"
kernel_driver igb
kernel_driver e1000e
kernel_driver nvme
kernel_driver vfio-pci modules
device 0000:00:01.0 0x060400 8086:3420 pcieport 13 0
device 0000:01:00.0 0x020000 8086:10c9 igb 11 0 eth1
device 0000:01:00.1 0x020000 8086:10c9 igb 12 0 eth2
device 0000:02:00.0 0x020000 8086:1521 igb 13 1 eth3
device 0000:02:00.1 0x020000 8086:1521 igb 13 1 eth4
device 0000:03:00.0 0x020000 8086:10ca - 14 -1
device 0000:04:00.0 0x010802 144d:a808 nvme 15 0
device 0000:05:00.0 0x020000 1af4:1041 virtio-pci - -1
mkdir -p "$pci/devices/0000:05:00.0/virtio2/net/eth5"
own lspci <<'END'
#!/bin/sh
[ "$1" = -O ] || exit 1
echo '0000:01:00.0 "Ethernet controller" "Intel Corporation" "82576 Gigabit" -r01 "" ""'
END
cat >"$tree/ip/route4" <<'END'
default via 10.0.0.1 dev eth5 proto dhcp metric 100
10.0.0.0/24 dev eth5 proto kernel scope link src 10.0.0.5
local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1
END
cat >"$tree/ip/addr.eth5" <<'END'
2: eth5    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth5\       valid_lft forever
2: eth5    inet6 fe80::5/64 scope link \       valid_lft forever preferred_lft forever
END
echo "3: eth1    inet6 fe80::1/64 scope link \\       valid_lft forever" >"$tree/ip/addr.eth1"
printf '%s\n' "fe80::/64 dev eth1 proto kernel metric 256" \
	"local fe80::1 dev eth1 table local proto none metric 0" \
	"ff00::/8 dev eth1 table local metric 256" >"$tree/ip/route6"

# ---- wrong usage ----

before=$(state)
while read -r arguments; do
	# shellcheck disable=SC2086
	devbind 2 $arguments
	[ "$(wc -l <<<"$out")" -eq 1 ] || fail "plx-devbind $arguments: want one line: $out"
done <<'END'
--bogus
-b
-b vfio-pci
-u
--restore
--user
--user nobody
01:00.0
-b 01:00.0 01:00.1
-b 01:00.0
-b ../../x 01:00.0
-b= 01:00.0
-b igb -u 01:00.0
-u --restore 01:00.0
-b igb --user nobody 01:00.0
-b igb --noiommu-mode 01:00.0
-b vfio-pci --noiommu-mode --user nobody 01:00.0
-b vfio-pci --user= 01:00.0
--status-dev crypto
END
devbind 2 -b 01:00.0
says "want a driver first: --bind vfio-pci 01:00.0"
wait=x devbind 2 -s
devbind 0 --help
[[ $out == "usage: plx-devbind"* ]] || fail "--help says: $out"
while read -r option; do
	grep -qE -- "^\|.*\`${option}[\` ]" "$PLX_SOURCE_DIR/doc/devbind.md" ||
		fail "doc/devbind.md has no $option"
done < <(grep -oE -- ' --?[a-z][a-z-]*' <<<"$out" | sort -u)

# ---- status ----

expect='Network devices with a driver of the kernel
===========================================
0000:01:00.0 '\''82576 Gigabit 10c9'\'' if=eth1 drv=igb unused=vfio-pci group=11 numa_node=0
0000:01:00.1 '\''Device 10c9'\'' if=eth2 drv=igb unused=vfio-pci group=12 numa_node=0
0000:02:00.0 '\''Device 1521'\'' if=eth3 drv=igb unused=vfio-pci group=13 numa_node=1
0000:02:00.1 '\''Device 1521'\'' if=eth4 drv=igb unused=vfio-pci group=13 numa_node=1
0000:05:00.0 '\''Device 1041'\'' if=eth5 drv=virtio-pci unused=vfio-pci group=- numa_node=-1 *Active* (default route, address 10.0.0.5/24)

Network devices without a driver
================================
0000:03:00.0 '\''Device 10ca'\'' unused=vfio-pci group=14 numa_node=-1'
for option in "" -s --status "--status-dev net"; do
	# shellcheck disable=SC2086
	devbind 0 $option
	[ "$out" = "$expect" ] || fail "plx-devbind $option: $(diff <(echo "$expect") <(echo "$out"))"
done

# ---- refusals ----

# refused ARGUMENT... TEXT: one line with TEXT, and nothing is touched
refused() {
	local text=${*: -1}
	devbind 1 "${@:1:$#-1}"
	says "$text"
	[ "$(state)" = "$before" ] || fail "plx-devbind $*: changed: $(diff <(echo "$before") <(state))"
}

refused -b vfio-pci 09:00.0 "09:00.0: no such device"
refused -b vfio-pci eth9 "eth9: no such device"
refused -b vfio-pci '09:*' "09:*: no such device"
refused -b vfio-pci dpdk:1 "no such device"
refused -b vfio-pci --user no-such-user 01:00.0 "no such user"
refused -b vfio-pci 00:01.0 "0000:00:01.0: a bridge"
refused -b vfio-pci --force 00:01.0 "0000:00:01.0: a bridge"
refused -b vfio-pci eth5 "in use (eth5: default route, address 10.0.0.5/24): --force takes it away"
says_not IOMMU
refused -b vfio-pci --force 05:00.0 "no IOMMU group"
refused -b vfio-pci --force eth5 "no IOMMU group"
refused -u eth5 "in use (eth5: default route, address 10.0.0.5/24): --force takes it away"
refused -u 04:00.0 "no network card, and nvme has it: --force"
refused -b igb_uio 01:00.0 "no module igb_uio for kernel"
says "Module igb_uio not found"
# A driver that is not there is told before what is against the device.
refused -b foo eth5 "in use (eth5: default route"
[[ $out == "plx-devbind: error: no module foo for kernel "* ]] || fail "foo is not told first: $out"
[ ! -e "$tree/loaded" ] || fail "refused, and loaded: $(cat "$tree/loaded")"
devbind 0 --restore dpdk
says "no network function has a user-space driver"
devbind 0 -b igb 01:00.0
says "nothing to do, it has igb"
[ "$(state)" = "$before" ] || fail "nothing to do: $(diff <(echo "$before") <(state))"
# One that is refused keeps the others from being touched.
refused -u 01:00.0 eth5 "nothing is changed"

# in_use FILE LINE REASON: LINE in FILE of ip's answers makes eth1 in use
in_use() {
	local file=$tree/ip/$1
	if [ -e "$file" ]; then cp "$file" "$scratch/keep"; else rm -f "$scratch/keep"; fi
	echo "$2" >>"$file"
	refused -b vfio-pci 01:00.0 "0000:01:00.0: in use (eth1: $3): --force takes it away"
	rm "$file"
	[ ! -e "$scratch/keep" ] || mv "$scratch/keep" "$file"
}
in_use route4 "default via 10.0.0.1 dev eth1 table 100" "default route"
in_use route4 'default proto static \	nexthop via 1.1.1.1 dev eth2 weight 1 \	nexthop via 2.2.2.2 dev eth1 weight 1' \
	"default route"
in_use route6 "default via fe80::9 dev eth1 proto ra" "default route"
in_use route4 "10.7.0.0/16 dev eth1 scope link" "route to 10.7.0.0/16"
echo "10.1.0.0/24 dev eth1 proto kernel scope link src 10.1.0.1" >>"$tree/ip/route4"
in_use addr.eth1 '3: eth1    inet 10.1.0.1/24 scope global eth1\ valid_lft forever' "address 10.1.0.1/24"
in_use addr.eth1 '3: eth1    inet6 2001:db8::1/64 scope global \ valid_lft forever' "address 2001:db8::1/64"
in_use fails x "unknown: ip (iproute2) is missing or fails"
in_use elsewhere x "unknown: the interface is of another network namespace"
ln -s /nowhere "$tree/sys/class/net/eth1/upper_br0"
refused -u eth1 "in use (eth1: carries br0)"
rm "$tree/sys/class/net/eth1/upper_br0"
echo 2 >"$pci/devices/0000:01:00.0/sriov_numvfs"
refused -u eth1 "in use (eth1: has 2 virtual functions)"
echo 0 >"$pci/devices/0000:01:00.0/sriov_numvfs"
# by_program FILE LINE REASON: LINE in FILE makes eth1 in use, and REASON is empty if it does not
by_program() {
	put "$1" "$2"
	if [ -n "$3" ]; then
		refused -b vfio-pci 01:00.0 "0000:01:00.0: in use (eth1: $3): --force takes it away"
	else
		devbind 0 -s
		[[ $out != *"0000:01:00.0 "*Active*0000:01:00.1* ]] || fail "'$2' in $1 makes it in use: $out"
	fi
	rm "$tree/$1"
}
by_program ip/link.eth1 ' xdp qdisc mq state UP \    prog/xdp id 77 name pass tag 614b434cd8324ecc jited ' \
	"XDP program, id 77"
by_program ip/link.eth1 " xdpgeneric qdisc mq state UP" "XDP program"
by_program ip/link.eth1 " qdisc mq state UP alias xdpish" ""
holder 4250 tcpdump 'socket:[91]'
mkdir -p "$tree/proc/4251/fd"
ln -s 'socket:[911]' "$tree/proc/4251/fd/7"
packets=$'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n'
by_program proc/net/packet "${packets}0000000000000000 3      3    0003   11    1 0      0      91" \
	"packet socket of tcpdump, pid 4250"
by_program proc/net/packet "${packets}0000000000000000 3      3    0003   11    1 0      0      92" "packet socket"
by_program proc/net/packet "${packets}0000000000000000 3      3    0003   12    1 0      0      91" ""
by_program proc/net/packet "${packets}0000000000000000 3      3    0003   0     1 0      0      91" ""
by_program proc/net/packet "${packets}0000000000000000 3      2    88cc   11    1 0      0      91" ""
rm -r "$tree/proc/4250" "$tree/proc/4251"
by_program proc/net/pppoe $'Id       Address              Device\n00000001 02:00:00:00:00:09     eth1' "carries PPPoE"
by_program proc/net/pppoe $'Id       Address              Device\n00000001 02:00:00:00:00:09     eth2' ""
mv "$pci/devices/0000:01:00.0/net/eth1" "$scratch/eth1"
refused -u 01:00.0 "interface in another network namespace"
mv "$scratch/eth1" "$pci/devices/0000:01:00.0/net/eth1"

# Without sysfs, and where it can't be written.
out=$(PLX_SYSROOT=$scratch/none "$PLX_BUILD_DIR/bin/plx-devbind" 2>&1) && fail "no sysfs: status 0"
says "no PCI bus, or no sysfs"
mv "$pci/drivers_probe" "$scratch/probe"
refused -u 01:00.0 "drivers_probe can't be written"
mv "$scratch/probe" "$pci/drivers_probe"

# ---- there and back ----

: >"$tree/loaded"
devbind 0 -b vfio-pci 01:00.0
says "0000:01:00.0: vfio-pci"
has 01:00.0 vfio-pci
grep -qx vfio-pci "$tree/loaded" || fail "vfio-pci was not loaded"
grep -qx vfio_iommu_type1 "$tree/loaded" || fail "vfio_iommu_type1 was not loaded"
[ -z "$(cat "$pci/devices/0000:01:00.0/driver_override")" ] || fail "the override is left behind"
[ "$(cat "$tree/run/pollux/devbind/0000:01:00.0")" = "igb 0x8086:0x10c9" ] || fail "record is wrong"
devbind 0 -b vfio 0000:01:00.0
says "nothing to do, it has vfio-pci"
devbind 0
[ "$(sed -n '1p;3p' <<<"$out")" = "Network devices with a user-space driver
0000:01:00.0 '82576 Gigabit 10c9' drv=vfio-pci unused=igb group=11 numa_node=0" ] || fail "shows: $out"
devbind 0 --restore 01:00.0
says "0000:01:00.0: igb, interface eth1"
has 01:00.0 igb
[ -z "$(ls -A "$tree/run")" ] || fail "left behind: $(find "$tree/run")"
devbind 0 --restore 01:00.0
says "nothing to do, it has igb"

kernel_driver uio_pci_generic modules
devbind 0 --bind=vfio-pci eth1 eth2
devbind 0 -b uio 01:00.0 -s
says $'uio_pci_generic\n\nNetwork devices with a user-space driver\n'
has 01:00.0 uio_pci_generic
has 01:00.1 vfio-pci
says "drv=uio_pci_generic unused=igb,vfio-pci"
devbind 0 --restore dpdk
has 01:00.0 igb
has 01:00.1 igb
[ ! -e "$pci/devices/0000:01:00.0/reset" ] || fail "a device without reset is reset"

# What a killed process left in a device goes before a driver of the kernel comes, and only from UIO.
reset=$pci/devices/0000:01:00.0/reset
# attached TEXT...: the drivers of 0000:01:00.0 since the last time, and whether it was reset before
attached() {
	local want
	want=$(printf '0000:01:00.0 %s\n' "$@")
	[ "$(cat "$tree/attached")" = "$want" ] || fail "want '$want', not '$(cat "$tree/attached")'"
	rm "$tree/attached"
	echo 0 >"$reset"
}
echo 0 >"$reset"
devbind 0 -b uio 01:00.0
devbind 0 -b vfio 01:00.0
devbind 0 --restore 01:00.0
attached "uio_pci_generic 0" "vfio-pci 0" "igb 0"
devbind 0 -b uio 01:00.0
devbind 0 --restore 01:00.0
attached "uio_pci_generic 0" "igb 1"
devbind 0 -b uio 01:00.0
devbind 0 -u 01:00.0
devbind 0 -b kernel 01:00.0
attached "uio_pci_generic 0" "igb 1"
rm "$reset"
mkdir "$reset"
devbind 0 -b uio 01:00.0
devbind 0 --restore 01:00.0
says "warning: 0000:01:00.0: not reset: Is a directory"
has 01:00.0 igb
rmdir "$reset"

devbind 0 --restore dpdk
says "no network function has a user-space driver"

devbind 0 -u '01:00.*'
says "0000:01:00.1: no driver"
has 01:00.0 none
has 01:00.1 none
devbind 0 -b none 01:00.0
says "nothing to do, it has no driver"
devbind 0 -b kernel '01:00.*'
[ ! -e "$tree/run/pollux/devbind/0000:01:00.0" ] || fail "-b kernel leaves the record behind"
has 01:00.0 igb
has 01:00.1 igb
devbind 0 -b igb eth2
says "nothing to do, it has igb"

# A device that had no driver goes back to that; a record of another card does not count.
devbind 0 -b vfio-pci 03:00.0
devbind 0 --restore 03:00.0
has 03:00.0 none
devbind 0 -b vfio-pci 01:00.0
put run/pollux/devbind/0000:01:00.0 "nvme 0x144d:0xa808"
devbind 0 --restore 01:00.0
has 01:00.0 igb
devbind 0 -b vfio-pci 01:00.0
rm "$tree/run/pollux/devbind/0000:01:00.0"
devbind 0 -b kernel 01:00.0
has 01:00.0 igb

# What was there is what was there at first: a user-space driver from the boot on, an override.
device 0000:06:00.0 0x020000 8086:1521 igb 17 0 eth6
rm -r "$pci/devices/0000:06:00.0/driver" "$pci/devices/0000:06:00.0/net"
attach vfio-pci 0000:06:00.0
override=$pci/devices/0000:06:00.0/driver_override
echo vfio-pci >"$override"
devbind 0 -b igb 06:00.0
has 06:00.0 igb
[ -z "$(cat "$override")" ] || fail "the override is not taken away: $(cat "$override")"
devbind 0 -b uio 06:00.0
for round in 1 2; do
	devbind 0 --restore 06:00.0
	has 06:00.0 vfio-pci
	[ "$(cat "$override")" = vfio-pci ] || fail "round $round: the override is not back: $(cat "$override")"
done
says "nothing to do, it has vfio-pci"
# -b kernel is for good, so the next one is the first again.
devbind 0 -b kernel 06:00.0
has 06:00.0 igb
[ -z "$(cat "$override")" ] || fail "the override is not taken away: $(cat "$override")"
[ -z "$(ls -A "$tree/run")" ] || fail "left behind: $(find "$tree/run")"
echo igb >"$override"
devbind 0 -b vfio-pci 06:00.0
devbind 0 --restore 06:00.0
has 06:00.0 igb
[ "$(cat "$override")" = igb ] || fail "the override is not back: $(cat "$override")"
[ -z "$(ls -A "$tree/run")" ] || fail "left behind: $(find "$tree/run")"
# Another program gave it back already: what is left is the override, and the record.
echo '(null)' >"$override"
put run/pollux/devbind/0000:06:00.0 "igb 0x8086:0x1521 igb"
devbind 0 --restore 06:00.0
says "nothing to do, it has igb"
[ "$(cat "$override")" = igb ] || fail "the override is not back: $(cat "$override")"
[ -z "$(ls -A "$tree/run")" ] || fail "left behind: $(find "$tree/run")"
# The kernel itself chooses vfio-pci, by ids: that is said at once, and an own choice is taken.
device 0000:06:00.1 0x020000 8086:1521 vfio-pci 18 0
own sleep <<END
#!/bin/sh
echo "\$*" >>"$tree/slept"
exec $(type -P sleep) "\$@"
END
: >"$tree/slept"
wait=20 devbind 1 -b kernel 06:00.1
rm "$bin/sleep"
says "not bound to kernel: the kernel chooses vfio-pci for it (see its option ids); want --bind DRIVER; it has vfio-pci as before"
[ "$(wc -l <"$tree/slept")" -lt 90 ] || fail "it waits for the kernel to change its mind"
has 06:00.1 vfio-pci
rm -r "$pci"/devices/0000:06:00.? "$tree"/sys/kernel/iommu_groups/1[78]
rm -f "$tree"/dev/vfio/1[78] "$tree/interface.0000:06:00.0"
[ -z "$(ls -A "$tree/run")" ] || fail "left behind: $(find "$tree/run")"

# ---- what --force is for ----

devbind 0 -u --force 04:00.0
has 04:00.0 none
devbind 0 --restore 04:00.0
has 04:00.0 nvme
echo "3: eth1 inet 10.1.0.1/24" >"$tree/ip/addr.eth1"
devbind 0 -b vfio-pci --force eth1
has 01:00.0 vfio-pci
rm "$tree/ip/addr.eth1"

# ---- a process has it, or a virtual function of it ----

echo 2 >"$pci/devices/0000:01:00.0/sriov_numvfs"
devbind 1 --restore 01:00.0
says "0000:01:00.0: has 2 virtual functions: --force takes it away"
echo 0 >"$pci/devices/0000:01:00.0/sriov_numvfs"
device 0000:01:10.0 0x020000 8086:10ca - 40 0
ln -s ../0000:01:10.0 "$pci/devices/0000:01:00.0/virtfn0"
holder 4243 qemu /dev/vfio/40
devbind 1 --force --restore 01:00.0
says "its virtual function 0000:01:10.0 is in use (qemu, pid 4243): end that first"
rm -r "$pci/devices/0000:01:00.0/virtfn0" "$pci/devices/0000:01:10.0" "$tree/proc/4243" \
	"$tree/sys/kernel/iommu_groups/40"

for node in /dev/vfio/11 /sys/devices/pci0000:00/0000:01:00.0/resource0; do
	holder 4242 plx-l2fwd "$node"
	for option in --force -u; do
		devbind 1 --restore "${option/-u/--}" 01:00.0
		says "0000:01:00.0: in use (plx-l2fwd, pid 4242): end that first"
		has 01:00.0 vfio-pci
	done
	devbind 0
	says "group=11 numa_node=0 *Active* (plx-l2fwd, pid 4242)"
	rm -r "$tree/proc/4242"
done
mkdir -p "$pci/devices/0000:01:00.0/uio/uio3"
holder 4242 plx-l2fwd /dev/uio3
devbind 1 -u 01:00.0
says "in use (plx-l2fwd, pid 4242)"
rm -r "$tree/proc/4242" "$pci/devices/0000:01:00.0/uio"
devbind 0 --restore 01:00.0

# ---- what fails half-way ----

before=$(state)
touch "$tree/refuse.vfio-pci"
wait=3 devbind 1 -b vfio-pci 01:00.0
says "0000:01:00.0: not bound to vfio-pci: the driver did not take it"
says "it has igb as before"
[ "$(state)" = "$before" ] ||
	fail "not put back: $(diff <(echo "$before") <(state))"
[ -z "$(ls -A "$tree/run")" ] || fail "left behind: $(find "$tree/run")"
wait=3 devbind 1 -b vfio-pci 03:00.0
says "it has no driver as before"
[ -z "$(ls -A "$tree/run")" ] || fail "left behind: $(find "$tree/run")"
[ -d "$pci/devices/0000:01:00.0/net/eth1" ] || fail "the interface is not back"
# A driver that does not know the device is not forced upon it.
wait=3 devbind 1 -b e1000e 01:00.0
says "not bound to e1000e"
has 01:00.0 igb
# Neither the new nor the old one takes it: then it is said, and the record helps later.
touch "$tree/refuse.igb"
wait=1 devbind 1 -b vfio-pci 01:00.0
says "and igb is not back: the driver did not take it"
says "try plx-devbind --restore 0000:01:00.0"
rm "$tree/refuse.igb" "$tree/refuse.vfio-pci"
devbind 0 --restore 01:00.0
has 01:00.0 igb
# The kernel does not answer: a write has an end.
mv "$pci/drivers/igb/unbind" "$scratch/unbind"
mkfifo "$pci/drivers/igb/unbind"
wait=1 devbind 1 -b vfio-pci 01:00.0
says "the kernel has not done it within 1 s; it has igb as before"
rm "$pci/drivers/igb/unbind"
mkdir "$pci/drivers/igb/unbind"
devbind 1 -b vfio-pci 01:00.0
says "not bound to vfio-pci: Is a directory; it has igb as before"
rmdir "$pci/drivers/igb/unbind"
mv "$scratch/unbind" "$pci/drivers/igb/unbind"
# The second one of two is tried although the first one failed.
mkdir "$scratch/keep.d"
mv "$pci/devices/0000:01:00.0/driver_override" "$scratch/keep.d"
mkdir "$pci/devices/0000:01:00.0/driver_override"
devbind 1 -b vfio-pci '01:00.*'
has 01:00.0 igb
has 01:00.1 vfio-pci
rmdir "$pci/devices/0000:01:00.0/driver_override"
mv "$scratch/keep.d/driver_override" "$pci/devices/0000:01:00.0"
devbind 0 --restore 01:00.1

# ---- no IOMMU ----

devbind 1 -b vfio-pci --noiommu-mode --force eth5
says "no no-IOMMU mode"
put sys/module/vfio/parameters/enable_unsafe_noiommu_mode N
kernel_driver virtio-pci
devbind 0 -b vfio-pci --noiommu-mode --force eth5
says "no-IOMMU mode is on"
has 05:00.0 vfio-pci
[ "$(cat "$tree/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")" = 1 ] || fail "not switched on"
# Its group is none of an IOMMU, and not for an ordinary user; nor is anything else of that request done.
own chown <<END
#!/bin/sh
echo "\$*" >>"$tree/chowned"
END
devbind 0
says "drv=vfio-pci unused=uio_pci_generic group=noiommu-100 numa_node=-1"
before=$(state)
for option in "" "-b vfio-pci"; do
	# shellcheck disable=SC2086
	refused $option --user nobody 01:00.0 05:00.0 \
		"0000:05:00.0: --user: it is in vfio's no-IOMMU mode, its DMA is unprotected: only for root"
	[ "$(wc -l <<<"$out")" -eq 1 ] || fail "want one line: $out"
done
[ ! -e "$tree/chowned" ] || fail "handed over: $(cat "$tree/chowned")"
holder 4242 plx-l2fwd /dev/vfio/noiommu-100
devbind 1 --restore 05:00.0
says "in use (plx-l2fwd, pid 4242)"
rm -r "$tree/proc/4242"
devbind 0 -b uio 05:00.0
devbind 1 -b vfio-pci 05:00.0
says "no IOMMU group"
put sys/module/vfio/parameters/enable_unsafe_noiommu_mode N
devbind 0 -b vfio-pci --noiommu-mode 01:00.0
says_not "no-IOMMU"
[ "$(cat "$tree/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")" = N ] ||
	fail "no-IOMMU mode although there is an IOMMU"
devbind 0 --restore 05:00.0 01:00.0
has 05:00.0 virtio-pci

# ---- groups and users ----

devbind 0 -b vfio-pci 02:00.0
says "warning: IOMMU group 13 can't be used: it also has 0000:02:00.1 (igb); bind that to vfio-pci too"
devbind 0
says "group=13 numa_node=1 spoiled by 0000:02:00.1 (igb)"
devbind 0 -b vfio-pci 02:00.1
says_not warning
devbind 0
says_not spoiled

# A process has the group by one function: no other driver for the function that has none.
devbind 0 -u 02:00.1
holder 4242 plx-l2fwd /dev/vfio/13
for option in --force --; do
	devbind 1 -b kernel "$option" 02:00.1
	says "0000:02:00.1: its IOMMU group 13 is in use (plx-l2fwd, pid 4242): end that first"
	has 02:00.1 none
done
devbind 1 -b uio 02:00.1
says "its IOMMU group 13 is in use"
devbind 0 -b vfio-pci 02:00.1
has 02:00.1 vfio-pci
rm -r "$tree/proc/4242"
# By iommufd it is the function's own device that is open.
devbind 0 -u 02:00.1
mkdir -p "$pci/devices/0000:02:00.0/vfio-dev/vfio4"
holder 4242 plx-l2fwd /dev/vfio/devices/vfio4
devbind 1 -b kernel 02:00.1
says "its IOMMU group 13 is in use (plx-l2fwd, pid 4242): end that first"
rm -r "$tree/proc/4242" "$pci/devices/0000:02:00.0/vfio-dev"
devbind 0 -b vfio-pci 02:00.1

touch "$tree/dev/vfio/vfio"
chmod 666 "$tree/dev/vfio/vfio"
nobody=$(id -u nobody)
devbind 0 -b vfio-pci --user nobody 01:00.0
[ "$(cat "$tree/chowned")" = "$nobody $tree/dev/vfio/11" ] || fail "chown $(cat "$tree/chowned")"
says "/dev/vfio/11 is nobody's, until vfio-pci is left"
says_not "with it"
says "echo 'nobody - memlock unlimited' >/etc/security/limits.d/pollux-nobody.conf"
says "LimitMEMLOCK=infinity"
says_not warning
chmod 600 "$tree/dev/vfio/vfio"
devbind 0 --user nobody 02:00.0 02:00.1
[ "$(tail -n 1 "$tree/chowned")" = "$nobody $tree/dev/vfio/13" ] || fail "chown $(cat "$tree/chowned")"
says "nobody can't open /dev/vfio/vfio: chmod 0666 /dev/vfio/vfio"
says_not "with it"
# What goes along, and a uid is as good as a name.
devbind 0 --user "$nobody" 02:00.0
[ "$(tail -n 1 "$tree/chowned")" = "$nobody $tree/dev/vfio/13" ] || fail "chown $(cat "$tree/chowned")"
says "0000:02:00.0: /dev/vfio/13 is nobody's, until vfio-pci is left, and with it 0000:02:00.1 of the same group"
says "echo 'nobody - memlock unlimited' >/etc/security/limits.d/pollux-nobody.conf"
devbind 1 --user nobody 01:00.1
says "only a device of vfio-pci"
rm "$tree/dev/vfio/13"
devbind 1 --user nobody 02:00.0
says "there is no /dev/vfio/13"
own chown <<'END'
#!/bin/sh
exit 1
END
devbind 1 --user nobody 01:00.0
says "can't hand over"
says_not memlock

# ---- interrupted between two devices ----

touch "$tree/dev/vfio/13"
devbind 0 --restore dpdk
mkdir "$scratch/slow"
mv "$pci/drivers/igb/unbind" "$scratch/slow"
mkfifo "$pci/drivers/igb/unbind"
PATH=$bin:$PATH PLX_SYSROOT=$tree PLX_DEVBIND_WAIT=30 setsid "$PLX_BUILD_DIR/bin/plx-devbind" \
	-b vfio-pci '01:00.*' >"$scratch/out" 2>&1 &
pid=$!
# The override is there, so it waits at the pipe, or soon will: it is interrupted, then answered.
for ((tries = 200; tries > 0; tries--)); do
	! grep -q vfio-pci "$pci/devices/0000:01:00.0/driver_override" || break
	sleep 0.05
done
sleep 1
kill -TERM -- "-$pid"
bdf=$(timeout 20 head -n 1 "$pci/drivers/igb/unbind") || fail "nobody is at the pipe: $(cat "$scratch/out")"
rm "$pci/drivers/igb/unbind"
mv "$scratch/slow/unbind" "$pci/drivers/igb/unbind"
event "$pci/drivers/igb/unbind" "$bdf"
got=0
wait "$pid" || got=$?
out=$(cat "$scratch/out")
[ $got -eq 130 ] || fail "interrupted: exit status $got, want 130: $out"
says "interrupted: 0000:01:00.1 and what follows is as it was"
has 01:00.0 vfio-pci
has 01:00.1 igb
devbind 0 --restore dpdk

# ---- no cards, no modprobe, no lspci ----

rm "$bin/lspci"
own lspci <<'END'
#!/bin/sh
exit 1
END
devbind 0
says "0000:01:00.0 'Device 10c9' if=eth1 drv=igb"
rm -r "$pci/devices"
mkdir "$pci/devices"
devbind 0
[ "$out" = "No network devices on the PCI bus" ] || fail "without cards: $out"
[ ! -e "$tree/unexpected" ] || fail "unexpected: $(cat "$tree/unexpected")"
