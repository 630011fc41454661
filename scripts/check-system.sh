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
lib=$here/lib
[ -e "$lib/pci.sh" ] || lib=$here/../share/pollux
# shellcheck source-path=SCRIPTDIR source=lib/pci.sh
. "$lib/pci.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/pci_use.sh
. "$lib/pci_use.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/doctor_cards.sh
. "$lib/doctor_cards.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/doctor_cpus.sh
. "$lib/doctor_cpus.sh" || exit 1

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

# in_container: a process of its own tree, which sees those of the machine not; the first tree has
# a number that the kernel gives to no other.
in_container() {
	local tree
	tree=$(readlink "$root/proc/self/ns/pid") && [ "$tree" != "pid:[4026531836]" ]
}

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
	local limit total me
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
		me=$(id -un 2>/dev/null)
		line "$(card_verdict)" memlock "$(size_text $((limit / 1024))): cards want all hugepages locked" \
			"echo '$me - memlock unlimited' | sudo tee /etc/security/limits.d/pollux-$me.conf; and log in anew" \
			"or in a service of systemd: LimitMEMLOCK=infinity; for a container: --ulimit memlock=-1"
	else
		line ok memlock "$(size_text $((limit / 1024)))"
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
if in_container && [ $((nb_warn + nb_bad)) -gt 0 ]; then
	echo "plx-doctor: a container: what concerns the kernel, /sys, /proc and /dev is mended on its host"
fi
printf 'plx-doctor: %d ok, %d warn, %d bad\n' $nb_ok $nb_warn $nb_bad
[ $nb_bad -eq 0 ]
