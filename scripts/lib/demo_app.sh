#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For demo.sh: an app made by new-app.sh in a folder that vanishes, with the namespace that it is
# in or, where there are none, by a helper that waits for the end of this script.

set -u -o pipefail

fail() {
	printf 'demo: error: %s\n' "$*" >&2
	exit 1
}

[ -w "$DEMO_BUILD" ] || fail "$DEMO_BUILD: it installs the library into a folder of that, where you" \
	"may not write: use a clone of your own"
if [ $$ -eq 1 ]; then
	if ! mount -t proc proc /proc || ! mount -t tmpfs tmpfs "$DEMO_STAGE"; then
		fail "no private file system on $DEMO_STAGE"
	fi
	scratch=$DEMO_STAGE
else
	# shellcheck source-path=SCRIPTDIR source=demo_scratch.sh
	. "$DEMO_ROOT/scripts/lib/demo_scratch.sh"
fi
setpriv --pdeathsig KILL "$DEMO_ROOT/scripts/new-app.sh" "$scratch/my-app" --build "$DEMO_BUILD" |
	sed '/^Next: /,$d' || exit 1
cat <<'END'
That folder was a temporary one: scripts/new-app.sh DIR makes one that stays, and doc/your-own-app.md
walks through it.
END
