#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The igb driver on the model of the card under valgrind's memcheck: every sixteenth case of the
# conformance suite. A wrong access, or a decision by what was never written, fails the case.

set -u

build=${PLX_BUILD_DIR:?}
program=$build/test/plx-conform-model

skip() {
	printf '%s\n' "$1"
	exit 77
}

[ -x "$program" ] || skip "plx-conform-model is not built"
command -v valgrind > /dev/null || skip "valgrind is missing (scripts/setup.sh --dev)"
grep -q '^PLX_SANITIZE:.*=.\+$' "$build/CMakeCache.txt" && skip "a build with a sanitizer"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

if ! valgrind --quiet --error-exitcode=99 "$program" --part 1/16 igb_i350 > "$log" 2>&1; then
	cat "$log"
	exit 1
fi
# Each case is a process of its own, whose errors are on its account.
if grep -q '^==' "$log"; then
	cat "$log"
	exit 1
fi
tail -n 1 "$log"
