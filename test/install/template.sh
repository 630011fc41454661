#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# apps/template and scripts/new-app.sh: the template is built with the installed library by its
# Makefile and by CMake, from a folder outside of the tree, and runs; new-app.sh makes such a
# folder with an installed Pollux and without one, and tells in one line why it can't.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=prefix.inc
. "$(dirname "${BASH_SOURCE[0]}")/prefix.inc"

export CC=$cc
unset PKG_CONFIG_PATH
# No Pollux but the scratch prefix's is found.
mkdir "$scratch/empty"
export PKG_CONFIG_LIBDIR=$scratch/empty
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
options=(--no-huge --no-pci --lcores "0@${cpus%%[,-]*},1@${cpus##*[,-]}")

# forwards PROGRAM: for a second, on the port that it makes itself, and loads the prefix's library
forwards() {
	local out
	[ "$(ldd "$1" | sed -n 's/.*libpollux\.so.* => \(.*\) (.*/\1/p' | xargs realpath)" = \
		"$(realpath "$libdir/libpollux.so")" ] ||
		fail "$1 does not load the library in $libdir: $(ldd "$1")"
	out=$("$1" "${options[@]}" -- -s 1 2>&1) || fail "$1: exit status $?: $out"
	grep -qE '\(last\) port 0 net_null0 tx.* [1-9][0-9]* packets, 0 lost' <<<"$out" ||
		fail "$1 sent nothing: $out"
}

# ---- the template itself ----

cp -R "$PLX_SOURCE_DIR/apps/template" "$scratch/copy"
if make -C "$scratch/copy" >"$scratch/log" 2>&1; then fail "made without a Pollux"; fi
grep -q 'pkg-config finds no Pollux: export PKG_CONFIG_PATH' "$scratch/log" ||
	fail "make without a Pollux says: $(cat "$scratch/log")"
PKG_CONFIG_PATH=$libdir/pkgconfig make -C "$scratch/copy" CFLAGS="-O2 -Werror" \
	>"$scratch/log" 2>&1 || fail "make: $(cat "$scratch/log")"
forwards "$scratch/copy/my-app"
make -C "$scratch/copy" clean >"$scratch/log"
[ ! -e "$scratch/copy/my-app" ] || fail "make clean left the program"

cmake -S "$scratch/copy" -B "$scratch/copy/build" -DCMAKE_PREFIX_PATH="$prefix" \
	-DCMAKE_C_FLAGS=-Werror >"$scratch/log" 2>&1 || fail "cmake: $(cat "$scratch/log")"
cmake --build "$scratch/copy/build" >"$scratch/log" 2>&1 || fail "build: $(cat "$scratch/log")"
forwards "$scratch/copy/build/my-app"

# refused LINE ARGUMENT...: the template's own arguments
refused() {
	local line=$1 out status=0
	shift
	out=$("$scratch/copy/build/my-app" "$@" 2>&1) || status=$?
	[[ $status -eq 2 && $out == "$line" ]] || fail "my-app $*: status $status, printed: $out"
}
refused "my-app: -s '0': want seconds, 1 to 86400" "${options[@]}" -- -s 0
refused "my-app: -s '1x': want seconds, 1 to 86400" "${options[@]}" -- -s 1x
refused "my-app: 'more': want options only" "${options[@]}" -- more
refused "my-app: one lcore only: want two, as in -l 0,1" --no-huge --no-pci \
	--lcores "0@${cpus%%[,-]*}"

# ---- scripts/new-app.sh ----

new_app() {
	"$PLX_SOURCE_DIR/scripts/new-app.sh" "$@" >"$scratch/log" 2>&1
}

# made DIR: what new-app.sh made is there, has its name, and works by both ways to build it
made() {
	local name line
	name=$(basename "$1")
	for line in "new-app: built $1/build/$name" "Next: change handle() in $1/main.c, then"; do
		grep -qxF "$line" "$scratch/log" || fail "new-app.sh says: $(cat "$scratch/log")"
	done
	! grep -rq my-app "$1"/main.c "$1"/CMakeLists.txt "$1"/Makefile ||
		fail "$1 still has the template's name"
}

PKG_CONFIG_PATH=$libdir/pkgconfig new_app "$scratch/apps/first" || fail "$(cat "$scratch/log")"
made "$scratch/apps/first"
grep -q "is installed: $prefix\$" "$scratch/log" || fail "not taken: $(cat "$scratch/log")"
forwards "$scratch/apps/first/build/first"
PKG_CONFIG_PATH=$libdir/pkgconfig make -C "$scratch/apps/first" >"$scratch/log" 2>&1 ||
	fail "make: $(cat "$scratch/log")"
forwards "$scratch/apps/first/first"

# Without an installed one it takes the tree's build, in a prefix of its own. The folder may be
# there when it is empty.
mkdir "$scratch/second"
new_app "$scratch/second" --build "$PLX_BUILD_DIR" || fail "$(cat "$scratch/log")"
made "$scratch/second"
libdir=$(dirname "$(find "$PLX_BUILD_DIR/prefix" -name libpollux.a)")
forwards "$scratch/second/build/second"

# new_app_refused STATUS LINE ARGUMENT...
new_app_refused() {
	local want=$1 line=$2 status=0
	shift 2
	new_app "$@" --build "$PLX_BUILD_DIR" || status=$?
	[[ $status -eq $want && $(cat "$scratch/log") == "new-app: error: $line" ]] ||
		fail "new-app.sh $*: status $status, want $want: $(cat "$scratch/log")"
}
new_app_refused 2 "want a folder that is to be made; --help tells more"
new_app_refused 2 "$scratch/second: it exists and is not empty: choose another name" \
	"$scratch/second"
new_app_refused 2 "$scratch/log: it exists and is no folder" "$scratch/log"
new_app_refused 2 "'1st' names the program: want letters, digits, - and _, and a letter first" 1st
new_app_refused 2 "'a b' names the program: want letters, digits, - and _, and a letter first" \
	"$scratch/a b"
new_app_refused 2 "'a.b' names the program: want letters, digits, - and _, and a letter first" a.b
# All that the template's two builds have, so that a new one of CMake's is noticed.
cmake --build "$scratch/copy/build" --target help >"$scratch/targets"
targets=$(sed -n -e 's/^\.\.\. \([A-Za-z_-]*\)\( .*\)*$/\1/p' -e 's/^\([A-Za-z_-]*\): .*/\1/p' \
	"$scratch/targets" | sort -u | grep -vxF my-app)
[[ $'\n'$targets$'\n' == *$'\n'clean$'\n'* ]] || fail "the targets: $(cat "$scratch/targets")"
for name in $targets all clean test install package cmake_force ALL_BUILD ZERO_CHECK; do
	new_app_refused 2 "'$name' is taken: it is a target of make" "$scratch/$name"
	[ ! -e "$scratch/$name" ] || fail "a refused run left $scratch/$name"
done
for name in build CMakeFiles Makefile Testing; do
	new_app_refused 2 "'$name' is taken: the build has a file or a folder of that name" \
		"$scratch/$name"
done
new_app_refused 2 "--bogus: unknown option; allowed is --build BUILD" --bogus
new_app_refused 2 "b: want one folder, there is 'a' already" a b
CC=no-such-cc new_app_refused 1 "no-such-cc is missing: run scripts/setup.sh, or install it" \
	"$scratch/third"
[ ! -e "$scratch/third" ] || fail "a refused run left a folder behind"
