#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Installs into a scratch prefix, moves that, and builds and runs a stranger's program with it:
# by pkg-config (shared, and libpollux.a with the libraries that --static names) and by
# find_package (shared and static).

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=prefix.inc
. "$(dirname "${BASH_SOURCE[0]}")/prefix.inc"

stranger=$PLX_SOURCE_DIR/test/install/stranger
export PKG_CONFIG_PATH=$libdir/pkgconfig

# runs PROGRAM: prints the version that the program and pollux.pc agree about.
runs() {
	local said
	said=$("$@" --no-huge -l "$cpu")
	[ "$said" = "pollux $version" ] || fail "$1 said '$said', not 'pollux $version'"
}

needs_libpollux() {
	readelf -d "$1" | grep -q 'NEEDED.*libpollux\.so'
}

version=$(pkg-config --modversion pollux)
# The first CPU that this process may use.
cpu=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)

read -ra flags < <(pkg-config --cflags --libs pollux)
$cc -Wall -Wextra -Werror "$stranger/main.c" -o "$scratch/pc_shared" "${flags[@]}"
needs_libpollux "$scratch/pc_shared" || fail "pkg-config did not link libpollux.so"
LD_LIBRARY_PATH=$libdir runs "$scratch/pc_shared"

read -ra flags < <(pkg-config --static --cflags --libs pollux)
$cc "$stranger/main.c" -o "$scratch/pc_static" "${flags[@]/#-lpollux/-l:libpollux.a}"
if needs_libpollux "$scratch/pc_static"; then
	fail "-l:libpollux.a with the libraries of pkg-config --static linked libpollux.so"
fi
runs "$scratch/pc_static"

cmake -S "$stranger" -B "$scratch/stranger" -DCMAKE_PREFIX_PATH="$prefix" \
	-DCMAKE_C_COMPILER="$cc" >"$scratch/log" || { cat "$scratch/log" && exit 1; }
cmake --build "$scratch/stranger" >"$scratch/log" || { cat "$scratch/log" && exit 1; }
needs_libpollux "$scratch/stranger/with_shared" || fail "pollux::pollux is not libpollux.so"
runs "$scratch/stranger/with_shared"
if needs_libpollux "$scratch/stranger/with_static"; then
	fail "pollux::pollux-static is libpollux.so"
fi
runs "$scratch/stranger/with_static"
