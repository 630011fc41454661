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
  --dev    tests, checks and benchmarks: Criterion, clang, clang-tidy, shellcheck, python3 with
           jsonschema, chromium, make, strace, tcpdump, tcpreplay,
           valgrind
  --lab    the virtual machine of scripts/lab.sh with emulated igb cards: QEMU 8 or later, and
           two kernels of Debian (stable, backports), unpacked into a cache folder and not
           installed: /var/cache/pollux/lab, for an ordinary user in ~/.cache
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
	libpcap-dev libxdp-dev libbpf-dev libmnl-dev libjansson-dev iproute2 ethtool iperf3 iputils-ping"
packages_dev="libcriterion-dev g++ clang libclang-rt-dev clang-format clang-tidy
	shellcheck python3 python3-jsonschema chromium make strace tcpdump tcpreplay valgrind"
packages_lab="busybox-static kmod xz-utils zstd pciutils"
packages_peer="libdpdk-dev dpdk-dev"
# The igb card came with QEMU 8: from the release where it has that, else from its backports.
packages_qemu="qemu-system-x86 seabios ipxe-qemu"
readonly qemu_least=1:8.0
readonly kernel_package=linux-image-amd64
readonly hugepages_default=256
readonly hugepages_dir=/sys/kernel/mm/hugepages/hugepages-2048kB
readonly apt_options=(-q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2
	-o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)

# shellcheck source-path=SCRIPTDIR source=lib/lab_cache.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab_cache.sh"
# shellcheck source-path=SCRIPTDIR source=lib/lab_initramfs.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/lab_initramfs.sh"

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
		set -- "$1=$2" "${@:3}"
		continue
		;;
	--hugepages=*)
		hugepages=${1#*=}
		[ -n "$hugepages" ] || fail 2 "--hugepages: want a number"
		;;
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

# backports_version PACKAGE: its newest in the backports suite that apt knows, or nothing
backports_version() {
	apt-cache madison "$1" |
		sed -n "s/^[^|]*| *\([^ ]*\) *|.*$(release_codename)-backports.*/\1/p" | head -n 1
}

# The mirror that this machine takes the release itself from.
release_mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Component: main" \
		"Origin: Debian" "Codename: $(release_codename)" 2>/dev/null | head -n 1
}

# add_backports WANTED COMMAND...: adds the suite, and takes it away again where the command finds it
# to be no use. Packages of it are taken only when asked for, so nothing else changes by this.
add_backports() {
	local mirror suite wanted=$1 file=/etc/apt/sources.list.d/pollux-backports.sources
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	shift
	suite=$(release_codename)-backports
	mirror=$(release_mirror)
	[ -n "$mirror" ] || fail 1 "the lab needs $wanted: this release has none," \
		"and no Debian mirror is configured from which to take $suite"
	say "adding $suite of the mirror in use: $file"
	{
		echo "# Added by Pollux's scripts/setup.sh --lab, for $wanted."
		echo "Types: deb"
		echo "URIs: $mirror"
		echo "Suites: $suite"
		echo "Components: main"
		if [ -e $keyring ]; then echo "Signed-By: $keyring"; fi
	} >"$file" || fail 1 "cannot write $file"
	apt_update
	if ! "$@"; then
		rm -f "$file"
		fail 1 "the lab needs $wanted, and $suite of the mirror in use" \
			"cannot be read or has none ($file is removed again)"
	fi
}

backports_have_qemu() {
	is_new_qemu "$(backports_version qemu-system-x86)"
}

install_qemu() {
	local candidate
	candidate=$(apt-cache policy qemu-system-x86 | sed -n 's/^ *Candidate: //p')
	if is_new_qemu "$candidate"; then
		# shellcheck disable=SC2086
		apt_install $packages_qemu
		return
	fi
	backports_have_qemu || add_backports "QEMU 8 or later" backports_have_qemu
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
	local libraries="numa inih libpcap libxdp libbpf libmnl jansson"
	if [ $want_dev -eq 1 ]; then
		programs+=" c++ clang clang-format clang-tidy shellcheck python3 chromium make strace tcpdump tcpreplay valgrind"
		libraries+=" criterion"
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

# ---- the lab's kernels ------------------------------------------------------------------------

backports_have_kernel() {
	[ -n "$(backports_version $kernel_package)" ]
}

# kernel_version stable|backports: of the package that depends on the newest kernel
kernel_version() {
	if [ "$1" = backports ]; then
		backports_version $kernel_package
		return
	fi
	apt-cache madison $kernel_package | grep -v -e '-backports' | sed -n 's/^[^|]*| *\([^ ]*\).*/\1/p' |
		head -n 1
}

# unpack_kernel PACKAGE VERSION RELEASE CACHE: downloads it and takes it apart; nothing is installed
unpack_kernel() {
	local dir=$4/unpack
	rm -rf "$dir"
	mkdir -p "$dir/files" || fail 1 "cannot write into $4"
	say "unpacking $1 $2 into $4/linux-$3"
	(cd "$dir" && apt_quietly download "$1=$2") ||
		fail 1 "apt-get could not download $1=$2 (its messages are above)"
	dpkg -x "$dir/$1"_*.deb "$dir/files" || fail 1 "cannot unpack $1: is $4 full?"
	[ -e "$dir/files/boot/vmlinuz-$3" ] || fail 1 "$1 has no boot/vmlinuz-$3"
	if [ ! -d "$dir/files/lib/modules" ]; then
		mkdir -p "$dir/files/lib" && mv "$dir/files/usr/lib/modules" "$dir/files/lib/modules"
	fi
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$dir/files" "$3" || fail 1 "depmod failed for $1"
	rm -rf "$4/linux-$3"
	if ! touch "$dir/files/lab-kernel" || ! chmod -R a+rX "$dir/files" ||
		! mv "$dir/files" "$4/linux-$3"; then
		fail 1 "cannot write into $4"
	fi
	rm -rf "$dir"
}

# get_kernel stable|backports CACHE
get_kernel() {
	local version package release
	version=$(kernel_version "$1")
	[ -n "$version" ] || fail 1 "no $kernel_package of $1 in the package lists of this machine" \
		"(the lab wants a Debian on amd64, with the release's own sources)"
	package=$(apt-cache show "$kernel_package=$version" |
		sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
	release=${package#linux-image-}
	[ -n "$release" ] || fail 1 "$kernel_package $version names no kernel"
	lab_is_kernel "$2/linux-$release" || unpack_kernel "$package" "$version" "$release" "$2"
	ln -sfn "linux-$release" "$2/$1" || fail 1 "cannot write into $2"
	lab_initramfs "$2/linux-$release" "$2" >/dev/null ||
		fail 1 "cannot make the initramfs of linux-$release in $2"
}

do_kernels() {
	local name cache lock missing=()
	for name in stable backports; do
		lab_kernel $name >/dev/null || missing+=("$name")
	done
	if [ ${#missing[@]} -eq 0 ]; then
		say "the lab's kernels: $(lab_kernels)"
		return 0
	fi
	if [ $check_only -eq 1 ] || ! command -v apt-get >/dev/null; then
		say "the lab's kernels are missing: ${missing[*]}"
		mendable=1
		return 1
	fi
	cache=$(lab_own_cache)
	lab_make_cache "$cache" || fail 1 "cannot make $cache"
	exec {lock}>"$cache/lock" || fail 1 "cannot write into $cache"
	flock "$lock"
	[ -n "$(kernel_version stable)" ] || ! is_root || apt_update
	for name in "${missing[@]}"; do
		if [ "$name" = backports ] && ! backports_have_kernel && is_root; then
			add_backports "a kernel of backports" backports_have_kernel
		fi
		get_kernel "$name" "$cache"
	done
	exec {lock}>&-
	say "the lab's kernels: $(lab_kernels)"
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
if [ $want_lab -eq 1 ]; then do_kernels || status=1; fi
do_hugepages || [ $status -ne 0 ] || status=3
if [ $mendable -eq 1 ]; then
	command=$0
	for argument in ${arguments[@]+"${arguments[@]}"}; do
		if [ "$argument" != --check ]; then command+=" $argument"; fi
	done
	say "run as root: $command"
fi
exit $status
