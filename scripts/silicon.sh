#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs the igb driver on a real card and writes one report, to be sent in: two ports of a card of the
# igb family, joined by a cable. doc/real-card.md tells what it takes.
#
# The ports get back the drivers they had, whatever ends this script, kill -9 included: a helper waits
# for its end and gives them back then. What it starts dies with it.

set -u

usage() {
	cat <<'END'
usage: scripts/silicon.sh [--real] [OPTION...] BDF BDF

Two ports of the igb family (82576, 82580, I350, I354, I210, I211), named by PCI address, with a cable
from one to the other. Without --real it only tells what it would do. With --real it takes the ports
from their drivers, tests them for about five minutes, gives them back, and writes a report.

  --real          do it
  --report FILE   the report; silicon-DATE.txt in this folder if not told
  --build DIR     the build folder, with the tests built: build
  --cpus A,B      CPUs for the sender and for the forwarder; the last two if not told
  --seconds N     of each benchmark, 3 to 3600: 30 if not told
  --quick         16 sizes of frames, not all 1455; a part of the conformance suite; 5 seconds
  --steps LIST    only these: machine,cable,conform,throughput,dumps
  -h, --help      this text

A port in use (a route, an address, others on top, a process) is refused. Root. Exit status: 0 all
went well, or the plan was printed; 1 something failed, or was refused; 2 wrong usage; 130 interrupted.
END
}

complain() {
	printf 'silicon: error: %s\n' "$*" >&2
}

fail() {
	local status=$1
	shift
	complain "$*"
	exit "$status"
}

here=$(readlink -f "${BASH_SOURCE[0]}")
here=${here%/*}
# shellcheck source-path=SCRIPTDIR source=lib/pci.sh
. "$here/lib/pci.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/pci_use.sh
. "$here/lib/pci_use.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/borrow_ports.sh
. "$here/lib/borrow_ports.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/silicon_steps.sh
. "$here/lib/silicon_steps.sh" || exit 1
devbind=("$BASH" "$here/devbind.sh")
readonly here devbind all_steps=machine,cable,conform,throughput,dumps

# ---- arguments ----

is_real=0 is_quick=0 report='' build=${here%/*}/build cpus='' seconds='' steps=$all_steps ports=()

while [ $# -gt 0 ]; do
	case $1 in
	--report | --build | --cpus | --seconds | --steps)
		[ $# -ge 2 ] || fail 2 "$1: want a value"
		set -- "$1=$2" "${@:3}"
		continue
		;;
	--real) is_real=1 ;;
	--quick) is_quick=1 ;;
	--report=*) report=${1#*=} ;;
	--build=*) build=${1#*=} ;;
	--cpus=*) cpus=${1#*=} ;;
	--seconds=*) seconds=${1#*=} ;;
	--steps=*) steps=${1#*=} ;;
	-h | --help)
		usage
		exit 0
		;;
	-*) fail 2 "$1: unknown option; see --help" ;;
	*) ports+=("$1") ;;
	esac
	shift
done

[ ${#ports[@]} -eq 2 ] || fail 2 "want two ports that a cable joins, by PCI address: 0000:01:00.0 0000:01:00.1"
check_ports ''
if [ -z "$seconds" ]; then seconds=$((is_quick ? 5 : 30)); fi
if ! [[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] || [ "$seconds" -lt 3 ] || [ "$seconds" -gt 3600 ]; then
	fail 2 "--seconds '$seconds': want a number, 3 to 3600"
fi
for step in ${steps//,/ }; do
	[[ ,$all_steps, == *,"$step",* ]] || fail 2 "--steps: '$step': there are $all_steps"
done
[ -n "$cpus" ] || cpus=$(last_cpus)
[[ $cpus =~ ^[0-9]+,[0-9]+$ ]] || fail 2 "--cpus '$cpus': want two CPUs, as in 2,3"
[ "${cpus%,*}" != "${cpus#*,}" ] || fail 2 "--cpus '$cpus': want two that differ, both of them poll"
report=${report:-silicon-$(date +%Y%m%d-%H%M%S).txt}

# ---- the plan ----

readonly first=${ports[0]} second=${ports[1]}

plan() {
	local bdf driver
	echo "silicon: two ports and the cable between them:"
	for bdf in "${ports[@]}"; do
		driver=$(driver_of "$bdf")
		printf '  %s %s, driver %s%s\n' "$bdf" "$(part_of "$bdf")" "${driver:-none}" \
			"$(interfaces_of "$bdf" | sed '1s/^/, interface /' | tr '\n' ' ' | sed 's/ $//')"
	done
	echo "silicon: what is done, and what for:"
	plan_of_steps
	echo "  the end      both ports get back the drivers they have now, however this ends"
	echo "silicon: the report goes to $report: versions, the machine's kernel and IOMMU, addresses of the"
	echo "  two ports, and what each step said. Nothing is sent anywhere."
}

plan
if [ $is_real -eq 0 ]; then
	echo "silicon: nothing was done; --real does it"
	exit 0
fi

# ---- may it be? ----

[ $EUID -eq 0 ] || fail 1 "only root may do that: sudo scripts/silicon.sh ..."
check_tools
touch "$report" 2>/dev/null || fail 1 "--report $report: can't be written"
[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$report"
scratch=$(mktemp -d) || exit 1

borrow_ports
failed=0 verdicts=()

# Refused as a whole, before anything is touched, when one of them is in use.
to_take=()
for bdf in "${ports[@]}"; do
	holders=$(holders_of "$bdf")
	[ -z "$holders" ] || fail 1 "$bdf: in use ($holders): end that first"
	[ "${had[$bdf]}" = vfio-pci ] || to_take+=("$bdf")
done
if [ ${#to_take[@]} -gt 0 ]; then
	"${devbind[@]}" --bind vfio-pci "${to_take[@]}" {alive}>&- || exit 1
fi

# ---- the steps ----

# step NAME: runs step_NAME, which may print a line "skipped: why" as its last and return 77
step() {
	local name=$1 status start=$SECONDS last
	[[ ,$steps, == *,"$name",* ]] || return 0
	printf 'silicon: %s ...\n' "$name"
	printf '\n==== %s\n' "$name" >>"$report"
	# In the background, so that a signal ends the wait.
	run_step "$name" >"$scratch/$name" 2>&1 {alive}>&- &
	child=$!
	echo $child >"$scratch/child"
	wait $child
	status=$?
	rm "$scratch/child"
	child=
	cat "$scratch/$name" >>"$report"
	last=$(tail -n 1 "$scratch/$name")
	case $status in
	0) last="ok" ;;
	77) ;;
	*) last="FAILED: $last" ;;
	esac
	verdicts+=("$(printf '%-11s %s (%d s)' "$name" "$last" $((SECONDS - start)))")
	printf 'silicon: %s\n' "${verdicts[-1]}"
	[ $status -eq 0 ] || [ $status -eq 77 ] || failed=1
}

{
	echo "pollux silicon report, $(date -u '+%Y-%m-%d %H:%M UTC'), $(version)"
	echo "ports $first and $second: $(part_of "$first"), $(part_of "$second")"
} >"$report"
step machine
step cable
step conform
step throughput
step dumps
{
	printf '\n==== verdicts\n'
	printf '%s\n' "${verdicts[@]}"
} >>"$report"
echo "silicon: the report is $report"
exit $failed
