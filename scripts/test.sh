#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# From a fresh checkout to tested programs in build/bin: sets the machine up, builds the release,
# runs its tests. The last line counts every test case: "N passed, N failed, N skipped".

set -u

usage() {
	cat <<'END'
usage: scripts/test.sh [--long] [--filter REGEX]

  --long          the tests at their full counts: tens of minutes
  --filter REGEX  only the test programs and scripts whose name matches (ctest -R)

Needs root once, for what scripts/setup.sh has to install; not after that.
END
}

filter=()
while [ $# -gt 0 ]; do
	case $1 in
	--long) export PLX_TEST_LONG=1 ;;
	--filter)
		[ $# -ge 2 ] || {
			echo "test.sh: --filter: want a regular expression" >&2
			exit 2
		}
		shift
		filter=(-R "$1")
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		echo "test.sh: $1: unknown option; allowed are --long and --filter REGEX" >&2
		exit 2
		;;
	esac
	shift
done

# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

if ! step "set-up" setup --dev; then
	note_failure "set-up"
elif ! step "build" build release; then
	note_failure "build"
else
	run_tests "tests" build ${filter[@]+"${filter[@]}"}
fi
finish
