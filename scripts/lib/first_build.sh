# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by demo.sh and paper.sh, which run on a machine that has nothing yet: set-up and a build of the
# programs alone. Wants tree, where this is, and the functions say and fail.
# shellcheck disable=SC2154

# do_setup OPTION...
do_setup() {
	say "setting up: scripts/setup.sh${*:+ $*}"
	"$tree/scripts/setup.sh" "$@"
	case $? in
	0 | 3) ;;
	*) fail 1 "this machine is not set up: see above" ;;
	esac
}

# locked FOLDER: what keeps this user from building there, nothing if nothing does
locked() {
	local folder=$1
	while [ ! -e "$folder" ]; do folder=$(dirname "$folder"); done
	if [ ! -w "$folder" ] || [ ! -x "$folder" ]; then
		echo "$folder"
	else
		find "$1" -maxdepth 1 ! -type l ! -writable -print -quit 2>/dev/null
	fi
}

# do_build PROGRAM...: sets build; these are to be there. Without tests and benchmarks, so that it is quick. Where this user may not
# write into the build, as when root has made it, programs that are there have to do.
do_build() {
	local log place program
	build=$tree/build/demo
	place=$(locked "$build")
	if [ -n "$place" ]; then
		for program in "$@"; do
			[ -x "$build/bin/$program" ] ||
				fail 1 "$place: you may not write there, and $program is not built: use a" \
					"clone of your own, or run this as its owner first"
		done
		say "taking the programs in $build: you may not write into $place"
		return
	fi
	say "building in $build"
	log=$(cmake -S "$tree" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
		-DPLX_WITH_TESTS=OFF -DPLX_WITH_PERF=OFF 2>&1 &&
		cmake --build "$build" -j "$(nproc)" 2>&1) || {
		printf '%s\n' "$log" >&2
		fail 1 "it does not build: see above"
	}
}
