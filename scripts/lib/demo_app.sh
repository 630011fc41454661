#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For demo.sh: what is built in DEMO_BUILD is installed, and an app made of it by new-app.sh, in a
# folder that vanishes, with the namespace that it is in or, where there are none, by a helper that
# waits for the end of this script. Nothing is written into DEMO_BUILD.

set -u -o pipefail

fail() {
	printf 'demo: error: %s\n' "$*" >&2
	exit 1
}

command -v cmake >/dev/null || fail "cmake is missing: run scripts/setup.sh, or install it"
[ -r "$DEMO_BUILD/cmake_install.cmake" ] ||
	fail "$DEMO_BUILD: no build of CMake that you may read: there is nothing to install"
if [ $$ -eq 1 ]; then
	if ! mount -t proc proc /proc || ! mount -t tmpfs tmpfs "$DEMO_STAGE"; then
		fail "no private file system on $DEMO_STAGE"
	fi
	scratch=$DEMO_STAGE
else
	# shellcheck source-path=SCRIPTDIR source=demo_scratch.sh
	. "$DEMO_ROOT/scripts/lib/demo_scratch.sh"
fi

# cmake --install would write its manifest into the build, where this user may have no right to.
# shellcheck disable=SC2016
manifest='s|file(WRITE ".*/${CMAKE_INSTALL_MANIFEST}"|file(WRITE '
# shellcheck disable=SC2016
manifest+='"${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_MANIFEST}"|'
prefix=$scratch/prefix
sed "$manifest" "$DEMO_BUILD/cmake_install.cmake" >"$scratch/install.cmake" ||
	fail "can't write into $scratch"
output=$(setpriv --pdeathsig KILL cmake -D CMAKE_INSTALL_PREFIX="$prefix" \
	-P "$scratch/install.cmake" 2>&1) || {
	printf '%s\n' "$output" >&2
	fail "$DEMO_BUILD: what is built there can't be installed: see above; is all of it built?"
}
pc=$(find "$prefix" -name pollux.pc | head -n 1)
[ -n "$pc" ] || fail "$DEMO_BUILD: it installs no pollux.pc"
export PKG_CONFIG_PATH=${pc%/*}${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export CMAKE_PREFIX_PATH=$prefix${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}

setpriv --pdeathsig KILL "$DEMO_ROOT/scripts/new-app.sh" "$scratch/my-app" |
	sed '/^Next: /,$d' || exit 1
cat <<'END'
That folder was a temporary one: scripts/new-app.sh DIR makes one that stays, and doc/your-own-app.md
walks through it.
END
