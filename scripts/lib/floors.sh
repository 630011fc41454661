#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Shows that the build refuses what the floors forbid: a violation of each kind is put into a copy
# of the tree, which then must not configure or must not compile. And the one way round the
# build, an #include that walks out of its own folder, is looked for.

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
status=0

complain() {
	echo "floors: $*" >&2
	status=1
}

fresh_copy() {
	rm -rf "$scratch/tree" "$scratch/build"
	mkdir "$scratch/tree"
	cp -R CMakeLists.txt config lib drivers "$scratch/tree"
}

configure() {
	cmake -S "$scratch/tree" -B "$scratch/build" -G Ninja -DPLX_BUILD_SHARED=OFF \
		-DPLX_DRIVERS="null;ring" -DPLX_WITH_APPS=OFF -DPLX_WITH_TESTS=OFF \
		-DPLX_WITH_PERF=OFF >"$scratch/log" 2>&1
}

# folder MODULE: where it lies; net_null in drivers/null, others in lib/
folder() {
	case $1 in
	net_*) echo "drivers/${1#net_}" ;;
	*) echo "lib/$1" ;;
	esac
}

# refused MODULE DEPENDS: configuring ends in the one line about floors.
refused() {
	local dir
	dir=$(folder "$1")
	fresh_copy
	sed -i "s/^plx_module($1\>\(.*\)/plx_module($1 DEPENDS $2 \1/" \
		"$scratch/tree/$dir/CMakeLists.txt"
	if configure; then
		complain "$dir may name $2 in DEPENDS, it must not"
	elif ! grep -q "floors: $1 " "$scratch/log"; then
		complain "$dir with DEPENDS $2 failed without a line about floors:"
		cat "$scratch/log" >&2
	fi
}

# unseen MODULE HEADER SOURCE: the header of a sibling or a higher floor is not found.
unseen() {
	local dir
	dir=$(folder "$1")
	fresh_copy
	echo "#include <pollux/$2>" >>"$scratch/tree/$dir/$3"
	if ! configure; then
		complain "the copy of the tree does not configure:"
		cat "$scratch/log" >&2
	elif cmake --build "$scratch/build" --target "plx-$1" >"$scratch/log" 2>&1; then
		complain "$dir can include <pollux/$2>, it must not"
	elif ! grep -q "pollux/$2: No such file" "$scratch/log" &&
		! grep -q "'pollux/$2' file not found" "$scratch/log"; then
		complain "$dir with <pollux/$2> failed for another reason:"
		cat "$scratch/log" >&2
	fi
}

if grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*/' lib drivers; then
	complain "an #include with a path in quotes walks out of its module"
fi
refused ring eal
refused base mbuf
refused mbuf port
refused port net_null
refused net_null net_ring
refused net_null stats
unseen ring eal.h ring.c
unseen base ring.h log.c
unseen port stats.h port.c
unseen mbuf port.h mbuf.c
unseen net_null stats.h null.c
unseen net_null netif.h null.c
exit $status
