#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What the public headers declare exists in the built libraries under the same name: each function
# marked PLX_INLINE has its exported copy, each function marked PLX_API is there at all. And each
# inline call of the data path is used by its address in test_pollux_exported.c.

set -eu -o pipefail

fail() {
	echo "$*"
	exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$PLX_SOURCE_DIR"

checked=$(awk '$1 == "#define" && $2 == "PLX_CHECK" { print $3 }' \
	"$PLX_BUILD_DIR/include/pollux/config.h")

# declared MARK HEADER...: names of the functions that are declared with MARK at a line's start,
# which may be broken before the name; what is for checked builds counts in those only
declared() {
	local mark=$1
	shift
	awk -v mark="$mark" -v checked="$checked" '
		FNR == 1 { depth = hidden = 0 }
		/^#if/ { depth++ }
		/^#if PLX_CHECK$/ && !checked { hidden = depth }
		/^#else/ && hidden == depth { hidden = 0 }
		/^#endif/ { if (hidden == depth--) hidden = 0 }
		hidden { next }
		index($0, mark " ") == 1 { text = ""; open = 1 }
		open { text = text " " $0 }
		open && /[(;]/ {
			open = 0
			gsub(/__attribute__ *\(\(.*\)\)/, "", text)
			if (match(text, /plx_[a-z0-9_]+\(/))
				print substr(text, RSTART, RLENGTH - 1)
		}
	' "$@" | sort -u
}

# missing WANTED HAVE: lines of WANTED that HAVE lacks
missing() {
	comm -23 "$1" "$2" | tr '\n' ' '
}

headers=(lib/*/include/pollux/*.h)
for dir in drivers/*/include/pollux; do
	[ ! -d "$dir" ] || headers+=("$dir"/*.h)
done
declared PLX_INLINE "${headers[@]}" >"$scratch/inline"
declared PLX_API "${headers[@]}" >"$scratch/api"
sort -u "$scratch/inline" "$scratch/api" >"$scratch/all"
for list in inline api; do
	nb=$(wc -l <"$scratch/$list")
	[ "$nb" -ge 60 ] || fail "only $nb $list functions were found in the headers"
done

[ -e "$PLX_BUILD_DIR/lib/libpollux.a" ] || fail "libpollux.a is not built"
for lib in a so; do
	[ -e "$PLX_BUILD_DIR/lib/libpollux.$lib" ] || continue
	dynamic=()
	[ $lib = a ] || dynamic=(-D)
	nm -P -g --defined-only ${dynamic[@]+"${dynamic[@]}"} "$PLX_BUILD_DIR/lib/libpollux.$lib" |
		awk '$2 ~ /[TW]/ { sub(/@.*/, "", $1); print $1 }' | sort -u >"$scratch/have"
	lost=$(missing "$scratch/all" "$scratch/have")
	[ -z "$lost" ] || fail "declared but not exported by libpollux.$lib: $lost"
done

# Nothing but plx_ names leaves the shared library.
if [ -e "$PLX_BUILD_DIR/lib/libpollux.so" ]; then
	others=$(nm -D -P -g --defined-only "$PLX_BUILD_DIR/lib/libpollux.so" |
		awk '$1 !~ /^plx_/ { print $1 }' | tr '\n' ' ')
	[ -z "$others" ] || fail "libpollux.so exports names that are not its own: $others"
fi

data_path=()
for name in ring mempool mbuf mbuf_data lcore clock stop busy port; do
	data_path+=(lib/*/include/pollux/"$name".h)
done
declared PLX_INLINE "${data_path[@]}" | grep -v '_$' >"$scratch/inline"
grep -o 'plx_[a-z0-9_]*' test/unit/test_pollux_exported.c | sort -u >"$scratch/have"
lost=$(missing "$scratch/inline" "$scratch/have")
[ -z "$lost" ] || fail "not used in test_pollux_exported.c: $lost"
