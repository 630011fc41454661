#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Each installed header compiles alone, as C11 and as C++11, by every compiler that is here and
# without a warning; all together make a C++ program that runs. C++ is not asked to be pedantic:
# flexible arrays and anonymous structs are no ISO C++, and all its compilers have them.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=prefix.inc
. "$(dirname "${BASH_SOURCE[0]}")/prefix.inc"

command -v g++ >/dev/null || skip "g++ is missing: scripts/setup.sh --dev"

warnings="-Wall -Wextra -Wundef -Werror"
c_warnings="$warnings -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion"
headers=$(cd "$prefix/include" && printf '%s\n' pollux/*.h)
status=0

# alone HEADER COMPILER OPTION...
alone() {
	local header=$1
	shift
	command -v "$1" >/dev/null || return 0
	printf '#include <%s>\nextern int not_empty;\n' "$header" |
		"$@" -I"$prefix/include" -fsyntax-only - || {
		echo "<$header> does not compile alone: $*"
		status=1
	}
}

for header in $headers; do
	# shellcheck disable=SC2086
	for compiler in gcc clang; do
		alone "$header" $compiler -x c -std=c11 $c_warnings
	done
	# shellcheck disable=SC2086
	for compiler in g++ clang++; do
		alone "$header" $compiler -x c++ -std=c++11 $warnings
	done
done

{
	# shellcheck disable=SC2086
	printf '#include <%s>\n' $headers
	sed '/^#include <pollux/d' "$PLX_SOURCE_DIR/test/install/stranger/main.c"
} >"$scratch/all.cc"
g++ -std=c++11 -Wall -Wextra -Werror -I"$prefix/include" "$scratch/all.cc" -o "$scratch/all" \
	-L"$libdir" -lpollux -Wl,-rpath,"$libdir"
"$scratch/all" --no-huge >/dev/null || fail "the C++ program with every header does not run"
exit $status
