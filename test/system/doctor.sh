#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-doctor on machines of our own making: each line as ok, as warn and as bad, and on a machine of
# which nothing can be seen.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=pci_tree.inc
. "$(dirname "${BASH_SOURCE[0]}")/pci_tree.inc"
trap 'rm -rf "$scratch"' EXIT

# What the doctor takes for a card of the driver is what the driver takes for one.
known=$(PLX_SYSROOT=$tree bash -c '
	. "$1/scripts/lib/pci.sh"
	for id in $(declare -f igb_part | grep -oE "\b[0-9a-f]{4}\b"); do
		part=$(igb_part "$id")
		[ -z "$part" ] || echo "$id $part"
	done' - "$PLX_SOURCE_DIR" | sort -u)
driven=$(sed -nE 's/^\tX\(0x([0-9a-f]{4}), ([A-Z0-9]+), ([A-Z]+)\).*/\1 \2, \3/p' "$PLX_SOURCE_DIR/drivers/igb/ids.h" |
	sed 's/, COPPER//; s/, STRAPPED/, copper or not by its board/; s/, [A-Z]*$/, not copper/' | sort)
[ "$(wc -l <<<"$driven")" -ge 30 ] || fail "drivers/igb/ids.h is not read: $driven"
[ "$known" = "$driven" ] || fail "ids of the doctor and of the driver: $(diff <(echo "$known") <(echo "$driven"))"

# Root may open everything: where this is root, the doctor is an ordinary user.
as_user=()
if [ "$(id -u)" -eq 0 ]; then as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups); fi

# doctor STATUS ARGUMENT...: leaves what was printed in $out
doctor() {
	local want=$1 got=0
	shift
	out=$(PATH=$bin:$PATH PLX_SYSROOT=$tree ${as_user[@]+"${as_user[@]}"} \
		"$PLX_BUILD_DIR/bin/plx-doctor" "$@" 2>&1) || got=$?
	[ "$got" -eq "$want" ] || fail "plx-doctor $*: exit status $got, want $want: $out"
	[[ $out != *"plx-doctor: line "* ]] || fail "complaints of the shell: $out"
	tail -n 1 <<<"$out" >"$scratch/totals"
	if [ "$want" -ne 2 ] && [ $# -eq 0 ]; then
		[ "$(cat "$scratch/totals")" = "plx-doctor: $(grep -c '^ok' <<<"$out") ok, $(grep -c '^warn' <<<"$out") warn, $(grep -c '^bad' <<<"$out") bad" ] ||
			fail "the totals are wrong: $out"
	fi
}

# line VERDICT NAME TEXT [MEND]: one line of the last page, and the one below it
line() {
	local want
	want=$(printf '%-5s %-11s %s' "$1" "$2" "$3")
	if [ $# -gt 3 ]; then want+=$'\n'"        -> $4"; fi
	[[ $'\n'$out$'\n' == *$'\n'"$want"$'\n'* ]] || fail "want '$want' in: $out"
}

own lspci <<'END'
#!/bin/sh
exit 1
END

# ---- wrong usage ----

for arguments in --bogus --cpus "--cpus x" "--cpus=1-" --cpus= "--cpus 3-2" eth0; do
	# shellcheck disable=SC2086
	doctor 2 $arguments
	[ "$(wc -l <<<"$out")" -eq 1 ] || fail "plx-doctor $arguments: want one line: $out"
done
doctor 2 eth0
[[ $out == *"eth0: there is nothing to name"* ]] || fail "an argument: $out"
doctor 2 --bogus
[[ $out == *"--bogus: unknown option"* ]] || fail "an option: $out"
doctor 0 --help
[[ $out == "usage: plx-doctor"* ]] || fail "--help says: $out"

# ---- nothing to be seen ----

doctor 1
line bad hugepages "this kernel has none (CONFIG_HUGETLBFS): only --no-huge will run"
line warn memlock "the limit is not told here; ulimit -l may"
line ok numa "one node"
line warn iommu "off, or not to be seen: VFIO does not guard what a card writes" \
	"intel_iommu=on iommu=pt, and VT-d in the firmware"
line warn vfio "this kernel has no vfio-pci" \
	"a kernel with CONFIG_VFIO_PCI, and modprobe (package kmod) where it is a module"
line ok lockdown none
line warn cards "none of the igb family with copper ports: software ports only (--vdev ...)"
line warn isolation "one CPU: lcores share it with everything else"
line ok irqbalance "not running"
[[ $out != *"--noiommu-mode"* && $out != *"-b uio"* ]] || fail "advice to use drivers that are not there: $out"
line warn realtime "whether the kernel throttles real-time threads is not to be seen here"
line warn tsc "/proc/cpuinfo does not tell"
[[ $out != *"No such file"* ]] || fail "complaints of the shell: $out"

# ---- a machine that is ready ----

huge=sys/kernel/mm/hugepages/hugepages
node=sys/devices/system/node
cpu=sys/devices/system/cpu
clock=sys/devices/system/clocksource/clocksource0
good() {
	put $huge-2048kB/nr_hugepages 256
	put $huge-2048kB/free_hugepages 250
	put $huge-1048576kB/nr_hugepages 0
	put $huge-1048576kB/free_hugepages 0
	put $node/node0/hugepages/hugepages-2048kB/nr_hugepages 256
	put $node/node0/cpulist 0-3
	put proc/self/limits "Max locked memory         unlimited            unlimited            bytes     "
	put proc/self/status "CapEff:	0000000000000000"
	put proc/self/cgroup "0::/user.slice"
	put proc/meminfo "Hugetlb:          524288 kB"
	put proc/cmdline "ro quiet intel_iommu=on iommu=pt"
	put proc/cpuinfo "flags		: fpu tsc constant_tsc nonstop_tsc"
	put proc/sys/kernel/sched_rt_runtime_us -1
	put proc/sys/kernel/sched_rt_period_us 1000000
	put sys/kernel/security/lockdown "[none] integrity confidentiality"
	put $cpu/online 0-3
	put $cpu/isolated 2-3
	put $cpu/nohz_full 2-3
	for n in 0 1 2 3; do put $cpu/cpu$n/cpufreq/scaling_governor performance; done
	put $clock/current_clocksource tsc
	put $clock/available_clocksource "tsc hpet acpi_pm"
	mkdir -p "$tree/proc/irq/24/eth1" "$tree/proc/irq/25" "$tree/sys/class/iommu/dmar0"
	put proc/irq/24/effective_affinity_list 0
	put proc/irq/24/smp_affinity_list 0-3
	put proc/irq/25/smp_affinity_list 0-3
	put proc/1/comm systemd
	: >"$tree/dev/vfio/vfio"
	: >"$tree/dev/vfio/11"
	chmod 666 "$tree/dev/vfio/vfio" "$tree/dev/vfio/11"
}
good
mkdir -p "$pci/drivers/vfio-pci"
device 0000:01:00.0 0x020000 8086:1521 vfio-pci 11 0
doctor 0
line ok hugepages "256 of 2 MB, 250 free (node0 256)"
line ok memlock unlimited
line ok numa "one node"
line ok iommu "on (dmar0), 1 groups"
line ok vfio "there, and open to you"
line ok lockdown none
line ok card "0000:01:00.0 I350, driver vfio-pci, node 0, /dev/vfio/11 is open to you"
line ok isolation "CPUs 2-3 are isolated, without a timer tick"
line ok irqs "none goes to CPUs 2-3"
line ok irqbalance "not running"
line ok governor performance
line ok realtime "not throttled"
line ok tsc "invariant, the kernel's clock is tsc"
[ "$(cat "$scratch/totals")" = "plx-doctor: 13 ok, 0 warn, 0 bad" ] || fail "says: $out"
doctor 0 -q
[ "$out" = "plx-doctor: 13 ok, 0 warn, 0 bad" ] || fail "--quiet says: $out"

# ---- memory ----

put $huge-1048576kB/nr_hugepages 4
put $huge-1048576kB/free_hugepages 4
put $node/node0/hugepages/hugepages-1048576kB/nr_hugepages 4
doctor 0
line ok hugepages "4 of 1 GB, 4 free (node0 4)"
# All of one size in use: no harm while there is the other one, and this process may have it.
put $huge-1048576kB/free_hugepages 0
doctor 0
line ok hugepages "4 of 1 GB, and all in use; of 2 MB some are free"
line ok hugepages "256 of 2 MB, 250 free (node0 256)"
put sys/fs/cgroup/user.slice/hugetlb.2MB.max 0
doctor 1
line warn hugepages "4 of 1 GB, and all in use" \
	"echo 8 | sudo tee /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"
rm "$tree/sys/fs/cgroup/user.slice/hugetlb.2MB.max"
put $huge-2048kB/free_hugepages 0
doctor 0
line warn hugepages "4 of 1 GB, and all in use" \
	"echo 8 | sudo tee /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"
put $huge-1048576kB/free_hugepages 1
doctor 0
line ok hugepages "256 of 2 MB, and all in use; of 1 GB some are free"
good
put $huge-2048kB/free_hugepages 0
doctor 0
line warn hugepages "256 of 2 MB, and all in use" \
	"echo 512 | sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
put $huge-2048kB/nr_hugepages 0
doctor 1
line bad hugepages "none reserved: only --no-huge will run" \
	"echo 256 | sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
good
put sys/fs/cgroup/user.slice/hugetlb.2MB.max 0
doctor 1
line bad hugepages "256 of 2 MB, and this cgroup may have none of them" \
	"raise hugetlb.2MB.max of the cgroup (container)"
put sys/fs/cgroup/user.slice/hugetlb.2MB.max max
doctor 0
line ok hugepages "256 of 2 MB, 250 free (node0 256)"

me=$(${as_user[@]+"${as_user[@]}"} id -un)
for limit in 8388608 134217728; do
	put proc/self/limits "Max locked memory         $limit              $limit              bytes     "
	doctor 1
	line bad memlock "$((limit / 1048576)) MB: cards want all hugepages locked" \
		"echo '$me - memlock unlimited' | sudo tee /etc/security/limits.d/pollux-$me.conf; and log in anew
        -> or in a service of systemd: LimitMEMLOCK=infinity; for a container: --ulimit memlock=-1"
done
put proc/meminfo "Hugetlb:          4096 kB"
put proc/self/limits "Max locked memory         8388608              8388608              bytes     "
doctor 1
line bad memlock "8 MB: cards want all hugepages locked"
put proc/self/status "CapEff:	000001ffffffffff"
doctor 0
line ok memlock "no limit for you (root); an ordinary user has one: plx-devbind --user"
put proc/self/status "CapEff:	0000000000000000"
put proc/self/limits "Max locked memory         1073741824           1073741824           bytes     "
doctor 0
line ok memlock "1 GB"
good

put $node/node1/cpulist 4-7
put $node/node1/hugepages/hugepages-2048kB/nr_hugepages 0
doctor 0
line ok numa "2 nodes; node 0: CPUs 0-3; node 1: CPUs 4-7; 0000:01:00.0 on node 0"
put proc/sys/kernel/numa_balancing 1
doctor 0
line warn numa "2 nodes; node 0: CPUs 0-3; node 1: CPUs 4-7; 0000:01:00.0 on node 0; the kernel moves pages between them (numa_balancing)" \
	"sudo sysctl kernel.numa_balancing=0"
put sys/bus/pci/devices/0000:01:00.0/numa_node 1
doctor 0
line warn numa "2 nodes; node 0: CPUs 0-3; node 1: CPUs 4-7; 0000:01:00.0 on node 1; node 1 has no hugepages" \
	"echo 256 | sudo tee /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
rm -r "${tree:?}/$node/node1"
put sys/bus/pci/devices/0000:01:00.0/numa_node 0

# ---- VFIO ----

put sys/module/vfio/parameters/enable_unsafe_noiommu_mode Y
doctor 0
line warn vfio "no-IOMMU mode is on: a card of vfio-pci may write to all memory" \
	"echo 0 | sudo tee /sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
put sys/module/vfio/parameters/enable_unsafe_noiommu_mode N
chmod 600 "$tree/dev/vfio/vfio"
if [ ! -O "$tree/dev/vfio/vfio" ] || [ ${#as_user[@]} -gt 0 ]; then
	doctor 1
	line bad vfio "/dev/vfio/vfio is not open to you" "sudo chmod 0666 /dev/vfio/vfio"
	chmod 666 "$tree/dev/vfio/vfio"
	chmod 600 "$tree/dev/vfio/11"
	doctor 1
	line bad card "0000:01:00.0 I350, driver vfio-pci, node 0: /dev/vfio/11 is not yours" \
		"sudo plx-devbind --user $me 0000:01:00.0"
fi
rm "$tree/dev/vfio/vfio" "$tree/dev/vfio/11"
doctor 1
line bad vfio "vfio-pci is there, /dev/vfio/vfio is not" \
	"sudo modprobe vfio; in a container: give it the device /dev/vfio/vfio"
line bad card "0000:01:00.0 I350, driver vfio-pci, node 0: there is no /dev/vfio/11 here" \
	"in a container: give it the devices /dev/vfio/vfio and /dev/vfio/11"
good
holder 77 plx-l2fwd /dev/vfio/11
doctor 0
line ok card "0000:01:00.0 I350, driver vfio-pci, node 0, in use by plx-l2fwd, pid 77"
rm -r "$tree/proc/77"
device 0000:01:00.1 0x020000 8086:1521 igb 11 0 eth2
doctor 1
line bad card "0000:01:00.0 I350, driver vfio-pci, node 0: the kernel still drives 0000:01:00.1 (igb)" \
	"sudo plx-devbind -b vfio-pci 0000:01:00.1"
line warn card "0000:01:00.1 I350, driver igb, eth2, node 0: not given to a user-space driver" \
	"sudo plx-devbind -b vfio-pci 0000:01:00.1"
rm -r "$pci/devices/0000:01:00.0"
device 0000:01:00.0 0x020000 8086:10c9 igb 11 0 eth1 2>/dev/null || true
ln -sfn "$pci/devices/0000:01:00.0" "$tree/sys/kernel/iommu_groups/11/devices/0000:01:00.0"
interface 0000:01:00.0 eth1
doctor 0
line warn card "0000:01:00.0 82576, driver igb, eth1, node 0: its IOMMU group also has 0000:01:00.1 (igb)" \
	"sudo plx-devbind -b vfio-pci 0000:01:00.0 0000:01:00.1"
echo "3: eth2 inet 10.0.0.2/24" >"$tree/ip/addr.eth2"
doctor 0
line warn card "0000:01:00.0 82576, driver igb, eth1, node 0: its IOMMU group also has 0000:01:00.1 (igb)" \
	"0000:01:00.1 has to stay with the kernel: another slot, or ACS in the firmware, parts them"
rm "$tree/ip/addr.eth2"
echo 0x010802 >"$pci/devices/0000:01:00.1/class"
doctor 0
line warn card "0000:01:00.0 82576, driver igb, eth1, node 0: its IOMMU group also has 0000:01:00.1 (igb)" \
	"0000:01:00.1 has to stay with the kernel: another slot, or ACS in the firmware, parts them"
echo 0x020000 >"$pci/devices/0000:01:00.1/class"
echo "2: eth1 inet 10.0.0.1/24" >"$tree/ip/addr.eth1"
doctor 0
line ok card "0000:01:00.0 82576, driver igb, eth1, node 0: the kernel's, in use (address 10.0.0.1/24)"
rm -r "$tree/ip/addr.eth1" "$pci/devices/0000:01:00.1" "$tree/sys/kernel/iommu_groups/11/devices/0000:01:00.1"
ln -sfn ../../drivers/uio_pci_generic "$pci/devices/0000:01:00.0/driver"
mkdir "$pci/drivers/uio_pci_generic"
rm -r "$pci/devices/0000:01:00.0/net"
doctor 0
line warn card "0000:01:00.0 82576, driver uio_pci_generic, node 0: for root only, and no IOMMU guards what it writes" \
	"sudo plx-devbind -b vfio-pci 0000:01:00.0"
rm "$pci/devices/0000:01:00.0/driver"
doctor 0
line warn card "0000:01:00.0 82576, driver none, node 0: not given to a user-space driver" \
	"sudo plx-devbind -b vfio-pci 0000:01:00.0"

# Other cards: by a driver of the kernel; a port of the family that is not copper.
device 0000:05:00.0 0x020000 1af4:1041 virtio-pci - -1 eth5
device 0000:06:00.0 0x020000 8086:1523 igb 16 -1 eth6
doctor 0
line ok card "0000:05:00.0 Device 1041, driver virtio-pci, eth5: by net_af_xdp, net_af_packet or net_pcap"
line warn card "0000:06:00.0 I350, not copper: not by the driver igb; eth6 by net_af_xdp, net_af_packet or net_pcap"
for id in 10c9:82576 150e:82580 1533:I210 1539:I211; do
	put sys/bus/pci/devices/0000:01:00.0/device "0x${id%:*}"
	doctor 0
	line warn card "0000:01:00.0 ${id#*:}, driver none, node 0: not given to a user-space driver"
done
put sys/bus/pci/devices/0000:01:00.0/device 0x1f41
doctor 0
line warn card "0000:01:00.0 I354, copper or not by its board, driver none, node 0: not given to a user-space driver" \
	"sudo plx-devbind -b vfio-pci 0000:01:00.0"
rm -r "$pci/devices/0000:05:00.0" "$pci/devices/0000:06:00.0" "$tree/sys/kernel/iommu_groups/16"

# vfio-pci: as a module, and not at all.
mv "$pci/drivers/vfio-pci" "$tree/modules"
rm "$tree/dev/vfio/vfio"
doctor 0
line ok vfio "a module that plx-devbind loads when it is wanted"
rmdir "$tree/modules/vfio-pci"
doctor 1
line bad vfio "this kernel has no vfio-pci" \
	"a kernel with CONFIG_VFIO_PCI, and modprobe (package kmod) where it is a module
        -> or, as root and unguarded: plx-devbind -b uio_pci_generic"
line warn card "0000:01:00.0 I354, copper or not by its board, driver none, node 0: not given to a user-space driver" \
	"see vfio"
mkdir "$pci/drivers/vfio-pci"
good

# ---- lockdown, IOMMU ----

put sys/kernel/security/lockdown "none [integrity] confidentiality"
doctor 0
line warn lockdown "none [integrity] confidentiality: uio_pci_generic does not work, vfio-pci does"
mkdir -p "$tree/sys/firmware/efi/efivars"
secure=$tree/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
printf '\6\0\0\0\1' >"$secure"
rm "$tree/sys/kernel/security/lockdown"
doctor 0
line warn lockdown "not told, secure boot is on: uio_pci_generic may not work, vfio-pci does"
printf '\6\0\0\0\0' >"$secure"
doctor 0
line ok lockdown none
put sys/kernel/security/lockdown "none integrity [confidentiality]"
rm -r "$tree/sys/kernel/iommu_groups/11" "$pci/devices/0000:01:00.0/iommu_group"
doctor 1
line bad lockdown "none integrity [confidentiality]: uio_pci_generic does not work, and vfio-pci wants an IOMMU" \
	"see iommu; or switch secure boot off in the firmware"
put sys/kernel/security/lockdown "[none] integrity"
off="off, or not to be seen: VFIO does not guard what a card writes"
line bad iommu "$off" "intel_iommu=on is there: switch on VT-d in the firmware
        -> without one, as root and unguarded: plx-devbind -b uio_pci_generic"
card="0000:01:00.0 I354, copper or not by its board, driver"
line warn card "$card none, node 0: not given to a user-space driver" \
	"see iommu; or, as root and unguarded: sudo plx-devbind -b uio_pci_generic 0000:01:00.0"
rmdir "$pci/drivers/uio_pci_generic"
rm -r "$tree/sys/module/vfio"
put modules/parameters.vfio "disable_hugepages:Disable VFIO IOMMU support for IOMMU hugepages. (bool)"
doctor 1
line bad iommu "$off" "intel_iommu=on is there: switch on VT-d in the firmware"
[[ $out != *"without one"* ]] || fail "advice to use drivers that are not there: $out"
line warn card "$card none, node 0: not given to a user-space driver" "see iommu"
put modules/parameters.vfio "enable_unsafe_noiommu_mode:Enable UNSAFE, no-IOMMU mode. (bool)"
doctor 1
line bad iommu "$off" "intel_iommu=on is there: switch on VT-d in the firmware
        -> without one, as root and unguarded: plx-devbind -b vfio-pci --noiommu-mode"

# Driven without an IOMMU: that works, for root. A group of vfio's own making is not one of an IOMMU.
mkdir "$pci/drivers/uio_pci_generic"
ln -s ../../drivers/uio_pci_generic "$pci/devices/0000:01:00.0/driver"
doctor 0
line warn iommu "$off" "intel_iommu=on is there: switch on VT-d in the firmware"
line warn card "$card uio_pci_generic, node 0: for root only, and no IOMMU guards what it writes" "see iommu"
ln -sfn ../../drivers/vfio-pci "$pci/devices/0000:01:00.0/driver"
join_noiommu 0000:01:00.0
put sys/module/vfio/parameters/enable_unsafe_noiommu_mode Y
doctor 0
line warn iommu "$off" "intel_iommu=on is there: switch on VT-d in the firmware"
line warn card "$card vfio-pci, node 0: for root only, and no IOMMU guards what it writes" "see iommu"
line warn vfio "no-IOMMU mode is on: a card of vfio-pci may write to all memory" \
	"when 0000:01:00.0 is done with it: echo 0 | sudo tee /sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
put sys/kernel/security/lockdown "none [integrity]"
doctor 0
line warn lockdown "none [integrity]: uio_pci_generic does not work, and vfio-pci wants an IOMMU"
holder 77 plx-l2fwd /dev/vfio/noiommu-100
doctor 0
line ok card "$card vfio-pci, node 0, in use by plx-l2fwd, pid 77"
rm -r "$tree/proc/77" "$pci/devices/0000:01:00.0/driver" "$tree/modules/parameters.vfio"
leave_noiommu 0000:01:00.0
put sys/module/vfio/parameters/enable_unsafe_noiommu_mode N
put sys/kernel/security/lockdown "[none] integrity"

for word in intel_iommu=off iommu=off; do
	put proc/cmdline "ro $word quiet"
	doctor 1
	line bad iommu "$off" "take $word from the kernel's command line"
done
put proc/cmdline "ro quiet"
put proc/cpuinfo "Features : fp asimd"
doctor 1
line bad iommu "$off" "switch on the SMMU in the firmware; in a virtual machine: give it one"
put proc/cpuinfo "flags		: fpu tsc constant_tsc nonstop_tsc"
put proc/cmdline "ro quiet"
doctor 1
line bad iommu "$off" "intel_iommu=on iommu=pt, and VT-d in the firmware"
put proc/cpuinfo $'vendor_id\t: AuthenticAMD\nflags\t: constant_tsc nonstop_tsc'
doctor 1
line bad iommu "$off" "switch on the IOMMU (AMD-Vi) in the firmware; iommu=pt"
put proc/cpuinfo $'vendor_id\t: GenuineIntel\nflags\t: constant_tsc nonstop_tsc hypervisor'
doctor 1
line bad iommu "$off" "this is a virtual machine: give it a virtual IOMMU; then intel_iommu=on"
rm -r "$pci/devices/0000:01:00.0"
doctor 0
line warn iommu "$off" "this is a virtual machine: give it a virtual IOMMU; then intel_iommu=on"

# ---- CPUs ----

good
put $cpu/nohz_full "(null)"
doctor 0
line warn isolation "CPUs 2-3 are isolated, and not free of the timer tick" "nohz_full=2-3 rcu_nocbs=2-3"
rm "$tree/$cpu/nohz_full"
doctor 0
line warn isolation "CPUs 2-3 are isolated, and this kernel can't stop their timer tick" \
	"a kernel with CONFIG_NO_HZ_FULL"
put $cpu/isolated ""
doctor 0
line warn isolation "no CPU is kept from other work (CPUs 0-3)" "isolcpus=managed_irq,domain,1-3 irqaffinity=0"
put $cpu/isolated 2-3
put $cpu/nohz_full 2-3
doctor 0 --cpus 1,3
line warn isolation "CPUs 2-3 are isolated, and not all of 1,3" \
	"isolcpus=managed_irq,domain,1,3 nohz_full=1,3 rcu_nocbs=1,3 irqaffinity=0"
line ok irqs "none goes to CPUs 1,3"
# CPUs that are not there: no page at all.
for cpus in 99 4 0-4 1,0099; do
	doctor 2 --cpus "$cpus"
	[[ $out == "plx-doctor: error: --cpus $cpus: CPU "*" is not online; online: 0-3" ]] ||
		fail "--cpus $cpus: $out"
done
put $cpu/online 0-3,8-9
doctor 0 --cpus 08-09,3
put $cpu/online 0-3
doctor 0 --cpus 0-3
line warn isolation "lcores on all CPUs (0-3): one has to be left for everything else"
[[ $out != *isolcpus* && $out != *irqaffinity* ]] || fail "advice to isolate all CPUs: $out"
put $cpu/online 0,2-3
doctor 2 --cpus 1-2
[[ $out == *"CPU 1 is not online; online: 0,2-3" ]] || fail "a CPU that is off: $out"
put $cpu/online 0-3
doctor 0 --cpus=0-1
line warn irqs "1 may come to CPUs 0-1: 24" \
	"for i in /proc/irq/*/smp_affinity_list; do echo 2 | sudo tee \$i; done"
put proc/irq/24/effective_affinity_list 3
doctor 0
line warn irqs "1 may come to CPUs 2-3: 24" \
	"for i in /proc/irq/*/smp_affinity_list; do echo 0 | sudo tee \$i; done"
rm "$tree/proc/irq/24/effective_affinity_list"
for n in 30 31 32 33 34 35 36 37 38; do
	mkdir -p "$tree/proc/irq/$n/x"
	put proc/irq/$n/smp_affinity_list 1-2
done
doctor 0
line warn irqs "10 may come to CPUs 2-3: 24 30 31 32 33 34 35 36 ..."
put proc/9/comm irqbalance
doctor 0
line ok irqbalance "running, and leaves isolated CPUs alone"
put $cpu/isolated ""
doctor 0
line warn isolation "no CPU is kept from other work (CPUs 0-3)" \
	"isolcpus=managed_irq,domain,1-3 nohz_full=1-3 rcu_nocbs=1-3 irqaffinity=0"
line ok irqs "no CPUs are kept for lcores (see isolation): nothing to keep them from"
irqbalance="running (pid 9): it may move interrupts to the CPUs of lcores"
line warn irqbalance "$irqbalance" "sudo kill 9, and take it from what starts it (systemd does not run here)
        -> or IRQBALANCE_BANNED_CPULIST=LIST in /etc/default/irqbalance, and start it anew"
mkdir -p "$tree/run/systemd/system"
put etc/sysconfig/irqbalance ""
doctor 0 --cpus 1-3
line warn irqbalance "$irqbalance" "sudo systemctl disable --now irqbalance
        -> or IRQBALANCE_BANNED_CPULIST=1-3 in /etc/sysconfig/irqbalance, and start it anew"
rm -r "$tree/run/systemd" "${tree:?}/etc"
# A container has processes of its own only, and its host does the mending.
host="plx-doctor: a container: what concerns the kernel, /sys, /proc and /dev is mended on its host"
[[ $out != *"$host"* ]] || fail "taken for a container: $out"
mkdir -p "$tree/proc/self/ns"
ln -sfn 'pid:[4026531836]' "$tree/proc/self/ns/pid"
rm "$tree/proc/9/comm"
doctor 0
line ok irqbalance "not running"
[[ $out != *"$host"* ]] || fail "taken for a container: $out"
ln -sfn 'pid:[4026532201]' "$tree/proc/self/ns/pid"
doctor 0
line warn irqbalance "a container does not show whether its host runs it" "on the host: pgrep irqbalance"
[[ $out == *$'\n'"$host"$'\n'* ]] || fail "want '$host' in: $out"
rm -r "$tree/proc/self/ns"
rm -r "$tree/proc/irq"
put $cpu/isolated 2-3
doctor 0
line warn irqs "where interrupts go is not to be seen here"

put $cpu/cpu1/cpufreq/scaling_governor powersave
doctor 0
line warn governor "cpu1 powersave: the clock follows the load, late" \
	"echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
rm -r "${tree:?}/$cpu"/cpu[0-3]
doctor 0
line ok governor "the kernel does not choose the clock of the CPUs"

put proc/sys/kernel/sched_rt_runtime_us 950000
doctor 0
line warn realtime "lcores under --rt-prio are stopped for 50 ms in each 1000 ms" \
	"sudo sysctl kernel.sched_rt_runtime_us=-1"

# ---- clock ----

put proc/cpuinfo "flags : hypervisor"
doctor 0
line ok tsc "trusted by this virtual machine's kernel"
put proc/cpuinfo "flags : constant_tsc nonstop_tsc"
put $clock/current_clocksource hpet
put $clock/available_clocksource "hpet acpi_pm"
doctor 0
line warn tsc "the kernel found it unstable and runs by hpet: so does Pollux" \
	"dmesg | grep -i tsc; tsc=reliable where that is known to be wrong"
put $clock/current_clocksource kvm-clock
doctor 0
line ok tsc "invariant, the kernel's clock is kvm-clock"
put proc/cpuinfo "flags : constant_tsc"
doctor 0
line warn tsc "not invariant (no constant_tsc or nonstop_tsc): the slower clock of the kernel"
put proc/cpuinfo "Features : fp asimd"
doctor 0
line ok tsc "the counter of this CPU runs evenly"
[ ! -e "$tree/unexpected" ] || fail "unexpected: $(cat "$tree/unexpected")"
