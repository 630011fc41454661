#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sets a machine up for Pollux: packages and hugepages. Needs bash and coreutils only. What is
# there already is left alone, so a second run does nothing.

set -u

usage() {
	cat <<'END'
usage: scripts/setup.sh [SET...] [--check] [--hugepages N]

Sets of packages, each on top of what is needed to build and run, and for scripts/demo.sh:
  --dev    tests, checks and benchmarks: Criterion, jansson, clang, clang-tidy, shellcheck,
           python3, make, tcpdump, tcpreplay
  --lab    the virtual machine with an emulated igb card: QEMU 8 or later
  --peer   DPDK, the thing that the benchmarks compare against
  --all    all of them

  --check        change nothing; say what is missing and the command that mends it
  --hugepages N  want N hugepages of 2 MB; 0 leaves them alone. Without this option 256,
                 but not more than a quarter of the free memory

Exit status: 0 all there, 1 packages are missing, 2 wrong usage, 3 only hugepages are missing.
END
}

# The C compiler comes without its headers when recommended packages are left out: libc6-dev.
packages_run="gcc libc6-dev cmake ninja-build pkg-config libnuma-dev libinih-dev libhugetlbfs-bin
	libpcap-dev libxdp-dev libbpf-dev libmnl-dev iproute2 ethtool iperf3 iputils-ping"
packages_dev="libcriterion-dev libjansson-dev g++ clang libclang-rt-dev clang-format clang-tidy
	shellcheck python3 make tcpdump tcpreplay"
packages_lab="busybox-static kmod"
packages_peer="libdpdk-dev dpdk-dev"
# The igb card came with QEMU 8: from the release where it has that, else from its backports.
packages_qemu="qemu-system-x86 seabios ipxe-qemu"
readonly qemu_least=1:8.0
readonly hugepages_default=256
readonly hugepages_dir=/sys/kernel/mm/hugepages/hugepages-2048kB
readonly apt_options=(-q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2
	-o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)

say() {
	printf 'setup: %s\n' "$*"
}

fail() {
	local status=$1
	shift
	printf 'setup: error: %s\n' "$*" >&2
	exit "$status"
}

want_dev=0 want_lab=0 want_peer=0 check_only=0 hugepages=
arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--dev) want_dev=1 ;;
	--lab) want_lab=1 ;;
	--peer) want_peer=1 ;;
	--all) want_dev=1 want_lab=1 want_peer=1 ;;
	--check) check_only=1 ;;
	--hugepages)
		[ $# -ge 2 ] || fail 2 "--hugepages: want a number"
		shift
		hugepages=$1
		;;
	--hugepages=*) hugepages=${1#*=} ;;
	-h | --help)
		usage
		exit 0
		;;
	*) fail 2 "$1: unknown option; allowed are --dev --lab --peer --all --check --hugepages N" ;;
	esac
	shift
done
case $hugepages in
*[!0-9]*) fail 2 "--hugepages $hugepages: want a whole number, 0 or more" ;;
esac
[ ${#hugepages} -le 7 ] || fail 2 "--hugepages $hugepages: want at most 9999999"

is_root() {
	[ "$(id -u)" -eq 0 ]
}

# ---- packages ---------------------------------------------------------------------------------

wanted_packages() {
	echo "$packages_run"
	if [ $want_dev -eq 1 ]; then echo "$packages_dev"; fi
	if [ $want_lab -eq 1 ]; then echo "$packages_lab"; fi
	if [ $want_peer -eq 1 ]; then echo "$packages_peer"; fi
}

installed_version() {
	dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null |
		sed -n 's/^installed //p' | head -n 1
}

missing_packages() {
	local package
	for package in $(wanted_packages); do
		[ -n "$(installed_version "$package")" ] || echo "$package"
	done
}

is_new_qemu() {
	[ -n "$1" ] && [ "$1" != "(none)" ] && dpkg --compare-versions "$1" ge $qemu_least
}

lab_has_qemu() {
	local package
	for package in $packages_qemu; do
		[ -n "$(installed_version "$package")" ] || return 1
	done
	is_new_qemu "$(installed_version qemu-system-x86)"
}

# apt-get, its talk kept in a file of which only the errors are shown, and only when it fails.
apt_quietly() {
	local log
	log=$(mktemp) || fail 1 "mktemp failed: is ${TMPDIR:-/tmp} full?"
	if DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" "$@" \
		</dev/null >"$log" 2>&1; then
		rm -f "$log"
		return 0
	fi
	grep -E '^(E|W|Err):' "$log" | tail -n 10 >&2
	rm -f "$log"
	return 1
}

# A broken index of somebody else's repository is no reason to stop: what counts is the install.
apt_update() {
	say "apt-get update"
	apt_quietly update || say "apt-get update failed (see above); going on with what is known"
}

# apt_install [-t SUITE] PACKAGE...
apt_install() {
	say "apt-get install $*"
	apt_quietly install --no-install-recommends "$@" ||
		fail 1 "apt-get could not install: $* (its messages are above)"
}

release_codename() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
}

# The newest version of QEMU in the backports suite that apt knows, or nothing.
backports_qemu() {
	apt-cache madison qemu-system-x86 |
		sed -n "s/^[^|]*| *\([^ ]*\) *|.*$(release_codename)-backports.*/\1/p" | head -n 1
}

# The mirror that this machine takes the release itself from.
release_mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Component: main" \
		"Origin: Debian" "Codename: $(release_codename)" 2>/dev/null | head -n 1
}

# Packages of a backports suite are taken only when asked for, so nothing else changes by this.
add_backports() {
	local mirror suite file=/etc/apt/sources.list.d/pollux-backports.sources
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	suite=$(release_codename)-backports
	mirror=$(release_mirror)
	[ -n "$mirror" ] || fail 1 "the lab needs QEMU 8 or later: this release has an older one," \
		"and no Debian mirror is configured from which to take $suite"
	say "adding $suite of the mirror in use: $file"
	{
		echo "# Added by Pollux's scripts/setup.sh --lab, for QEMU 8 or later."
		echo "Types: deb"
		echo "URIs: $mirror"
		echo "Suites: $suite"
		echo "Components: main"
		if [ -e $keyring ]; then echo "Signed-By: $keyring"; fi
	} >"$file" || fail 1 "cannot write $file"
	apt_update
	if ! is_new_qemu "$(backports_qemu)"; then
		rm -f "$file"
		fail 1 "the lab needs QEMU 8 or later, and $suite of the mirror in use" \
			"cannot be read or has none ($file is removed again)"
	fi
}

install_qemu() {
	local candidate
	candidate=$(apt-cache policy qemu-system-x86 | sed -n 's/^ *Candidate: //p')
	if is_new_qemu "$candidate"; then
		# shellcheck disable=SC2086
		apt_install $packages_qemu
		return
	fi
	is_new_qemu "$(backports_qemu)" || add_backports
	# shellcheck disable=SC2086
	apt_install -t "$(release_codename)-backports" $packages_qemu
}

install_packages() {
	local package unknown=()
	for package in "$@"; do
		apt-cache show "$package" >/dev/null 2>&1 || unknown+=("$package")
	done
	[ ${#unknown[@]} -eq 0 ] ||
		fail 1 "not in the package lists of this machine: ${unknown[*]}" \
			"(is the network there, and are the release's own sources configured?)"
	apt_install "$@"
}

# Without apt the names of packages are not known here, so the things themselves are looked for.
check_without_apt() {
	local missing=() item
	local programs="cc cmake ninja pkg-config hugeadm ip ethtool iperf3 ping"
	local libraries="numa inih libpcap libxdp libbpf libmnl"
	if [ $want_dev -eq 1 ]; then
		programs+=" c++ clang clang-format clang-tidy shellcheck python3 make tcpdump tcpreplay"
		libraries+=" criterion jansson"
	fi
	if [ $want_lab -eq 1 ]; then programs+=" qemu-system-x86_64 busybox depmod"; fi
	if [ $want_peer -eq 1 ]; then programs+=" dpdk-testpmd" libraries+=" libdpdk"; fi
	for item in $programs; do
		command -v "$item" >/dev/null || missing+=("the program $item")
	done
	for item in $libraries; do
		pkg-config --exists "$item" 2>/dev/null || missing+=("the library $item with headers")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	say "missing:"
	printf '  %s\n' "${missing[@]}"
	fail 1 "there is no apt-get here: install these with this distribution's package manager"
}

do_packages() {
	local missing need_qemu=0
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		check_without_apt
		return
	fi
	mapfile -t missing < <(missing_packages)
	if [ $want_lab -eq 1 ] && ! lab_has_qemu; then need_qemu=1; fi
	if [ ${#missing[@]} -eq 0 ] && [ $need_qemu -eq 0 ]; then
		say "packages: all there"
		return 0
	fi
	if [ $check_only -eq 1 ] || ! is_root; then
		if [ $need_qemu -eq 1 ]; then
			missing+=("qemu-system-x86 (8 or later)" seabios ipxe-qemu)
		fi
		say "packages missing: ${missing[*]}"
		mendable=1
		return 1
	fi
	apt_update
	if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
	if [ $need_qemu -eq 1 ]; then install_qemu; fi
	mapfile -t missing < <(missing_packages)
	[ ${#missing[@]} -eq 0 ] || fail 1 "still missing after the installation: ${missing[*]}"
	say "packages: all there now"
}

# ---- hugepages --------------------------------------------------------------------------------

hugepages_total() {
	cat $hugepages_dir/nr_hugepages 2>/dev/null || echo 0
}

hugepages_wanted() {
	local total free_kb most
	if [ -n "$hugepages" ]; then
		echo "$hugepages"
		return
	fi
	total=$(hugepages_total)
	free_kb=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
	most=$((total + ${free_kb:-0} / 4 / 2048))
	echo $((most < hugepages_default ? most : hugepages_default))
}

do_hugepages() {
	local total wanted
	if [ "$hugepages" = 0 ]; then
		say "hugepages: left alone"
		return 0
	fi
	if [ ! -d $hugepages_dir ]; then
		say "hugepages: this kernel has none of 2 MB; only --no-huge will run"
		return 1
	fi
	total=$(hugepages_total)
	wanted=$(hugepages_wanted)
	if [ "$total" -ge "$wanted" ]; then
		say "hugepages: $total of 2 MB, $wanted wanted"
		return 0
	fi
	if [ $check_only -eq 1 ] || ! is_root; then
		say "hugepages missing: $total of 2 MB, $wanted wanted"
		mendable=1
		return 1
	fi
	hugeadm --pool-pages-min "2MB:$wanted" >/dev/null 2>&1
	total=$(hugepages_total)
	if [ "$total" -lt "$wanted" ]; then
		say "hugepages: only $total of 2 MB, $wanted wanted: memory is short or in pieces," \
			"or this container may not reserve them"
		return 1
	fi
	say "hugepages: $total of 2 MB reserved, until the next boot"
}

status=0 mendable=0
do_packages || status=1
do_hugepages || [ $status -ne 0 ] || status=3
if [ $mendable -eq 1 ]; then
	command=$0
	for argument in ${arguments[@]+"${arguments[@]}"}; do
		if [ "$argument" != --check ]; then command+=" $argument"; fi
	done
	say "run as root: $command"
fi
exit $status
