# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sets scratch to a folder that is removed once this process is gone, however it went: a helper
# waits for the end of a pipe whose other end this process alone has.

scratch=$(mktemp -d) || exit 1
exec {scratch_alive}> >(
	trap '' INT TERM HUP
	cat >/dev/null
	rm -rf "$scratch"
)
export scratch_alive
