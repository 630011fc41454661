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
	cp -R CMakeLists.txt config lib "$scratch/tree"
}

configure() {
	cmake -S "$scratch/tree" -B "$scratch/build" -G Ninja -DPLX_BUILD_SHARED=OFF \
		-DPLX_WITH_APPS=OFF -DPLX_WITH_TESTS=OFF -DPLX_WITH_PERF=OFF >"$scratch/log" 2>&1
}

# refused MODULE DEPENDS: configuring ends in the one line about floors.
refused() {
	fresh_copy
	sed -i "s/^plx_module($1 \(.*\)/plx_module($1 DEPENDS $2 \1/" \
		"$scratch/tree/lib/$1/CMakeLists.txt"
	if configure; then
		complain "lib/$1 may name $2 in DEPENDS, it must not"
	elif ! grep -q "floors: $1 " "$scratch/log"; then
		complain "lib/$1 with DEPENDS $2 failed without a line about floors:"
		cat "$scratch/log" >&2
	fi
}

# unseen MODULE HEADER SOURCE: the header of a sibling or a higher floor is not found.
unseen() {
	fresh_copy
	echo "#include <pollux/$2>" >>"$scratch/tree/lib/$1/$3"
	if ! configure; then
		complain "the copy of the tree does not configure:"
		cat "$scratch/log" >&2
	elif cmake --build "$scratch/build" --target "plx-$1" >"$scratch/log" 2>&1; then
		complain "lib/$1 can include <pollux/$2>, it must not"
	elif ! grep -q "pollux/$2: No such file" "$scratch/log" &&
		! grep -q "'pollux/$2' file not found" "$scratch/log"; then
		complain "lib/$1 with <pollux/$2> failed for another reason:"
		cat "$scratch/log" >&2
	fi
}

if grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*/' lib; then
	complain "an #include with a path in quotes walks out of its module"
fi
refused ring eal
refused base mbuf
unseen ring eal.h ring.c
unseen base ring.h log.c
exit $status
