#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The reports of plx-bench as others see them: JSON by its schema, the page and the graphs in a
# headless browser, in a window of a desk and of a phone, light and dark and printed. Of a report that
# is made up, so that it has everything, and of one that plx-bench has measured.

set -eu -o pipefail
here=$(dirname "${BASH_SOURCE[0]}")

skip() {
	echo "$*"
	exit 77
}

fail() {
	echo "$*"
	exit 1
}

sample=$PLX_BUILD_DIR/test/test_bench_files
bench=$PLX_BUILD_DIR/bin/plx-bench
[ -x "$sample" ] || skip "test_bench_files was not built: Criterion or jansson is missing (scripts/setup.sh --dev)"
[ -x "$bench" ] || skip "plx-bench was not built: jansson is missing (scripts/setup.sh)"
# the distribution's own python has its packages
python=/usr/bin/python3
[ -x $python ] || python=python3
$python -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is missing (scripts/setup.sh --dev)"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
	skip "chromium is missing (scripts/setup.sh --dev)"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# quietly COMMAND...: its output is shown only when it fails
quietly() {
	"$@" >"$scratch/log" 2>&1 || fail "$* ended with status $?:"$'\n'"$(tail -n 30 "$scratch/log")"
}

# ---- the documents ----

mkdir "$scratch/made" "$scratch/real"
PLX_BENCH_OUT=$scratch/made quietly "$sample" --jobs 1 --filter bench_files/sample_for_the_browser
quietly "$bench" --no-huge --no-pci --vdev net_ring0 --vdev net_ring1,peer=net_ring0 \
	--vdev net_ring2 --vdev net_ring3,peer=net_ring2 -- --pair first=0:1 --pair second=2:3 \
	--size 64,imix --rate max,10k --duration 0.2 --warmup 0.05 --repeat 2 \
	--json "$scratch/real/real.json" --html "$scratch/real/real.html" --svg "$scratch/real"

# validate FILE...: prints what breaks the schema; an unknown member does, too
validate() {
	$python - "$PLX_SOURCE_DIR/doc/bench.schema.json" "$@" <<'END'
import json, sys
import jsonschema

with open(sys.argv[1]) as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
wrong = 0
for name in sys.argv[2:]:
    with open(name) as file:
        for error in validator.iter_errors(json.load(file)):
            wrong += 1
            print(f"{name}: /{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
sys.exit(wrong > 0)
END
}

example=$PLX_SOURCE_DIR/doc/bench-example
validate "$scratch"/made/*.json "$scratch/real/real.json" "$example.json" ||
	fail "these reports break doc/bench.schema.json"
# what the schema is for: each of these must not pass
for change in 's/"version": 1/"version": 2/' 's/"throughput_pps": /"throughput": /' \
	's/"repeat": [0-9]*/"repeat": "1"/' 's/"path": "[a-z]*"/"path": "other"/' 's/"p99_9"/"p999"/' \
	's/"valid": true/"valid": true, "more": 1/' 's/"sent": [0-9]*/"sent": -1/'; do
	sed "$change" "$scratch/real/real.json" >"$scratch/bad.json"
	! validate "$scratch/bad.json" >/dev/null || fail "doc/bench.schema.json allows a report after: sed '$change'"
done

# ---- the example of doc/ is one of today's code ----

quietly "$bench" report "$example.json" --json "$scratch/example.json" --svg "$scratch/example" --quiet
diff -r "$scratch/example" "$example" || fail "plx-bench report draws other graphs than doc/bench-example has (see above)"
# Ratios were derived before their runs were rounded to what the file has.
$python - "$scratch/example.json" "$example.json" <<'END' || fail "plx-bench report derives something else than doc/bench-example.json has"
import json, math, sys

def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b

sys.exit(not same(*(json.load(open(name)) for name in sys.argv[1:])))
END

# ---- in a browser ----

$python -B "$here/browser.py" "$scratch"/made/*.html "$scratch"/made/*.svg "$scratch"/real/*.html "$scratch"/real/*.svg ||
	fail "pages or graphs are not as they should be (see above)"
# and the looking itself: wider than a phone, a picture from elsewhere, a graph without its title
sed -e 's|</header>|<p style="width:900px">wide</p><img src="http://127.0.0.1:9/a.png" alt=""></header>|' \
	-e 's|<title id="throughput-title">[^<]*|<title id="throughput-title">|' \
	"$scratch/real/real.html" >"$scratch/broken.html"
said=$($python -B "$here/browser.py" "$scratch/broken.html") && fail "browser.py finds nothing wrong with a broken page"
for words in "pixels wide in a window of 390" "asks for http://127.0.0.1:9/a.png" "a graph without title"; do
	[[ $said == *"$words"* ]] || fail "browser.py does not see '$words': $said"
done

# ---- the comparison of a report with itself ----

"$bench" compare "$scratch/real/real.json" "$scratch/real/real.json" >"$scratch/log" ||
	fail "a report can't be compared with itself: $(cat "$scratch/log")"
grep -q 'Machine and options are the same' "$scratch/log" || fail "a report differs from itself: $(cat "$scratch/log")"
! "$bench" compare "$scratch/real/real.json" "$scratch/real/real.html" 2>"$scratch/log" ||
	fail "a page is taken for a report"
[ "$(wc -l <"$scratch/log")" -eq 1 ] || fail "want one line: $(cat "$scratch/log")"
