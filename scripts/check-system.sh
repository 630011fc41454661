#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-doctor: is this machine ready for Pollux? One page, a line for each thing, with the command or
# the kernel boot parameters that mend it. Only reads, as any user; what a container or an old
# kernel does not show is said to be so.

set -u

usage() {
	cat <<'END'
usage: plx-doctor [--cpus LIST] [-q]

Tells whether this machine is ready for Pollux, a line for each thing: ok; warn: it works, with
less speed, steadiness or protection; bad: it does not work before this is mended. Below it, after
"->", is what mends it: a command, or parameters for the kernel's command line.

      --cpus LIST  the CPUs that lcores are to run on: 2-3,5; if not told, the isolated ones
  -q, --quiet      only what is not ok
  -h, --help       this text

Environment: PLX_SYSROOT, a folder to look for /sys, /proc and /dev in (for tests).

Exit status: 0 nothing is bad, 1 something is, 2 wrong usage.
END
}

fail() {
	local status=$1
	shift
	printf 'plx-doctor: error: %s\n' "$*" >&2
	exit "$status"
}

here=$(readlink -f "${BASH_SOURCE[0]}")
here=${here%/*}
lib=$here/lib/pci.sh
[ -e "$lib" ] || lib=$here/../share/pollux/pci.sh
# shellcheck source-path=SCRIPTDIR source=lib/pci.sh
. "$lib" || exit 1

want_cpus='' quiet=0
while [ $# -gt 0 ]; do
	case $1 in
	--cpus)
		[ $# -ge 2 ] || fail 2 "--cpus: want a list of CPUs, say 2-3,5"
		set -- "$1=$2" "${@:3}"
		continue
		;;
	--cpus=*)
		want_cpus=${1#*=}
		[[ $want_cpus =~ ^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$ ]] ||
			fail 2 "--cpus $want_cpus: want a list of CPUs, say 2-3,5"
		;;
	-q | --quiet) quiet=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	-*) fail 2 "$1: unknown option; allowed are --cpus LIST, -q, -h" ;;
	*) fail 2 "$1: there is nothing to name; allowed are --cpus LIST, -q, -h" ;;
	esac
	shift
done

# ---- the page ----

nb_ok=0 nb_warn=0 nb_bad=0

# line VERDICT NAME TEXT [MEND...]
line() {
	local verdict=$1 name=$2 text=$3
	shift 3
	case $verdict in
	ok) nb_ok=$((nb_ok + 1)) ;;
	warn) nb_warn=$((nb_warn + 1)) ;;
	bad) nb_bad=$((nb_bad + 1)) ;;
	esac
	[ "$verdict" != ok ] || [ $quiet -eq 0 ] || return 0
	printf '%-5s %-11s %s\n' "$verdict" "$name" "$text"
	[ $# -eq 0 ] || printf '        -> %s\n' "$@"
}

# first FILE: its first line, or nothing
first() {
	local text=''
	{ read -r text <"$root$1"; } 2>/dev/null
	printf '%s\n' "$text"
}

# cpus_of LIST: its CPUs, a blank between: "2-3,5" is "2 3 5"
cpus_of() {
	local part cpu list=''
	for part in ${1//,/ }; do
		for ((cpu = 10#${part%-*}; cpu <= 10#${part#*-}; cpu++)); do
			list+="${list:+ }$cpu"
		done
	done
	printf '%s\n' "$list"
}

has_boot_option() {
	[[ " $(first /proc/cmdline) " == *" $1"* ]]
}

has_cpu_flag() {
	grep -qsE "^flags[[:space:]]*:.* $1( |\$)" "$root/proc/cpuinfo"
}

# The bit of a capability, of those that this process has.
has_capability() {
	local caps
	caps=$(sed -n 's/^CapEff:[[:space:]]*//p' "$root/proc/self/status" 2>/dev/null)
	[[ $caps =~ ^[0-9a-f]+$ ]] && (((16#$caps >> $1 & 1) == 1))
}
readonly cap_ipc_lock=14

# size_text KB: "2 MB"
size_text() {
	if [ "$1" -ge 1048576 ]; then
		echo "$(($1 / 1048576)) GB"
	elif [ "$1" -ge 1024 ]; then
		echo "$(($1 / 1024)) MB"
	else
		echo "$1 kB"
	fi
}

# ---- cards ----

cards=() others=()

find_cards() {
	local path bdf part
	for path in "$pci"/devices/*; do
		bdf=${path##*/}
		is_network "$bdf" || continue
		part=$(part_of "$bdf")
		if [ -n "$part" ] && [[ $part != *"not copper" ]]; then
			cards+=("$bdf")
		else
			others+=("$bdf")
		fi
	done
}

# What is amiss with VFIO or the IOMMU is bad where there is a card that wants them.
card_verdict() {
	if [ ${#cards[@]} -gt 0 ]; then echo bad; else echo warn; fi
}

# company_of BDF: other functions of its IOMMU group that the kernel drives
company_of() {
	local spoiler list=''
	while read -r spoiler; do
		[[ -z $spoiler || $spoiler == "$1 "* ]] || list+="${list:+, }$spoiler"
	done < <(spoilers_of "$(group_of "$1")" | sed 's/), /)\n/g')
	printf '%s\n' "$list"
}

# "0000:01:00.1 (igb), ..." without what is in brackets
addresses_only() {
	sed 's/ ([^)]*),\{0,1\}//g'
}

# free_group BDF LIST: what frees a card's group of those in LIST, as company_of() has them. A disk, or
# an interface in use, is not taken from the kernel for it.
free_group() {
	local bdf others
	others=$(addresses_only <<<"$2")
	for bdf in ${others//,/ }; do
		if ! is_network "$bdf" || [ -n "$(busy "$bdf")" ]; then
			echo "$bdf has to stay with the kernel: another slot, or ACS in the firmware, parts them"
			return
		fi
	done
	echo "sudo plx-devbind -b vfio-pci $1$others"
}

# check_group BDF TEXT: rights on the group of a card that vfio-pci has
check_group() {
	local bdf=$1 text=$2 group node users
	group=$(group_of "$bdf")
	node=$root/dev/vfio/$group
	[ -n "$group" ] && [ -e "$node" ] || node=$root/dev/vfio/noiommu-$group
	users=$(holders_of "$bdf")
	if [ -n "$users" ]; then
		line ok card "$text, in use by $users"
	elif [ -n "$(spoilers_of "$group")" ]; then
		line bad card "$text: the kernel still drives $(spoilers_of "$group")" \
			"$(free_group "" "$(spoilers_of "$group")")"
	elif [ ! -e "$node" ]; then
		line bad card "$text: there is no /dev/vfio/$group here" \
			"in a container: give it the devices /dev/vfio/vfio and /dev/vfio/$group"
	elif [ ! -r "$node" ] || [ ! -w "$node" ]; then
		line bad card "$text: ${node#"$root"} is not yours" \
			"sudo plx-devbind --user $(id -un) $bdf"
	else
		line ok card "$text, ${node#"$root"} is open to you"
	fi
}

check_card() {
	local bdf=$1 driver node company why interface text
	driver=$(driver_of "$bdf")
	node=$(attribute "$bdf" numa_node)
	interface=$(interfaces_of "$bdf" | joined)
	text="$bdf $(part_of "$bdf"), driver ${driver:-none}${interface:+, $interface}"
	[ "${node:--1}" -lt 0 ] || text+=", node $node"
	if is_vfio_driver "$driver"; then
		check_group "$bdf" "$text"
		return
	elif is_user_driver "$driver"; then
		line warn card "$text: for root only, and no IOMMU guards what it writes" \
			"sudo plx-devbind -b vfio-pci $bdf"
		return
	fi
	why=$(busy "$bdf" | joined)
	company=$(company_of "$bdf")
	if [ -n "$why" ]; then
		line ok card "$text: the kernel's, in use ($why)"
	elif [ -n "$company" ]; then
		line warn card "$text: its IOMMU group also has $company" \
			"$(free_group "$bdf " "$company")"
	else
		line warn card "$text: not given to a user-space driver" \
			"sudo plx-devbind -b vfio-pci $bdf"
	fi
}

check_cards() {
	local bdf part driver interface software="net_af_xdp, net_af_packet or net_pcap"
	for bdf in ${cards[@]+"${cards[@]}"}; do
		check_card "$bdf"
	done
	for bdf in ${others[@]+"${others[@]}"}; do
		part=$(part_of "$bdf")
		driver=$(driver_of "$bdf")
		interface=$(interfaces_of "$bdf" | joined)
		if [ -n "$part" ]; then
			line warn card "$bdf $part: not by the driver igb; ${interface:-its interface} by $software"
		elif [ -n "$interface" ]; then
			line ok card "$bdf $(name_of "$bdf"), driver $driver, $interface: by $software"
		fi
	done
	[ ${#cards[@]} -gt 0 ] ||
		line warn cards "none of the igb family with copper ports: software ports only (--vdev ...)"
}

# ---- memory ----

# nodes_text SIZE_DIR: "node0 128, node1 128"
nodes_text() {
	local path list=''
	for path in "$root"/sys/devices/system/node/node[0-9]*; do
		[ -e "$path/hugepages/$1/nr_hugepages" ] || continue
		list+="${list:+, }${path##*/} $(first "${path#"$root"}/hugepages/$1/nr_hugepages")"
	done
	printf '%s\n' "$list"
}

# The limit of this process's cgroup, where that has one: hugetlb.2MB.max
cgroup_limit() {
	local group
	group=$(sed -n 's/^0:://p' "$root/proc/self/cgroup" 2>/dev/null)
	first "/sys/fs/cgroup${group%/}/hugetlb.$(size_text "$1" | tr -d ' ').max"
}

# is_barred KB: may this process's cgroup have no page of this size?
is_barred() {
	local limit
	limit=$(cgroup_limit "$1")
	[[ $limit =~ ^[0-9]+$ ]] && [ "$limit" -lt $(($1 * 1024)) ]
}

# other_pages KB: the other size of which Pollux takes pages, if some are free: "2 MB"
other_pages() {
	local kb free
	for kb in 2048 1048576; do
		free=$(first "/sys/kernel/mm/hugepages/hugepages-${kb}kB/free_hugepages")
		if [ $kb -ne "$1" ] && [ "${free:-0}" -gt 0 ] && ! is_barred $kb; then
			size_text $kb
		fi
	done
}

check_hugepages() {
	local base=/sys/kernel/mm/hugepages path dir kb total free nodes sum=0 seen=0 mend
	mend=("echo 256 | sudo tee $base/hugepages-2048kB/nr_hugepages"
		"or for ever: hugepages=256, or default_hugepagesz=1G hugepagesz=1G hugepages=4")
	for path in "$root$base"/hugepages-*kB; do
		[ -e "$path/nr_hugepages" ] || continue
		seen=1
		dir=${path##*/}
		kb=${dir//[!0-9]/}
		total=$(first "$base/$dir/nr_hugepages")
		free=$(first "$base/$dir/free_hugepages")
		[ "${total:-0}" -gt 0 ] || continue
		sum=$((sum + total * kb))
		nodes=$(nodes_text "$dir")
		if is_barred "$kb"; then
			line bad hugepages "$total of $(size_text "$kb"), and this cgroup may have none of them" \
				"raise hugetlb.$(size_text "$kb" | tr -d ' ').max of the cgroup (container)"
		elif [ "${free:-0}" -eq 0 ] && [ -n "$(other_pages "$kb")" ]; then
			line ok hugepages "$total of $(size_text "$kb"), and all in use; of $(other_pages "$kb") some are free"
		elif [ "${free:-0}" -eq 0 ]; then
			line warn hugepages "$total of $(size_text "$kb"), and all in use" \
				"echo $((total * 2)) | sudo tee $base/$dir/nr_hugepages"
		else
			line ok hugepages "$total of $(size_text "$kb"), $free free${nodes:+ ($nodes)}"
		fi
	done
	if [ $seen -eq 0 ]; then
		line bad hugepages "this kernel has none (CONFIG_HUGETLBFS): only --no-huge will run"
	elif [ $sum -eq 0 ]; then
		line bad hugepages "none reserved: only --no-huge will run" "${mend[@]}"
	fi
}

# The node of a card has to have hugepages: packets from another node cost twice.
check_numa() {
	local nodes=() path bdf node sum text dry=() base=/sys/devices/system/node
	for path in "$root$base"/node[0-9]*; do
		[ ! -e "$path" ] || nodes+=("${path##*/node}")
	done
	if [ ${#nodes[@]} -le 1 ]; then
		line ok numa "one node"
		return
	fi
	text="${#nodes[@]} nodes"
	for node in "${nodes[@]}"; do
		text+="; node $node: CPUs $(first "$base/node$node/cpulist")"
	done
	for bdf in ${cards[@]+"${cards[@]}"}; do
		node=$(attribute "$bdf" numa_node)
		text+="; $bdf on node ${node:--1}"
		sum=$(cat "$root$base/node$node"/hugepages/*/nr_hugepages 2>/dev/null |
			awk '{ sum += $1 } END { print sum + 0 }')
		[ "$sum" -gt 0 ] || [ "${node:--1}" -lt 0 ] || dry+=("$node")
	done
	if [ ${#dry[@]} -gt 0 ]; then
		line warn numa "$text; node ${dry[0]} has no hugepages" \
			"echo 256 | sudo tee $base/node${dry[0]}/hugepages/hugepages-2048kB/nr_hugepages"
	elif [ "$(first /proc/sys/kernel/numa_balancing)" = 1 ]; then
		line warn numa "$text; the kernel moves pages between them (numa_balancing)" \
			"sudo sysctl kernel.numa_balancing=0"
	else
		line ok numa "$text"
	fi
}

check_memlock() {
	local limit total
	# Memory that a card sees is locked memory, and pages of hugetlbfs count.
	limit=$(sed -n 's/^Max locked memory *\([^ ]*\).*/\1/p' "$root/proc/self/limits" 2>/dev/null)
	total=$(awk '/^Hugetlb:/ { print $2 }' "$root/proc/meminfo" 2>/dev/null)
	if has_capability $cap_ipc_lock; then
		line ok memlock "no limit for you (root); an ordinary user has one: plx-devbind --user"
	elif [ "$limit" = unlimited ]; then
		line ok memlock "unlimited"
	elif [[ ! $limit =~ ^[0-9]+$ ]]; then
		line warn memlock "the limit is not told here; ulimit -l may"
	elif [ "$limit" -lt $((64 * 1048576)) ] || [ $((limit / 1024)) -lt "${total:-0}" ]; then
		line "$(card_verdict)" memlock "$(size_text $((limit / 1024))): cards want all hugepages locked" \
			"echo '$(id -un) - memlock unlimited' | sudo tee /etc/security/limits.d/pollux.conf; and log in anew"
	else
		line ok memlock "$(size_text $((limit / 1024)))"
	fi
}

# ---- IOMMU, VFIO, UIO ----

iommu_is_on() {
	local path
	for path in "$root"/sys/kernel/iommu_groups/[0-9]*; do
		[ ! -e "$path" ] || return 0
	done
	return 1
}

check_iommu() {
	local path list='' nb=0 mend
	for path in "$root"/sys/kernel/iommu_groups/[0-9]*; do
		[ ! -e "$path" ] || nb=$((nb + 1))
	done
	for path in "$root"/sys/class/iommu/*; do
		[ ! -e "$path" ] || list+="${list:+, }${path##*/}"
	done
	if [ $nb -gt 0 ]; then
		line ok iommu "on${list:+ ($list)}, $nb groups"
		return
	fi
	if grep -qs AuthenticAMD "$root/proc/cpuinfo"; then
		mend="switch on the IOMMU (AMD-Vi) in the firmware; iommu=pt"
	elif has_boot_option intel_iommu=on; then
		mend="intel_iommu=on is there: switch on VT-d in the firmware"
	else
		mend="intel_iommu=on iommu=pt, and VT-d in the firmware"
	fi
	if has_cpu_flag hypervisor; then
		mend="this is a virtual machine: give it a virtual IOMMU; then intel_iommu=on"
	fi
	line "$(card_verdict)" iommu "off, or not to be seen: VFIO does not guard what a card writes" \
		"$mend" "without one: plx-devbind --noiommu-mode or -b uio_pci_generic, as root, unguarded"
}

check_vfio() {
	local unsafe=/sys/module/vfio/parameters/enable_unsafe_noiommu_mode mend
	if ! is_driver_at_hand vfio-pci; then
		mend=("a kernel with CONFIG_VFIO_PCI, and modprobe (package kmod) where it is a module")
		! is_driver_at_hand uio_pci_generic ||
			mend+=("or, as root and unguarded: plx-devbind -b uio_pci_generic")
		line "$(card_verdict)" vfio "this kernel has no vfio-pci" "${mend[@]}"
	elif [ ! -e "$root/dev/vfio/vfio" ] && [ ! -d "$pci/drivers/vfio-pci" ]; then
		line ok vfio "a module that plx-devbind loads when it is wanted"
	elif [ ! -e "$root/dev/vfio/vfio" ]; then
		line "$(card_verdict)" vfio "vfio-pci is there, /dev/vfio/vfio is not" \
			"sudo modprobe vfio; in a container: give it the device /dev/vfio/vfio"
	elif [ ! -r "$root/dev/vfio/vfio" ] || [ ! -w "$root/dev/vfio/vfio" ]; then
		line "$(card_verdict)" vfio "/dev/vfio/vfio is not open to you" \
			"sudo chmod 0666 /dev/vfio/vfio"
	elif [ "$(first $unsafe)" = Y ]; then
		line warn vfio "no-IOMMU mode is on: a card of vfio-pci may write to all memory" \
			"echo 0 | sudo tee $unsafe"
	else
		line ok vfio "there, and open to you"
	fi
}

check_lockdown() {
	local state secure text
	state=$(first /sys/kernel/security/lockdown)
	secure=$(od -An -t u1 -j 4 -N 1 "$root"/sys/firmware/efi/efivars/SecureBoot-* 2>/dev/null)
	[ "${secure// /}" = 1 ] && secure=", secure boot is on" || secure=
	if [ -z "$state" ] && [ -n "$secure" ]; then
		line warn lockdown "not told$secure: uio_pci_generic may not work, vfio-pci does"
	elif [ -z "$state" ] || [[ $state == *"[none]"* ]]; then
		line ok lockdown "none$secure"
	else
		text="$state$secure: uio_pci_generic does not work"
		if iommu_is_on; then
			line warn lockdown "$text, vfio-pci does"
		else
			line "$(card_verdict)" lockdown "$text, and vfio-pci wants an IOMMU" \
				"see iommu; or switch secure boot off in the firmware"
		fi
	fi
}

# ---- CPUs ----

# kept: the CPUs for lcores; home: one for all else
kept='' home=0

check_isolation() {
	local isolated tickless online cpus most cpu params
	isolated=$(first /sys/devices/system/cpu/isolated)
	tickless=$(first /sys/devices/system/cpu/nohz_full)
	online=$(first /sys/devices/system/cpu/online)
	kept=${want_cpus:-$isolated}
	cpus=$(cpus_of "$online")
	most=${cpus##* }
	if [ "${most:-0}" -eq 0 ]; then
		line warn isolation "one CPU: lcores share it with everything else"
		return
	elif is_part_of "$online" "$kept"; then
		line warn isolation "lcores on all CPUs ($online): one has to be left for everything else"
		kept=
		return
	fi
	for cpu in $cpus; do
		[[ " $(cpus_of "$kept") " == *" $cpu "* ]] || break
	done
	home=$cpu
	if [ "$most" -eq 1 ]; then cpus=1; else cpus=1-$most; fi
	cpus=${kept:-$cpus}
	params="isolcpus=managed_irq,domain,$cpus nohz_full=$cpus rcu_nocbs=$cpus irqaffinity=$home"
	if [ -z "$isolated" ]; then
		line warn isolation "no CPU is kept from other work (CPUs $online)" \
			"$params"
	elif ! is_part_of "$kept" "$isolated"; then
		line warn isolation "CPUs $isolated are isolated, and not all of $kept" \
			"$params"
	elif ! is_part_of "$kept" "${tickless/(null)/}"; then
		line warn isolation "CPUs $isolated are isolated, and not free of the timer tick" \
			"nohz_full=$kept rcu_nocbs=$kept"
	else
		line ok isolation "CPUs $isolated are isolated, without a timer tick"
	fi
}

# is_part_of LIST LIST: are the first's CPUs all in the second?
is_part_of() {
	local cpu all
	all=" $(cpus_of "$2") "
	for cpu in $(cpus_of "$1"); do
		[[ $all == *" $cpu "* ]] || return 1
	done
}

# meets LIST " CPU CPU ": is one of the list's CPUs among them?
meets() {
	local cpu
	for cpu in $(cpus_of "$1"); do
		[[ $2 != *" $cpu "* ]] || return 0
	done
	return 1
}

# Interrupts that have a handler; the kernel moves those of others when they get one.
check_irqs() {
	local path handlers list hits='' nb=0 all
	if [ -z "$kept" ]; then
		line ok irqs "no CPUs are kept for lcores (see isolation): nothing to keep them from"
		return
	elif [ ! -d "$root/proc/irq" ]; then
		line warn irqs "where interrupts go is not to be seen here"
		return
	fi
	all=" $(cpus_of "$kept") "
	for path in "$root"/proc/irq/[0-9]*; do
		handlers=("$path"/*/)
		[ -d "${handlers[0]}" ] || continue
		list=$(first "${path#"$root"}/effective_affinity_list")
		[ -n "$list" ] || list=$(first "${path#"$root"}/smp_affinity_list")
		if [[ $list =~ ^[0-9,-]+$ ]] && meets "$list" "$all"; then
			nb=$((nb + 1))
			[ $nb -gt 8 ] || hits+="${hits:+ }${path##*/}"
		fi
	done
	if [ $nb -eq 0 ]; then
		line ok irqs "none goes to CPUs $kept"
		return
	fi
	[ $nb -le 8 ] || hits+=" ..."
	line warn irqs "$nb may come to CPUs $kept: $hits" \
		"for i in /proc/irq/*/smp_affinity_list; do echo $home | sudo tee \$i; done" \
		"or irqaffinity=$home from the boot on"
}

check_irqbalance() {
	local path name pid=''
	for path in "$root"/proc/[0-9]*; do
		name=$(first "${path#"$root"}/comm")
		[ "$name" != irqbalance ] || pid=${path##*/}
	done
	if [ -z "$pid" ]; then
		line ok irqbalance "not running"
	elif [ -n "$kept" ] && is_part_of "$kept" "$(first /sys/devices/system/cpu/isolated)"; then
		line ok irqbalance "running, and leaves isolated CPUs alone"
	else
		line warn irqbalance "running (pid $pid): it may move interrupts to the CPUs of lcores" \
			"sudo systemctl disable --now irqbalance" \
			"or IRQBALANCE_BANNED_CPULIST=${kept:-LIST} in /etc/default/irqbalance"
	fi
}

check_governor() {
	local path name cpu list='' seen=0
	for path in "$root"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
		[ -e "$path" ] || continue
		seen=1
		name=$(first "${path#"$root"}")
		cpu=${path%/cpufreq/*}
		[ "$name" = performance ] || list+="${list:+, }${cpu##*/} $name"
	done
	if [ $seen -eq 0 ]; then
		line ok governor "the kernel does not choose the clock of the CPUs"
	elif [ -z "$list" ]; then
		line ok governor "performance"
	else
		[ ${#list} -le 70 ] || list="${list:0:66} ..."
		line warn governor "$list: the clock follows the load, late" \
			"echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor" \
			"or cpufreq.default_governor=performance from the boot on"
	fi
}

check_realtime() {
	local runtime period text
	runtime=$(first /proc/sys/kernel/sched_rt_runtime_us)
	period=$(first /proc/sys/kernel/sched_rt_period_us)
	if [[ ! $runtime =~ ^-?[0-9]+$ ]] || [[ ! $period =~ ^[1-9][0-9]*$ ]]; then
		line warn realtime "whether the kernel throttles real-time threads is not to be seen here"
	elif [ "$runtime" -lt 0 ] || [ "$runtime" -ge "$period" ]; then
		line ok realtime "not throttled"
	else
		text="$(((period - runtime) / 1000)) ms in each $((period / 1000)) ms"
		line warn realtime "lcores under --rt-prio are stopped for $text" \
			"sudo sysctl kernel.sched_rt_runtime_us=-1"
	fi
}

check_tsc() {
	local source dir=/sys/devices/system/clocksource/clocksource0
	source=$(first $dir/current_clocksource)
	if grep -qs '^Features' "$root/proc/cpuinfo"; then
		line ok tsc "the counter of this CPU runs evenly"
	elif ! grep -qs '^flags' "$root/proc/cpuinfo"; then
		line warn tsc "/proc/cpuinfo does not tell"
	elif has_cpu_flag hypervisor && [ "$source" = tsc ]; then
		line ok tsc "trusted by this virtual machine's kernel"
	elif ! has_cpu_flag constant_tsc || ! has_cpu_flag nonstop_tsc; then
		line warn tsc "not invariant (no constant_tsc or nonstop_tsc): the slower clock of the kernel"
	elif [[ " $(first $dir/available_clocksource) " == *" tsc "* || -z $source ]]; then
		line ok tsc "invariant, the kernel's clock is ${source:-not told}"
	else
		case $source in
		hpet | acpi_pm | jiffies | refined-jiffies)
			line warn tsc "the kernel found it unstable and runs by $source: so does Pollux" \
				"dmesg | grep -i tsc; tsc=reliable where that is known to be wrong"
			;;
		*) line ok tsc "invariant, the kernel's clock is $source" ;;
		esac
	fi
}

# A page for CPUs that are not there would advise what does not boot as meant.
refuse_offline() {
	local online cpu cpus
	online=$(first /sys/devices/system/cpu/online)
	cpus=$(cpus_of "$want_cpus")
	[ -n "$cpus" ] || fail 2 "--cpus $want_cpus: want a list of CPUs, say 2-3,5"
	[ -n "$online" ] || return 0
	for cpu in $cpus; do
		is_part_of "$cpu" "$online" ||
			fail 2 "--cpus $want_cpus: CPU $cpu is not online; online: $online"
	done
}

# ---- all of it ----

[ -z "$want_cpus" ] || refuse_offline

find_cards
[ $((${#cards[@]} + ${#others[@]})) -eq 0 ] || read_names
check_hugepages
check_memlock
check_numa
check_iommu
check_vfio
check_lockdown
check_cards
check_isolation
check_irqs
check_irqbalance
check_governor
check_realtime
check_tsc
printf 'plx-doctor: %d ok, %d warn, %d bad\n' $nb_ok $nb_warn $nb_bad
[ $nb_bad -eq 0 ]
