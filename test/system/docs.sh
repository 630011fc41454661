#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The documentation against the tree: C code in doc/ is excerpted from the file it names, relative
# links lead somewhere, guide.md has the options of --help, map.md's names are in the files it says,
# and each plx_ name is one of the tree's.

set -eu -o pipefail
cd "$PLX_SOURCE_DIR"

status=0
wrong() {
	echo "$*"
	status=1
}

pages=(README.md CONTRIBUTING.md doc/*.md)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# ---- code: <!-- from FILE -->, then a fenced block ----

# Writes each block to scratch/N.block; prints PAGE:LINE, its file and the block's, "-" for no file.
blocks() {
	awk -v dir="$scratch" '
		FNR == 1 { from = "-"; inside = 0 }
		!inside && /^<!-- from .* -->$/ { from = $3; from_line = FNR; next }
		!inside && /^```./ && (/^```c$/ || from_line == FNR - 1) {
			inside = 1
			out = dir "/" ++nb ".block"
			printf "" >out
			print FILENAME ":" FNR, from, out
			next
		}
		inside && /^```$/ { inside = 0; from = "-"; close(out); next }
		inside { print >out }
	' "$@"
}

# Is BLOCK in FILE as whole lines, one after the other?
occurs() {
	awk 'NR == FNR { block = block $0 "\n"; next } { text = text $0 "\n" }
		END { exit index("\n" text, "\n" block) == 0 || block == "" }' "$1" "$2"
}

nb_blocks=0
while read -r place from block; do
	nb_blocks=$((nb_blocks + 1))
	if [ "$from" = - ]; then
		wrong "$place: a block of C without <!-- from FILE --> in the line above it"
	elif [ ! -f "$from" ]; then
		wrong "$place: there is no file $from"
	elif ! occurs "$block" "$from"; then
		wrong "$place: these lines are not in $from:"
		cat "$block"
	fi
done < <(blocks doc/*.md)
[ $nb_blocks -ge 5 ] || wrong "only $nb_blocks blocks of C found in doc/"

# ---- links ----

# Anchors of a page: its headings in lower case, blanks as dashes, other signs left out.
anchors() {
	awk '/^```/ { fenced = !fenced } !fenced && sub(/^#+ /, "")' "$1" |
		tr '[:upper:] ' '[:lower:]-' | tr -cd '[:alnum:]_\n-'
}

# PAGE LINK for each [text](link) outside of fenced blocks.
links() {
	awk '
		FNR == 1 { fenced = 0 }
		/^```/ { fenced = !fenced }
		!fenced {
			while (match($0, /\]\([^)]*\)/)) {
				print FILENAME, substr($0, RSTART + 2, RLENGTH - 3)
				$0 = substr($0, RSTART + RLENGTH)
			}
		}' "$@"
}

nb_links=0
while read -r page link; do
	case $link in
	*://* | mailto:*) continue ;;
	esac
	nb_links=$((nb_links + 1))
	target=${link%%#*}
	if [ -n "$target" ]; then target=$(dirname "$page")/$target; else target=$page; fi
	if [ ! -e "$target" ]; then
		wrong "$page: the link $link leads nowhere"
	elif [[ $link == *'#'* && $target == *.md ]]; then
		anchors "$target" | grep -qxF -- "${link#*#}" ||
			wrong "$page: $target has no heading for the link $link"
	fi
done < <(links "${pages[@]}")
[ $nb_links -ge 50 ] || wrong "only $nb_links links found"

# ---- options ----

"$PLX_BUILD_DIR/bin/plx-hello" --help |
	sed -n 's/^  \(-[^ ].*\)$/\1/p' | sed 's/  .*//' | grep -vxF -e -- | sort >"$scratch/help"
# The first column of the table: `-a`, `--allow DEVICE`
awk -F ' \\| ' '/^## / { inside = /Options/ } inside && /^\| `-/ { print $1 }' doc/guide.md |
	sed 's/^| //; s/`//g; s/\\|/|/g' | sort >"$scratch/guide"
[ "$(wc -l <"$scratch/help")" -ge 20 ] || wrong "only $(wc -l <"$scratch/help") options in --help"
diff "$scratch/help" "$scratch/guide" >"$scratch/diff" ||
	wrong "--help (<) and the options of doc/guide.md (>) differ:"$'\n'"$(cat "$scratch/diff")"

# ---- ports.md: each driver's keys as --help has them, and the counters in its source ----

"$PLX_BUILD_DIR/bin/plx-hello" --help | awk '
	/^Devices for --vdev/ { inside = 1; next }
	inside && /^  net_/ { driver = $1; next }
	inside && /^    / { sub(/=.*/, "", $1); print driver, $1 }' | sort >"$scratch/help"
awk '/^## / { driver = $2 } /^\| `[a-z0-9_-]*=/ { key = $2; gsub(/`|=.*/, "", key); print driver, key }' \
	doc/ports.md | sort >"$scratch/ports"
[ "$(wc -l <"$scratch/help")" -ge 20 ] || wrong "only $(wc -l <"$scratch/help") keys in --help"
diff "$scratch/help" "$scratch/ports" >"$scratch/diff" ||
	wrong "--help (<) and the keys of doc/ports.md (>) differ:"$'\n'"$(cat "$scratch/diff")"

grep -ohE '"(rx|tx)_[a-z_]+"' drivers/*/*.c | tr -d '"' | sort -u |
	while read -r name; do grep -qw -- "$name" doc/ports.md || echo "$name"; done >"$scratch/missing"
[ ! -s "$scratch/missing" ] ||
	wrong "doc/ports.md lacks counters or keys: $(tr '\n' ' ' <"$scratch/missing")"

# ---- map.md: "| ... question | [files](..) | `names` |" ----

nb_rows=0
while read -r row; do
	nb_rows=$((nb_rows + 1))
	mapfile -t files < <(cut -d '|' -f 3 <<<"$row" | grep -o '([^)]*)' | tr -d '()')
	for name in $(cut -d '|' -f 4 <<<"$row" | grep -o '`[A-Za-z0-9_]*' | tr -d '`'); do
		(cd doc && grep -qw -- "$name" "${files[@]}") ||
			wrong "doc/map.md: $name is not in ${files[*]}"
	done
done < <(grep '^| \.\.\. ' doc/map.md)
[ $nb_rows -ge 15 ] || wrong "doc/map.md: only $nb_rows questions found"

# ---- names ----

while read -r name; do
	grep -rqF -- "$name" CMakeLists.txt config lib drivers apps scripts test || wrong "no source has $name"
done < <(grep -ohE '\<(plx|PLX)_[A-Za-z0-9_]+' "${pages[@]}" | sort -u)

echo "$nb_blocks blocks of C, $nb_links links, $(wc -l <"$scratch/help") options, $nb_rows questions"
exit $status
