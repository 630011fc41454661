#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The experiment of "User-Space Device Drivers in Linux: A First Look": four ports of an igb card, two
# cables, one pair driven from user space over VFIO and the other by the kernel's igb and libpcap; five
# lcores; each size of frame; with and without a load of four TCP streams over loopback.
#
# In the lab, or with --real on a card of this machine. Nothing is left but the build and the report: a
# lab vanishes with this script, and a card's ports get back what they had, however this ends.

set -u -o pipefail

usage() {
	cat <<'END'
usage: scripts/paper.sh [PROFILE] [--report DIR] [--build BUILD] [--estimate] [-- OPTION...]
       scripts/paper.sh --real BDF,BDF,BDF,BDF [PROFILE] [...]

Profiles:
  --quick     three sizes of frames, under a minute of measuring
  (default)   all sizes, latency unloaded and at half of the no-loss rate; under ten minutes
  --full      all sizes and imix, five repeats, latency at 0, 10, 50 and 90 % of the no-loss rate,
              and the curve of throughput over the cost of a crossing into the driver; hours

  --real BDF,BDF,BDF,BDF
              four ports of a card in this machine in place of the lab, a cable from the first to
              the second and one from the third to the fourth: the first two are given to vfio-pci,
              the others keep the kernel's driver
  --report DIR    where the report goes; report-DATE in the current folder if not told
  --build BUILD   take what is built there; set up and build nothing
  --estimate      tell how long measuring will take, and end; sets up and builds first
  -- OPTION...    of plx-bench, besides the profile's, or in place of them: -- --size 64 --burst 8

Root for --real; else as scripts/lab.sh. Exit status: 0 all went well, 1 it failed or packets do not
add up, 2 wrong usage, 130 interrupted.
END
}

say() {
	printf 'paper: %s\n' "$*"
}

fail() {
	local status=$1
	shift
	printf 'paper: error: %s\n' "$*" >&2
	exit "$status"
}

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
scripts=$tree/scripts
# shellcheck source-path=SCRIPTDIR source=lib/first_build.sh
. "$scripts/lib/first_build.sh"

profile=default report='' build='' real='' estimate=0 more=()
while [ $# -gt 0 ]; do
	case $1 in
	--quick | --full) profile=${1#--} ;;
	--report | --build | --real)
		[ $# -ge 2 ] || fail 2 "$1: want a value"
		printf -v "${1#--}" '%s' "$2"
		shift
		;;
	--estimate) estimate=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	--)
		more=("${@:2}")
		break
		;;
	*) fail 2 "$1: want --quick, --full, --real, --report, --build, --estimate or --; see --help" ;;
	esac
	shift
done

# ---- what is measured ----

readonly streams=4
options=(--stress "$streams")
case $profile in
quick)
	options+=(--size "64,512,1518" --duration 0.3 --warmup 0.1 --repeat 3 --latency-load 0)
	;;
default)
	options+=(--duration 0.8 --warmup 0.2 --repeat 3 --latency-load "0,50")
	;;
full)
	options+=(--size "64,128,256,512,1024,1280,1518,imix" --duration 5 --warmup 1 --repeat 5
		--latency-load "0,10,50,90" --search pdr)
	options+=(--delay "0,1,5,10,50,100")
	;;
esac
options+=(${more[@]+"${more[@]}"})

# shellcheck source-path=SCRIPTDIR source=lib/paper_real.sh
if [ -n "$real" ]; then . "$scripts/lib/paper_real.sh"; fi

if [ -z "$build" ]; then
	if [ -n "$real" ]; then
		# shellcheck disable=SC2119
		do_setup
	else
		do_setup --lab
	fi
	do_build plx-bench
else
	folder=$(cd "$build" 2>/dev/null && pwd) || fail 1 "--build $build: there is no such folder"
	build=$folder
fi
[ -x "$build/bin/plx-bench" ] || fail 1 "$build: plx-bench is not built there"
"$build/bin/plx-bench" -- --pair user=0:1 --pair kernel=2:3 "${options[@]}" --estimate || exit
[ $estimate -eq 0 ] || exit 0

report=${report:-report-$(date +%Y%m%d-%H%M%S)}
if ! mkdir -p "$report" || ! report=$(cd "$report" && pwd) || [ ! -w "$report" ]; then
	fail 1 "--report: can't write there"
fi
guest=$scripts/lib/paper_guest.sh

if [ -n "$real" ]; then
	run_real
else
	say "in the lab: two cables, ports 0 and 1 with vfio-pci, 2 and 3 with the kernel's igb"
	# Of its own it would outlive a kill -9.
	setpriv --pdeathsig TERM "$scripts/lab.sh" run --bind '0,1=vfio;2,3=kernel' --timeout 0 --share "$report" -- \
		bash "$guest" "$build" "$report" 0000:01:00.0 0000:02:00.0 igb2 igb3 "${options[@]}"
fi
status=$?
[ ! -e "$report/report.html" ] || say "the report: $report/report.html"
exit $status
