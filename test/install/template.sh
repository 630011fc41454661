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
refused "my-app: 'more': want -s SECONDS only" "${options[@]}" -- more
refused "my-app: '-x': want -s SECONDS, 1 to 86400" "${options[@]}" -- -x
refused "my-app: '-s': want -s SECONDS, 1 to 86400" "${options[@]}" -- -s
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
grep -qxF "new-app: installing it in $PLX_BUILD_DIR/prefix" "$scratch/log" ||
	fail "not told what it does: $(cat "$scratch/log")"
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

# What can't be made is told in one line before anything is built, and nothing of it stays.
new_app_refused 1 "/proc/nope/third: can't make it, or may not write there" /proc/nope/third
# refused_build LINE BUILD
refused_build() {
	local status=0
	new_app "$scratch/third/app" --build "$2" || status=$?
	[[ $status -eq 1 && $(tail -n 1 "$scratch/log") == "new-app: error: $1" ]] ||
		fail "new-app.sh --build $2: status $status: $(cat "$scratch/log")"
	[ "$(wc -l <"$scratch/log")" -eq 2 ] || fail "--build $2: want two lines: $(cat "$scratch/log")"
	[ ! -e "$scratch/third" ] || fail "--build $2: left a folder behind"
}
refused_build "--build $scratch/gone: there is no such folder" "$scratch/gone"
[ ! -e "$scratch/gone" ] || fail "a refused run made its build"
refused_build "$scratch/apps: neither a build of this tree nor an empty folder" "$scratch/apps"
refused_build "$scratch/copy/build: it is a build of another tree: $scratch/copy" \
	"$scratch/copy/build"
if [ "$(id -u)" -eq 0 ]; then
	chmod 755 "$scratch"
	mkdir -m 1777 "$scratch/open"
	as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups env TMPDIR="$scratch/open")
	mkdir "$scratch/roots"
	if "${as_user[@]}" test -x "$PLX_SOURCE_DIR/scripts/new-app.sh"; then
		status=0
		"${as_user[@]}" "$PLX_SOURCE_DIR/scripts/new-app.sh" "$scratch/open/third" \
			--build "$scratch/roots" >"$scratch/log" 2>&1 || status=$?
		line="$scratch/roots: you may not write there: make a folder and name it by --build DIR"
		[[ $status -eq 1 && $(tail -n 1 "$scratch/log") == "new-app: error: $line" ]] ||
			fail "a build of root's: status $status: $(cat "$scratch/log")"
		[ -z "$(ls -A "$scratch/open")" ] || fail "left behind: $(ls -A "$scratch/open")"
	fi
fi

# Interrupted while it builds: all of it ends, and what was made goes away. A compiler that never
# ends stands for a long build.
mkdir "$scratch/empty-build" "$scratch/bin"
mark=$scratch/compiling
cat >"$scratch/bin/cmake" <<END
#!/bin/sh
echo >"$scratch/empty-build/half" && echo \$\$ >"$mark" && sleep 60
END
chmod +x "$scratch/bin/cmake"
for signal in INT TERM; do
	rm -f "$mark"
	env --default-signal=INT PATH="$scratch/bin:$PATH" "$PLX_SOURCE_DIR/scripts/new-app.sh" \
		"$scratch/third/app" --build "$scratch/empty-build" >"$scratch/log" 2>&1 &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		[ ! -s "$mark" ] || break
		sleep 0.1
	done
	kill -$signal $pid
	status=0
	wait $pid || status=$?
	[ $status -eq 130 ] || fail "SIG$signal: status $status: $(cat "$scratch/log")"
	grep -qxF "new-app: interrupted" "$scratch/log" || fail "SIG$signal: $(cat "$scratch/log")"
	if kill -0 "$(cat "$mark")" 2>/dev/null; then fail "SIG$signal: the build goes on"; fi
	[ ! -e "$scratch/third" ] || fail "SIG$signal: left $(find "$scratch/third")"
	[ -z "$(ls -A "$scratch/empty-build")" ] || fail "SIG$signal: left $(ls "$scratch/empty-build")"
done

# A folder with a blank: what is to be run next is written as a shell reads it.
mkdir "$scratch/a blank"
PKG_CONFIG_PATH=$libdir/pkgconfig new_app "$scratch/a blank/fourth" || fail "$(cat "$scratch/log")"
command=$(sed -n 's/^  \(cmake --build .*\)/\1/p' "$scratch/log")
bash -c "$command" >/dev/null || fail "not to be run: $command"
