#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# scripts/demo.sh: its summary, as root and as an ordinary user, in namespaces and on files; and
# that nothing is left of it, however it ends: by itself, by ^C, SIGTERM or SIGKILL at any moment.

set -eu -o pipefail

fail() {
	echo "$*"
	[ ! -e "$scratch/log" ] || tail -n 40 "$scratch/log"
	exit 1
}

for program in ip ethtool iperf3 ping; do
	command -v $program >/dev/null || {
		echo "$program is missing (scripts/setup.sh)"
		exit 77
	}
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Where an ordinary user can reach it.
mkdir -p "$scratch/tree" "$scratch/build/bin"
cp -R "$PLX_SOURCE_DIR/scripts" "$scratch/tree"
cp "$PLX_BUILD_DIR/bin/plx-l2fwd" "$PLX_BUILD_DIR/bin/plx-bench" "$scratch/build/bin"
chmod -R a+rX "$scratch"
mkdir -m 1777 "$scratch/tmp"
long=("$scratch/tree/scripts/demo.sh" l2fwd --build "$scratch/build")
demo=("${long[@]}" --short)

as_user=()
if [ "$(id -u)" -eq 0 ]; then
	as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
# Every process of a demo has this in its environment.
mark=PLX_DEMO_TEST=$$.$RANDOM
environment=(env "$mark" "TMPDIR=$scratch/tmp" TERM=xterm)

# ---- what there is ----

processes() {
	grep -lzxs "$mark" /proc/[0-9]*/environ || true
}

hugepages_free() {
	sed -n 's/^HugePages_Free: *//p' /proc/meminfo
}

surroundings() {
	ip -o link show | sed 's/:.*//'
	ip netns list
	cat /proc/self/mounts
	ls -A "$scratch/tmp"
}

nothing_runs() {
	[ -z "$(processes)" ]
}

hugepages_are_back() {
	[ "$(hugepages_free)" -ge "$pages_before" ]
}

tmp_is_empty() {
	[ -z "$(ls -A "$scratch/tmp")" ]
}

# within SECONDS COMMAND...
within() {
	local end=$((SECONDS + $1))
	while ! "${@:2}"; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.1
	done
}

# assert_clean HOW: nothing is left of the demo that ended so
assert_clean() {
	within 3 nothing_runs || fail "$1: still running: $(for process in $(processes); do
		tr '\0' ' ' <"${process%/*}/cmdline"
	done)"
	within 10 tmp_is_empty || fail "$1: left behind: $(ls -A "$scratch/tmp")"
	[ "$(surroundings)" = "$before" ] ||
		fail "$1: not as before: $(diff <(echo "$before") <(surroundings))"
	within 10 hugepages_are_back ||
		fail "$1: $(hugepages_free) hugepages are free, $pages_before were before"
}

before=$(surroundings)
pages_before=$(hugepages_free)

# ---- to its end ----

# runs HOW WORDS COMMAND...: ends well, has said WORDS and lost nothing
runs() {
	local how=$1 words=$2 summary
	shift 2
	"${environment[@]}" "$@" >"$scratch/log" 2>&1 || fail "$how: exit status $?"
	grep -q "$words" "$scratch/log" || fail "$how: has not said: $words"
	summary=$(grep '^summary: ' "$scratch/log") || fail "$how: no summary"
	[[ $summary =~ ^summary:\ ([0-9]+)\ frames\ sent,\ ([0-9]+)\ forwarded,\ ([0-9]+)\ received,\ 0\ lost$ ]] ||
		fail "$how: $summary"
	if [ "${BASH_REMATCH[1]}" -lt 1000 ] || [ "${BASH_REMATCH[1]}" != "${BASH_REMATCH[2]}" ] ||
		[ "${BASH_REMATCH[1]}" != "${BASH_REMATCH[3]}" ]; then
		fail "$how: $summary"
	fi
	echo "$how: $summary"
	assert_clean "$how"
}

can_unshare() {
	"$@" true 2>/dev/null
}

if [ "$(id -u)" -eq 0 ] && can_unshare unshare --net --mount --pid --fork; then
	runs "root" "as root, in namespaces" "${demo[@]}"
fi
if can_unshare "${as_user[@]}" unshare --user --map-root-user --net --mount --pid --fork; then
	runs "user" "in user and network namespaces" "${as_user[@]}" "${demo[@]}" --driver net_pcap
	# shellcheck disable=SC2016
	runs "user without namespaces" "on files" "${as_user[@]}" unshare --user --map-root-user \
		sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"' sh "${demo[@]}"
else
	runs "user without namespaces" "on files" "${as_user[@]}" "${demo[@]}"
fi

# ---- bench ----

# reports HOW PAIRS COMMAND...: every packet of these accounted for, and a page that is told of
reports() {
	local how=$1 pairs=$2 report=$scratch/report.$RANDOM
	shift 2
	mkdir -m 777 "$report"
	"${environment[@]}" "$@" bench --report "$report" >"$scratch/log" 2>&1 || fail "$how: exit status $?"
	tail -n 1 "$scratch/log" | grep -qxF "The report: $report/report.html" || fail "$how: tells of no report"
	python3 - "$report/report.json" "$pairs" <<-'END' || fail "$how: the report is wrong"
		import json, sys
		report = json.load(open(sys.argv[1]))
		runs = {}
		for run in report["runs"]:
		    received = sum(stream["received"] for stream in run["streams"])
		    assert run["valid"] and received > 0, run
		    runs[run["pair"], run["frame"], run["load"]] = received
		wanted = {(p, f, l) for p in sys.argv[2].split() for f in ["64", "1518"] for l in ["max", "unloaded"]}
		assert set(runs) == wanted and report["valid"], runs
	END
	grep -q '</html>' "$report/report.html" || fail "$how: the page is not whole"
	[ -s "$report/throughput.svg" ] || fail "$how: no graphs"
	rm -r "$report"
	echo "$how: bench"
	assert_clean "$how, bench"
}

if [ "$(id -u)" -eq 0 ] && can_unshare unshare --net --mount --pid --fork; then
	reports "root" "memory pcap af_packet af_xdp" "${demo[0]}" --build "$scratch/build" --short
fi
if can_unshare "${as_user[@]}" unshare --user --map-root-user --net --mount --pid --fork; then
	reports "user" "memory pcap af_packet" "${as_user[@]}" "${demo[0]}" --build "$scratch/build" --short
fi

# ---- cut short: what goes on by itself would for longer than assert_clean waits ----

forwards() {
	grep -q 'port 1: ' "$scratch/log"
}

# killed SIGNAL WHEN COMMAND...: WHEN is a number of seconds, or a condition
killed() {
	local signal=$1 when=$2 pid status=0
	shift 2
	: >"$scratch/log"
	"${environment[@]}" "$@" >"$scratch/log" 2>&1 &
	pid=$!
	if [[ $when = [0-9]* ]]; then
		sleep "$when"
	else
		within 20 "$when" || fail "SIG$signal: never came to '$when'"
	fi
	kill -"$signal" $pid 2>/dev/null || fail "SIG$signal: it had ended already"
	wait $pid 2>/dev/null || status=$?
	case $signal in
	TERM) [ $status -eq 130 ] || fail "SIG$signal: exit status $status, want 130" ;;
	KILL) [ $status -eq 137 ] || fail "SIG$signal: exit status $status, want 137" ;;
	esac
	if grep -q '^summary: ' "$scratch/log"; then fail "SIG$signal: it ran to its end"; fi
	if grep -q 'Killed' "$scratch/log"; then fail "SIG$signal: bash tells of a job"; fi
	assert_clean "SIG$signal, $when, $1"
}

for when in 0.05 0.3 0.6 forwards; do
	killed KILL $when "${long[@]}"
done
killed KILL forwards "${as_user[@]}" "${long[@]}"
# shellcheck disable=SC2016
killed KILL forwards "${as_user[@]}" unshare --user --map-root-user \
	sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"' sh "${long[@]}"
killed TERM forwards "${long[@]}"

# ^C on a terminal, where the table is drawn over itself.
mkfifo "$scratch/keys"
exec 7<>"$scratch/keys"
: >"$scratch/log"
# Which ^C would not stop in the background of a script.
env --default-signal=INT "${environment[@]}" script -qefc "${long[*]}" "$scratch/log" <"$scratch/keys" >/dev/null &
terminal=$!
redrawn() {
	grep -q $'\033\\[[0-9]*A\033\\[J' "$scratch/log"
}
within 20 redrawn || fail "no table is drawn on a terminal"
printf '\003' >&7
status=0
wait $terminal || status=$?
[ $status -eq 130 ] || fail "^C: exit status $status, want 130"
grep -q 'demo: interrupted, nothing is left' "$scratch/log" || fail "^C: it says nothing of it"
if grep -q 'Killed' "$scratch/log"; then fail "^C: bash tells of a job"; fi
if grep -q '^summary: ' "$scratch/log"; then fail "^C: it ran to its end"; fi
assert_clean "^C"

# ---- wrong usage ----

# refused WORDS ARGUMENT...
refused() {
	local words=$1 status=0
	shift
	"$scratch/tree/scripts/demo.sh" "$@" >"$scratch/log" 2>&1 || status=$?
	[ $status -eq 2 ] || fail "demo.sh $*: exit status $status, want 2"
	[ "$(wc -l <"$scratch/log")" -eq 1 ] || fail "demo.sh $*: want one line"
	grep -q -e "$words" "$scratch/log" || fail "demo.sh $*: has not said: $words"
}

refused "bogus: want one of the demos l2fwd, bench, app, --build BUILD, --driver DRIVER, --report DIR, --short\$" bogus
refused "driver net_bogus: want net_af_packet" --driver net_bogus
refused "--build: want a value" --build
status=0
"${demo[0]}" --build "$scratch/gone" >"$scratch/log" 2>&1 || status=$?
[[ $status -eq 1 && $(cat "$scratch/log") == "demo: error: --build $scratch/gone: there is no such folder" ]] ||
	fail "--build of nothing: status $status"

# ---- a build that root has made, in a tree of the user's ----

if [ ${#as_user[@]} -gt 0 ]; then
	mkdir -p "$scratch/tree/build/demo/bin"
	cp "$scratch/build/bin/plx-l2fwd" "$scratch/tree/build/demo/bin"
	chown 65534:65534 "$scratch/tree" "$scratch/tree/build"
	chmod -R a+rX "$scratch/tree/build"
	runs "user, build of root" "taking the programs in $scratch/tree/build/demo: you may not write into" \
		"${as_user[@]}" "$scratch/tree/scripts/demo.sh" l2fwd --short
fi
