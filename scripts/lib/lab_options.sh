# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# lab.sh's command line, read into opt_* and, by port, bind[], cable[] (the number of its hub),
# wire[], dump[]. A wrong option ends the script with one line and status 2.
# shellcheck disable=SC2034

readonly lab_ports_most=8
opt_cpus=2 opt_memory_mb='' opt_hugepages=256 opt_hugepage=2M opt_ports=4 opt_iommu=1 opt_vf=0
opt_monitor='' opt_timeout='' opt_share='' opt_accel=auto opt_kernel=stable opt_keep='' opt_gdb=''
opt_console='' opt_append='' opt_bind='' opt_cable='' opt_env=() opt_wire=() opt_dump=()
opt_device=() opt_set=()
bind=() cable=() wire=() dump=() command=()

wrong() {
	printf 'lab: error: %s\n' "$*" >&2
	exit 2
}

# number OPTION VALUE LEAST MOST
number() {
	if [[ ! $2 =~ ^[0-9]{1,9}$ ]] || [ $((10#$2)) -lt "$3" ] || [ $((10#$2)) -gt "$4" ]; then
		wrong "$1 $2: want a whole number from $3 to $4"
	fi
}

# absolute PATH
absolute() {
	case $1 in
	/*) echo "$1" ;;
	*) echo "$PWD/$1" ;;
	esac
}

read_memory() {
	local value=${1%[MmGg]}
	case $1 in
	*[Gg]) number --memory "$value" 1 4096 && opt_memory_mb=$((10#$value * 1024)) ;;
	*) number --memory "$value" 256 4194304 && opt_memory_mb=$((10#$value)) ;;
	esac
}

read_hugepages() {
	opt_hugepages=${1%%:*}
	case $1 in
	*:1G) opt_hugepage=1G ;;
	*:2M | [0-9]*) opt_hugepage=2M ;;
	*) wrong "--hugepages $1: want N, N:2M or N:1G" ;;
	esac
	[[ $1 =~ ^[0-9]+(:(2M|1G))?$ ]] || wrong "--hugepages $1: want N, N:2M or N:1G"
	number --hugepages "$opt_hugepages" 0 1048576
}

# expand_ports OPTION WORD: "0,2-3" or "all" as numbers
expand_ports() {
	local item items first last
	IFS=, read -ra items <<<"$2"
	for item in ${items[@]+"${items[@]}"}; do
		if [ "$item" = all ]; then item=0-$((opt_ports - 1)); fi
		[[ $item =~ ^([0-9])(-([0-9]))?$ ]] ||
			wrong "$1: $2: want ports as in 0,1 or 0-3, or all"
		first=${BASH_REMATCH[1]} last=${BASH_REMATCH[3]:-${BASH_REMATCH[1]}}
		if [ "$last" -ge "$opt_ports" ] || [ "$first" -gt "$last" ]; then
			wrong "$1: $2: there are ports 0 to $((opt_ports - 1))"
		fi
		seq "$first" "$last"
	done
}

# Programs that know interfaces of the kernel only.
is_kernel_tool() {
	case ${1##*/} in
	ip | ifconfig | ethtool | bridge | tc | ping | tcpdump | iperf3) return 0 ;;
	esac
	return 1
}

read_bind() {
	local port part ports driver default=vfio-pci
	if [ -z "$opt_iommu" ]; then default=uio_pci_generic; fi
	if [ -z "$opt_bind" ]; then
		if [ "$opt_vf" -gt 0 ] || is_kernel_tool "${command[0]:-}"; then default=igb; fi
	fi
	for ((port = 0; port < opt_ports; port++)); do bind[port]=$default; done
	while IFS= read -r part; do
		[ -n "$part" ] || continue
		case $part in
		?*=vfio) driver=vfio-pci ;;
		?*=uio) driver=uio_pci_generic ;;
		?*=kernel) driver=igb ;;
		*) wrong "--bind $part: want PORTS=vfio, PORTS=uio or PORTS=kernel, more of them after ;" ;;
		esac
		ports=$(expand_ports --bind "${part%=*}") || exit
		for port in $ports; do bind[port]=$driver; done
	done < <(printf '%s\n' "${opt_bind//;/$'\n'}")
	if [ -z "$opt_iommu" ] && [[ " ${bind[*]} " == *" vfio-pci "* || $opt_vf != 0 ]]; then
		wrong "--no-iommu: Debian's kernels have no VFIO without an IOMMU, so want" \
			"--bind PORTS=uio or PORTS=kernel, and no --vf"
	fi
	if [ "$opt_vf" -gt 0 ] && [[ " ${bind[*]} " != *" igb "* ]]; then
		wrong "--vf $opt_vf: the kernel's igb makes VFs, so want --bind PORTS=kernel as well"
	fi
}

# port_value OPTION TEXT: splits N=VALUE into port and value
port_value() {
	[[ $2 =~ ^([0-9]+)=(.+)$ ]] || wrong "$1 $2: want PORT=VALUE"
	port=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
	if [ ${#port} -gt 1 ] || [ "$port" -ge "$opt_ports" ]; then
		wrong "$1 $2: there are ports 0 to $((opt_ports - 1))"
	fi
}

# socket_path OPTION PATH: what a UNIX socket's address holds
socket_path() {
	[ ${#2} -le 100 ] || wrong "$1 $2: the path of a socket can't be longer than 100 bytes"
	[ -d "$(dirname "$2")" ] || wrong "$1 $2: there is no folder $(dirname "$2")"
}

read_wires() {
	local item port value
	for item in ${opt_wire[@]+"${opt_wire[@]}"}; do
		port_value --wire "$item"
		[ -z "${wire[port]:-}" ] || wrong "--wire $item: port $port has a wire already"
		case $value in
		unix:?*)
			value=$(absolute "${value#unix:}")
			socket_path --wire "$value"
			wire[port]=unix:$value
			;;
		tap:?*)
			[ ${#value} -le 19 ] || wrong "--wire $item: names of interfaces have at most 15 bytes"
			wire[port]=$value
			;;
		*) wrong "--wire $item: want PORT=unix:PATH or PORT=tap:NAME" ;;
		esac
	done
	for item in ${opt_dump[@]+"${opt_dump[@]}"}; do
		port_value --dump "$item"
		dump[port]=$(absolute "$value")
		[ -d "$(dirname "${dump[port]}")" ] ||
			wrong "--dump $item: there is no folder $(dirname "${dump[port]}")"
	done
}

# Hub N is port N's own; a cable puts two ports on one.
read_cables() {
	local port item items a b used=' '
	for ((port = 0; port < opt_ports; port++)); do cable[port]=$port; done
	if [ -z "$opt_cable" ]; then
		for ((port = 0; port + 1 < opt_ports; port += 2)); do
			if [ -z "${wire[port]:-}${wire[port + 1]:-}" ]; then cable[port + 1]=$port; fi
		done
		return
	fi
	[ "$opt_cable" != none ] || return 0
	IFS=, read -ra items <<<"$opt_cable"
	for item in "${items[@]}"; do
		[[ $item =~ ^([0-9]):([0-9])$ ]] || wrong "--cable $item: want PORT:PORT, or none"
		a=${BASH_REMATCH[1]} b=${BASH_REMATCH[2]}
		if [ "$a" -ge "$opt_ports" ] || [ "$b" -ge "$opt_ports" ] || [ "$a" -eq "$b" ]; then
			wrong "--cable $item: want two of the ports 0 to $((opt_ports - 1))"
		fi
		for port in "$a" "$b"; do
			[ -z "${wire[port]:-}" ] || wrong "--cable $item: port $port has a --wire"
			[[ $used != *" $port "* ]] || wrong "--cable $item: port $port has a cable already"
			used+="$port "
		done
		cable[b]=$a
	done
}

# Options that others depend on the values of are read after all of them are known.
read_options() {
	local name value
	while [ $# -gt 0 ]; do
		name=$1
		case $name in
		--)
			shift
			command=("$@")
			break
			;;
		--no-iommu | --keep)
			case $name in
			--no-iommu) opt_iommu='' ;;
			--keep) opt_keep=1 ;;
			esac
			shift
			continue
			;;
		-h | --help)
			usage
			exit 0
			;;
		--*=*) value=${name#*=} name=${name%%=*} && shift ;;
		--*)
			[ $# -ge 2 ] || { known_option "$name" && wrong "$name: want a value"; }
			value=${2:-}
			shift $(($# >= 2 ? 2 : 1))
			;;
		*) wrong "$name: want an option, or -- before the command" ;;
		esac
		read_option "$name" "$value"
	done
	check_options
}

known_option() {
	[[ " $lab_option_names " == *" $1 "* ]] ||
		wrong "$1: unknown option; see scripts/lab.sh --help"
}
readonly lab_option_names="--cpus --memory --hugepages --ports --bind --vf --cable --wire --monitor
 --timeout --share --accel --kernel --env --dump --gdb --console --append
 --device --set"

read_option() {
	[ -n "$2" ] || { known_option "$1" && wrong "$1: want a value"; }
	case $1 in
	--cpus) number "$1" "$2" 1 64 && opt_cpus=$((10#$2)) ;;
	--memory) read_memory "$2" ;;
	--hugepages) read_hugepages "$2" ;;
	--ports) number "$1" "$2" 1 $lab_ports_most && opt_ports=$((10#$2)) ;;
	--bind) opt_bind+=";$2" ;;
	--vf) number "$1" "$2" 0 7 && opt_vf=$((10#$2)) ;;
	--cable) opt_cable=$2 ;;
	--wire) opt_wire+=("$2") ;;
	--monitor) opt_monitor=$(absolute "$2") && socket_path "$1" "$opt_monitor" ;;
	--timeout) number "$1" "$2" 0 999999 && opt_timeout=$((10#$2)) ;;
	--share) opt_share=$2 ;;
	--accel) opt_accel=$2 ;;
	--kernel) opt_kernel=$2 ;;
	--env) opt_env+=("$2") ;;
	--dump) opt_dump+=("$2") ;;
	--gdb) opt_gdb=$(absolute "$2") && socket_path "$1" "$opt_gdb" ;;
	--console) opt_console=$(absolute "$2") ;;
	--append) opt_append=$2 ;;
	--device) opt_device+=("$2") ;;
	--set)
		[[ $2 =~ ^[A-Za-z][A-Za-z0-9_-]*\.[A-Za-z0-9_-]+=. ]] ||
			wrong "$1 $2: want DEVICE.PROPERTY=VALUE, as in rp0.hotplug=off"
		opt_set+=("$2")
		;;
	*) known_option "$1" ;;
	esac
}

# in_both WHAT FOLDER: the guest has file systems of its own where it would not be seen
in_both() {
	case $2/ in
	/dev/* | /proc/* | /sys/* | /run/*)
		wrong "$1: $2 is not the same in the lab, which has its own /dev, /proc, /sys and /run:" \
			"want a folder elsewhere"
		;;
	esac
}

check_options() {
	local item
	case $opt_accel in
	auto | kvm | tcg) ;;
	*) wrong "--accel $opt_accel: want auto, kvm or tcg" ;;
	esac
	case $opt_kernel in
	*/* | .*) wrong "--kernel $opt_kernel: want stable, backports, or a release as in 6.1" ;;
	esac
	if [ ${#command[@]} -eq 0 ] && [ -z "$opt_keep" ]; then
		wrong "want -- COMMAND, or --keep for a shell"
	fi
	for item in ${opt_env[@]+"${opt_env[@]}"}; do
		[[ $item =~ ^[A-Za-z_][A-Za-z0-9_]*(=|$) ]] || wrong "--env $item: want NAME or NAME=VALUE"
	done
	if [ -n "$opt_share" ]; then
		item=$(cd "$(absolute "$opt_share")" 2>/dev/null && pwd -P) ||
			wrong "--share $opt_share: no such folder"
		[ "$item" != / ] || wrong "--share $opt_share: want a folder, not all of them"
		in_both "--share $opt_share" "$item"
		opt_share=$item
	fi
	item=$(pwd -P 2>/dev/null) || wrong "the current folder is gone: want one that is there"
	in_both "the current folder" "$item"
	read_wires
	read_cables
	read_bind
	read_sizes
}

# Memory beside hugepages for the guest itself and what is written to the overlay; and for where no
# page of 1 GB fits in, between what the kernel takes as it boots.
read_sizes() {
	local page_mb=2 least=512
	if [ $opt_hugepage = 1G ]; then page_mb=1024 least=2048; fi
	least=$((least + opt_hugepages * page_mb))
	if [ -z "$opt_memory_mb" ]; then
		opt_memory_mb=$((least + 1024 > 2048 ? least + 1024 : 2048))
	elif [ "$opt_memory_mb" -lt $least ]; then
		wrong "--memory ${opt_memory_mb}M: $opt_hugepages hugepages of $opt_hugepage want $least MB" \
			"or more"
	fi
	if [ -z "$opt_timeout" ]; then opt_timeout=$((${#opt_keep} > 0 ? 0 : 600)); fi
}
