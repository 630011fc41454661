# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Shared by test.sh and check.sh: commands under a time limit, steps with their seconds, and the
# count of what passed, failed and was skipped.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
cd "$root" || exit 1
jobs=$(nproc)
nb_passed=0 nb_failed=0 nb_skipped=0
failed=() skipped=()
child="" launcher=()

# A command under a limit is not in the terminal's process group: pass the interrupt on.
interrupted() {
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null
	wait
	echo "interrupted" >&2
	exit 130
}
trap interrupted INT TERM HUP

# limit SECONDS COMMAND...: its status, or 124 when the time is over.
limit() {
	local seconds=$1 status
	shift
	timeout -k 10 "$seconds" "$@" </dev/null &
	child=$!
	wait $child
	status=$?
	child=
	[ $status -ne 124 ] || echo "stopped after $seconds s: $*" >&2
	return $status
}

# quietly SECONDS COMMAND...: like limit; its output is shown only when it fails.
quietly() {
	local log status
	log=$(mktemp) || return 1
	limit "$@" >"$log" 2>&1
	status=$?
	[ $status -eq 0 ] || tail -n 200 "$log" >&2
	rm -f "$log"
	return $status
}

note_failure() {
	nb_failed=$((nb_failed + 1))
	failed+=("$1")
}

# step NAME COMMAND...: runs it and says how long it took; its status.
step() {
	local name=$1 status start=$SECONDS
	shift
	printf '\n== %s\n' "$name"
	"$@"
	status=$?
	if [ $status -eq 0 ]; then
		printf '== %s: ok, %d s\n' "$name" $((SECONDS - start))
	else
		printf '== %s: FAILED, %d s\n' "$name" $((SECONDS - start))
	fi
	return $status
}

# check NAME COMMAND...: a step that counts as one test.
check() {
	if step "$@"; then
		nb_passed=$((nb_passed + 1))
	else
		note_failure "$1"
		return 1
	fi
}

# build PRESET [CMAKE ARGUMENT...]
build() {
	local preset=$1
	shift
	quietly 120 cmake --preset "$preset" "$@" &&
		quietly 900 cmake --build --preset "$preset" -j "$jobs" -- --quiet -k 0
}

# count_results NAME DIR: adds up what ctest and Criterion left in DIR/results. A program that
# ended without its Criterion report, or with a report that does not explain its failure, is
# itself one failed test.
count_results() {
	local name=$1 dir=$2 verdict test reason
	while IFS=$'\t' read -r verdict test reason; do
		case $verdict in
		pass) nb_passed=$((nb_passed + 1)) ;;
		fail) note_failure "$name: $test${reason:+: $reason}" ;;
		skip)
			nb_skipped=$((nb_skipped + 1))
			skipped+=("$name: $test: $reason")
			;;
		esac
	done < <(awk -f scripts/lib/results.awk -v dir="$dir/results" "$dir/results/ctest.xml")
}

# How long all tests of a build may take, and one of them.
all_seconds=2400 test_seconds=300
if [ "${PLX_TEST_LONG:-0}" != 0 ]; then
	all_seconds=10800 test_seconds=3600
fi

# run_tests NAME DIR [CTEST ARGUMENT...]: a step whose tests are counted one by one.
run_tests() {
	step "$1" run_ctest "$@"
}

run_ctest() {
	local name=$1 dir=$2 status before=$((nb_passed + nb_failed)) failed_before=$nb_failed
	shift 2
	mkdir -p "$dir/results" && rm -f "$dir"/results/*
	limit $all_seconds ${launcher[@]+"${launcher[@]}"} ctest --test-dir "$dir" \
		--no-tests=error --output-on-failure --test-output-size-passed 1000000 \
		--output-junit results/ctest.xml --timeout "$test_seconds" -j "$jobs" "$@"
	status=$?
	if [ -e "$dir/results/ctest.xml" ]; then
		count_results "$name" "$dir"
	fi
	if [ $status -ne 0 ] && [ $nb_failed -eq $failed_before ]; then
		note_failure "$name: ctest ended with status $status"
	elif [ $((nb_passed + nb_failed)) -eq $before ]; then
		note_failure "$name: no test ran"
	fi
	[ $nb_failed -eq $failed_before ]
}

# The end of a script: the lists, the line of totals, the status.
finish() {
	if [ ${#skipped[@]} -gt 0 ]; then
		printf '\nskipped:\n'
		printf '  %s\n' "${skipped[@]}"
	fi
	if [ ${#failed[@]} -gt 0 ]; then
		printf '\nfailed:\n'
		printf '  %s\n' "${failed[@]}"
	fi
	printf '\n%s seconds in all\n' "$SECONDS"
	printf '%d passed, %d failed, %d skipped\n' $nb_passed $nb_failed $nb_skipped
	[ $nb_failed -eq 0 ]
	exit
}

# Packages and hugepages. Missing hugepages stop nothing: the tests that need them say so.
setup() {
	scripts/setup.sh "$@"
	[ $? -ne 1 ]
}
