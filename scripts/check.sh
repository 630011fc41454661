#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Everything that a change has to pass. Goes on after a failed step; ends with the list of what
# failed and "N passed, N failed, N skipped", in which a step without tests counts as one.

# Steps are functions that step() calls by name.
# shellcheck disable=SC2317

set -u

usage() {
	cat <<'END'
usage: scripts/check.sh [--ci | --long]

  --ci    leave out the tests of the release build: scripts/test.sh has just run them
  --long  every test at its full counts, all that run in the lab, and the tests of clang's release
          as well
END
}

mode=
while [ $# -gt 0 ]; do
	case $1 in
	--ci | --long) mode=$1 ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		echo "check.sh: $1: unknown option; allowed are --ci and --long" >&2
		exit 2
		;;
	esac
	shift
done

release=()
if [ "$mode" = --long ]; then
	export PLX_TEST_LONG=1
	release=(-D PLX_LAB_LONG=ON)
fi

# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

sources=$(mktemp) && c_sources=$(mktemp) || exit 1
trap 'rm -f "$sources" "$c_sources"' EXIT
find lib drivers apps test -name '*.[ch]' -print0 2>/dev/null | sort -z >"$sources"
grep -z '\.c$' "$sources" >"$c_sources"

# clang-format leaves long comments alone, so the columns are counted too.
format() {
	local status=0
	limit 300 xargs -0 -a "$sources" clang-format --dry-run -Werror || status=1
	limit 60 xargs -0 -a "$sources" awk -v most=100 -f scripts/lib/columns.awk || status=1
	return "$status"
}

shell_scripts() {
	limit 120 shellcheck -x .ci/run scripts/*.sh scripts/lib/*.sh test/*/*.sh
}

# How each file is compiled is read from the build of clang.
static_analysis() {
	limit 1200 xargs -0 -a "$c_sources" -n 1 -P "$jobs" clang-tidy --quiet -p build-clang 2>/dev/null
}

# build_and_test NAME PRESET: a build that fails counts as one failed test.
build_and_test() {
	if step "$1: build" build "$2"; then
		run_tests "$1" "build-$2"
	else
		note_failure "$1: build"
	fi
}

if ! step "set-up" setup --dev; then
	note_failure "set-up"
	finish
fi
check "format" format
check "floors" limit 120 bash scripts/lib/floors.sh
check "shellcheck" shell_scripts
check "gcc -Werror" build release ${release[@]+"${release[@]}"}
check "clang -Werror" build clang
check "clang-tidy" static_analysis
[ "$mode" = --ci ] || run_tests "release" build
[ "$mode" != --long ] || run_tests "clang" build-clang
build_and_test "PLX_CHECK" debug
CC=clang build_and_test "ASan and UBSan" asan
# The TSan of gcc 12 does not start where addresses are randomised over more than 28 bits.
if setarch "$(uname -m)" -R true 2>/dev/null; then
	launcher=(setarch "$(uname -m)" -R)
fi
build_and_test "TSan" tsan
finish
