#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes a new lcore app from apps/template: copies it, builds it against the installed Pollux and
# runs it for a second.

set -u -o pipefail

usage() {
	cat <<'END'
usage: scripts/new-app.sh DIR [--build BUILD]

Makes the folder DIR with an lcore app named like it, builds it and runs it for a second.

  --build BUILD  where this tree is built, when no Pollux is installed (that is, pkg-config finds
                 none); build if not told. It is built if it is not, and installed in BUILD/prefix

Exit status: 0 it ran, 2 wrong usage, 1 all else.
END
}

say() {
	printf 'new-app: %s\n' "$*"
}

fail() {
	local status=$1
	shift
	printf 'new-app: error: %s\n' "$*" >&2
	exit "$status"
}

# quietly COMMAND...: its output is shown only when it fails, and that is the end.
quietly() {
	local output
	output=$("$@" 2>&1) || {
		printf '%s\n' "$output" >&2
		fail 1 "failed: $*"
	}
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
dir='' build=$root/build
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	--build)
		[ $# -ge 2 ] || fail 2 "--build: want a folder"
		shift
		build=$1
		;;
	-*) fail 2 "$1: unknown option; allowed is --build BUILD" ;;
	*)
		[ -z "$dir" ] || fail 2 "$1: want one folder, there is '$dir' already"
		dir=$1
		;;
	esac
	shift
done
[ -n "$dir" ] || fail 2 "want a folder that is to be made; --help tells more"

# ---- is it possible? ----

name=$(basename -- "$dir")
[[ $name =~ ^[A-Za-z][A-Za-z0-9_-]*$ ]] ||
	fail 2 "'$name' names the program: want letters, digits, - and _, and a letter first"
# Of make, and of CMake's generators.
case $name in
all | clean | codegen | default_target | depend | edit_cache | help | install | \
	list_install_components | package | package_source | preinstall | rebuild_cache | test | \
	cmake_check_build_system | cmake_force | ALL_BUILD | INSTALL | PACKAGE | RUN_TESTS | ZERO_CHECK)
	fail 2 "'$name' is taken: it is a target of make"
	;;
build | CMakeFiles | Makefile | Testing)
	fail 2 "'$name' is taken: the build has a file or a folder of that name"
	;;
esac
if [ -e "$dir" ] && [ ! -d "$dir" ]; then fail 2 "$dir: it exists and is no folder"; fi
if [ -d "$dir" ] && [ -n "$(ls -A -- "$dir")" ]; then
	fail 2 "$dir: it exists and is not empty: choose another name"
fi
for tool in "${CC:-cc}" cmake pkg-config; do
	command -v "$tool" >/dev/null ||
		fail 1 "$tool is missing: run scripts/setup.sh, or install it"
done

# ---- which Pollux? ----

# install_tree: into $build/prefix; pkg-config then finds it.
install_tree() {
	if [ ! -e "$build/CMakeCache.txt" ]; then
		say "building this tree in $build"
		quietly cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release \
			-DPLX_WITH_TESTS=OFF -DPLX_WITH_PERF=OFF
	fi
	quietly cmake --build "$build" -j "$(nproc)"
	quietly cmake --install "$build" --prefix "$build/prefix"
	pc=$(find "$build/prefix" -name pollux.pc | head -n 1)
	[ -n "$pc" ] || fail 1 "$build/prefix has no pollux.pc after the installation"
	PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
	export PKG_CONFIG_PATH
}

# folder_of VARIABLE: of pollux.pc
folder_of() {
	local folder
	folder=$(pkg-config --variable="$1" pollux)
	[ -n "$folder" ] || fail 1 "pollux.pc has no $1: install Pollux anew"
	cd -- "$folder" 2>/dev/null || fail 1 "pollux.pc: $1 is $folder, which is no folder to enter"
	pwd
}

wanted=$(sed -n 's/^project(pollux VERSION \([0-9]*\.[0-9]*\).*/\1/p' "$root/CMakeLists.txt")
if pkg-config --exists "pollux >= $wanted"; then
	found=installed
else
	say "no Pollux $wanted is installed (pkg-config finds none): taking this tree's"
	install_tree
	found="there now"
fi
prefix=$(folder_of prefix) || exit 1
libdir=$(folder_of libdir) || exit 1
say "Pollux $(pkg-config --modversion pollux) is $found: $prefix"

# ---- copy, build, run ----

# made: the folders that this script makes, the innermost first; a DIR that was there stays, empty.
made=()
undo() {
	rm -rf -- "$dir/build"
	rm -f -- "$dir/main.c" "$dir/CMakeLists.txt" "$dir/Makefile"
	[ ${#made[@]} -eq 0 ] || rmdir -- "${made[@]}" 2>/dev/null
	say "removed what was made of $dir" >&2
}

[[ $dir == /* ]] || dir=$PWD/$dir
folder=$dir
while [ ! -e "$folder" ]; do
	made+=("$folder")
	folder=$(dirname -- "$folder")
done
trap undo EXIT
trap 'exit 1' INT TERM HUP
mkdir -p -- "$dir" || fail 1 "$dir: can't make it"
dir=$(cd -- "$dir" && pwd) || exit 1
for file in main.c CMakeLists.txt Makefile; do
	sed "s/my-app/$name/g" "$root/apps/template/$file" >"$dir/$file" ||
		fail 1 "$dir/$file: can't write it"
done
say "made $dir: main.c, CMakeLists.txt, Makefile"

quietly cmake -S "$dir" -B "$dir/build" -DCMAKE_PREFIX_PATH="$prefix"
quietly cmake --build "$dir/build"
say "built $dir/build/$name"

# Two lcores on the first and the last CPU that this process may use.
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
run=("$dir/build/$name" --no-huge --no-pci --lcores "0@${cpus%%[,-]*},1@${cpus##*[,-]}" -- -s 1)
say "running it for a second: ${run[*]}"
"${run[@]}" || fail 1 "$name ended with status $?"
trap - EXIT INT TERM HUP

cat <<END

Next: change handle() in $dir/main.c, then

  cmake --build $dir/build
  or, by the Makefile: PKG_CONFIG_PATH=$libdir/pkgconfig make -C $dir

and run it on ports of yours, with --vdev before the --, until ^C:

  $dir/build/$name --no-huge --vdev net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap

$root/doc/your-own-app.md walks through it.
END
