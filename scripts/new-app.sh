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
                 none): a build of it, or an empty folder; build/app if not told. It is built if
                 it is not, and installed in BUILD/prefix

When it fails, or is interrupted, it takes away what it has made.

Exit status: 0 it ran, 2 wrong usage, 130 interrupted, 1 all else.
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

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
dir='' build=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	--build)
		[ -n "${2-}" ] || fail 2 "--build: want a folder"
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

# ---- what is made, and undone ----

# made: the folders that mkdirs makes, the innermost first, which the end takes away when they are
# empty then. A DIR or a BUILD that was there stays, empty as it was.
made=() new_files='' new_build='' log='' child=

# mkdirs FOLDER
mkdirs() {
	local folder=$1 parents=()
	while [ ! -e "$folder" ]; do
		parents+=("$folder")
		folder=$(dirname -- "$folder")
	done
	made=(${parents[@]+"${parents[@]}"} ${made[@]+"${made[@]}"})
	mkdir -p -- "$1" 2>/dev/null && [ -w "$1" ]
}

undo() {
	if [ -n "$new_build" ]; then
		find "$build" -mindepth 1 -delete
		say "removed the unfinished build in $build" >&2
	fi
	if [ -n "$new_files" ]; then
		rm -rf -- "$dir/build"
		rm -f -- "$dir/main.c" "$dir/CMakeLists.txt" "$dir/Makefile"
		say "removed what was made of $dir" >&2
	fi
	[ ${#made[@]} -eq 0 ] || rmdir -- "${made[@]}" 2>/dev/null
}

# end_child: all of its group, so that nothing writes any more; 5 s at most
end_child() {
	local tenths=50
	[ -n "$child" ] || return
	kill -TERM -- "-$child"
	while kill -0 -- "-$child" && [ $((tenths--)) -gt 0 ]; do sleep 0.1; done
	kill -KILL -- "-$child"
	wait
} 2>/dev/null # where bash would tell who was killed

at_exit() {
	local status=$?
	trap '' INT TERM HUP
	end_child
	[ -z "$log" ] || rm -f -- "$log"
	[ $status -eq 0 ] || undo
}
trap at_exit EXIT
trap 'say interrupted >&2; exit 130' INT TERM HUP

# quietly COMMAND...: its output is shown only when it fails, and that is the end. It runs in a
# process group of its own, so that a signal ends all of it at once.
quietly() {
	setsid "$@" </dev/null >"$log" 2>&1 &
	child=$!
	wait "$child" || {
		child=
		cat "$log" >&2
		fail 1 "failed: $*"
	}
	child=
}

log=$(mktemp) || fail 1 "no room for a temporary file"
[[ $dir == /* ]] || dir=$PWD/$dir
mkdirs "$dir" || fail 1 "$dir: can't make it, or may not write there"
dir=$(cd -- "$dir" && pwd) || exit 1

# ---- which Pollux? ----

# find_build: sets build to where this tree is built, or is to be.
find_build() {
	local locked folder of ours=
	if [ -z "$build" ]; then
		build=$root/build/app ours=1
		mkdirs "$build" ||
			fail 1 "$build: you may not write there: make a folder and name it by --build DIR"
	fi
	folder=$(cd -- "$build" 2>/dev/null && pwd) || fail 1 "--build $build: there is no such folder"
	build=$folder
	locked=$(find "$build" -maxdepth 1 ! -type l ! -writable -print -quit 2>/dev/null)
	[ -z "$locked" ] ||
		fail 1 "$locked: you may not write there: make a folder and name it by --build DIR"
	if [ -e "$build/CMakeCache.txt" ]; then
		of=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt")
		[ "$of" -ef "$root" ] || fail 1 "$build: it is a build of another tree: $of"
	elif [ -z "$ours" ] && [ -n "$(ls -A -- "$build")" ]; then
		fail 1 "$build: neither a build of this tree nor an empty folder"
	fi
}

# install_tree: into $build/prefix; pkg-config then finds it.
install_tree() {
	local pc
	find_build
	if [ ! -e "$build/CMakeCache.txt" ] || [ "$build" = "$root/build/app" ]; then
		[ -e "$build/CMakeCache.txt" ] || new_build=1
		say "configuring this tree in $build"
		quietly cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release \
			-DPLX_WITH_TESTS=OFF -DPLX_WITH_PERF=OFF
	fi
	say "building what is not built yet in $build: a minute or so the first time"
	quietly cmake --build "$build" -j "$(nproc)"
	say "installing it in $build/prefix"
	quietly cmake --install "$build" --prefix "$build/prefix"
	pc=$(find "$build/prefix" -name pollux.pc | head -n 1)
	[ -n "$pc" ] || fail 1 "$build/prefix has no pollux.pc after the installation"
	new_build=
	PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
	export PKG_CONFIG_PATH
}

# folder_of VARIABLE: of pollux.pc
folder_of() {
	local folder
	folder=$(pkg-config --variable="$1" pollux)
	folder=${folder//\\/} # it escapes blanks
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

new_files=1
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
trap 'rm -f -- "$log"' EXIT
trap - INT TERM HUP

# As a shell reads them.
printf -v dir_word %q "$dir"
printf -v path_word %q "$libdir/pkgconfig"
cat <<END

Next: change handle() in $dir/main.c, then

  cmake --build $dir_word/build
  or, by the Makefile: PKG_CONFIG_PATH=$path_word make -C $dir_word

and run it on ports of yours, with --vdev before the --, until ^C. A capture file, for one, that
tcpdump -i eth0 -c 1000 -w in.pcap makes as root (or of any other interface in ip -br link):

  $dir_word/build/$name --no-huge --vdev net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap

$root/doc/your-own-app.md walks through it.
END
