#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-devbind and plx-doctor as installed, and by a link from another folder: they find what they
# source, and run.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=prefix.inc
. "$(dirname "${BASH_SOURCE[0]}")/prefix.inc"

mkdir "$scratch/links" "$scratch/nothing"
for program in plx-devbind plx-doctor; do
	[ -x "$prefix/bin/$program" ] || fail "$program is not installed"
	ln -s "$prefix/bin/$program" "$scratch/links"
	for path in "$prefix/bin/$program" "$scratch/links/$program"; do
		out=$("$path" --help) || fail "$path --help: exit status $?"
		[[ $out == "usage: $program"* ]] || fail "$path --help says: $out"
	done
done

# A machine without anything: an answer of the program, none of the shell.
export PLX_SYSROOT=$scratch/nothing
out=$("$prefix/bin/plx-doctor" 2>&1) && fail "plx-doctor finds nothing bad in nothing"
[[ $out =~ plx-doctor:\ [0-9]+\ ok,\ [0-9]+\ warn,\ 1\ bad$ ]] || fail "plx-doctor says: $out"
out=$("$prefix/bin/plx-devbind" 2>&1) && fail "plx-devbind finds a PCI bus in nothing"
[[ $out == "plx-devbind: error: $scratch/nothing/sys/bus/pci/devices is not there"* ]] ||
	fail "plx-devbind says: $out"
