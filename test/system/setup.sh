#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# scripts/setup.sh without changing anything: wrong usage, what it says where a package or a program
# is missing, with apt-get and without, and that it knows the package of each library that CMake
# wants.

set -eu -o pipefail

fail() {
	echo "$*"
	exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
setup=$PLX_SOURCE_DIR/scripts/setup.sh

# setup STATUS ARGUMENT...: leaves what was printed in $out
setup() {
	local want=$1 got=0
	shift
	out=$(PATH=$scratch/bin bash "$setup" "$@" 2>&1) || got=$?
	[ "$got" -eq "$want" ] || fail "setup.sh $*: exit status $got, want $want: $out"
}

# A machine of our own making: the programs that the script itself needs, an apt-get that must not
# be called and a dpkg-query that knows no package but those in $scratch/installed.
mkdir "$scratch/bin"
for program in bash cat dirname grep head id mktemp printf readlink rm sed tail uname; do
	path=$(type -P $program) || continue
	ln -s "$path" "$scratch/bin"
done
program() {
	cat >"$scratch/bin/$1"
	chmod +x "$scratch/bin/$1"
}
program apt-get <<END
#!/bin/sh
echo "apt-get \$*" >>"$scratch/called"
END
program dpkg-query <<END
#!/bin/sh
for package; do :; done
grep -qx "\$package" "$scratch/installed" && echo "installed 1.0"
END

# ---- wrong usage ----

for arguments in --bogus "--hugepages" "--hugepages x" "--hugepages 99999999" "--hugepages="-1 \
	"--check --hugepages="; do
	# shellcheck disable=SC2086
	setup 2 $arguments
	[ "$(wc -l <<<"$out")" -eq 1 ] || fail "setup.sh $arguments: want one line: $out"
done
setup 2 --check --hugepages ""
[[ $out == *"--hugepages: want a number" ]] || fail "an empty number of hugepages: $out"
setup 0 --help
[[ $out == "usage: scripts/setup.sh"* ]] || fail "--help says: $out"

# ---- with apt-get ----

: >"$scratch/installed"
setup 1 --check --hugepages 0
for package in gcc cmake libnuma-dev libpcap-dev libxdp-dev libbpf-dev libmnl-dev libjansson-dev \
	iproute2 ethtool iperf3 iputils-ping; do
	[[ $out =~ "packages missing: "[^$'\n']*$package ]] || fail "$package is not wanted: $out"
done
[[ $out == *"run as root: $setup --hugepages 0" ]] || fail "no command that mends it: $out"
for name in libcriterion-dev libdpdk-dev; do
	[[ $out != *$name* ]] || fail "$name is wanted by those who only run it: $out"
done
setup 1 --check --hugepages 0 --dev --peer
for name in libcriterion-dev " shellcheck" " chromium" " tcpdump" " dpdk-dev" libdpdk-dev; do
	[[ $out == *$name* ]] || fail "$name is not wanted: $out"
done
sed -n 's/^setup: packages missing: //p' <<<"$out" | tr ' ' '\n' >"$scratch/installed"
setup 0 --check --hugepages 0 --dev --peer
[[ $out == *"packages: all there"* ]] || fail "with all of them: $out"
sed -i '/^libpcap-dev$/d' "$scratch/installed"
setup 1 --check --hugepages 0
[[ $out == "setup: packages missing: libpcap-dev"$'\n'* ]] || fail "without libpcap-dev: $out"

# ---- the lab's kernels, which are no installed packages ----

export PLX_LAB_CACHE=$scratch/lab
setup 1 --check --hugepages 0 --lab
for words in busybox-static "qemu-system-x86 (8 or later)" "lab's kernels are missing: stable backports"; do
	[[ $out == *"$words"* ]] || fail "--lab does not miss $words: $out"
done
mkdir -p "$scratch/lab/linux-6.1-test"
ln -s linux-6.1-test "$scratch/lab/stable"
setup 1 --check --hugepages 0 --lab
[[ $out == *"lab's kernels are missing: stable backports"* ]] || fail "with half a kernel: $out"
: >"$scratch/lab/linux-6.1-test/lab-kernel"
setup 1 --check --hugepages 0 --lab
[[ $out == *"lab's kernels are missing: backports"* ]] || fail "with the stable kernel: $out"
[ ! -e "$scratch/called" ] || fail "--check called $(cat "$scratch/called")"

# ---- libraries of CMake and packages of setup.sh are the same ----

: >"$scratch/installed"
setup 1 --check --hugepages 0
wanted=" $(sed -n 's/^setup: packages missing: //p' <<<"$out") "
packages=$(sed -n '/^set(plx_system_libs/,/^)/s/^\t"[^ ]* [^ ]* \([^"]*\)"$/\1/p' \
	"$PLX_SOURCE_DIR/config/cmake/PolluxModule.cmake")
[ "$(wc -w <<<"$packages")" -ge 5 ] || fail "no packages in PolluxModule.cmake: $packages"
for package in $packages; do
	[[ $wanted == *" $package "* ]] || fail "CMake wants $package, setup.sh does not install it"
done

# ---- without apt-get ----

rm "$scratch/bin/apt-get" "$scratch/bin/dpkg-query"
setup 1 --check --hugepages 0
for item in "the program cmake" "the program iperf3" "the library libpcap with headers"; do
	[[ $out == *"  $item"* ]] || fail "does not miss $item: $out"
done
[[ $out == *"there is no apt-get here: install these"* ]] || fail "says: $out"
for name in cc cmake ninja hugeadm ip ethtool iperf3 ping; do
	ln -s "$(type -P true)" "$scratch/bin/$name"
done
program pkg-config <<'END'
#!/bin/sh
[ "$2" != libmnl ]
END
setup 1 --check --hugepages 0
[[ $out == $'setup: missing:\n  the library libmnl with headers\n'* ]] || fail "says: $out"
ln -sf "$(type -P true)" "$scratch/bin/pkg-config"
setup 0 --check --hugepages 0
