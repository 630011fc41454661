#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Shows Pollux at work: sets the machine up, builds, and runs the demos. Each of them runs in
# private namespaces that hold all it makes and end with it, however it ends; this script is their
# parent, and they die when it does.
# shellcheck disable=SC2317

set -u -o pipefail

usage() {
	cat <<'END'
usage: scripts/demo.sh [DEMO...] [--build BUILD] [--driver DRIVER] [--report DIR] [--short]

Demos; all of them if none is told:
  l2fwd  plx-l2fwd forwards ping and iperf3 between two network namespaces and shows its live
         statistics; half a minute. Where the kernel gives this user no namespaces it forwards a
         pcap file instead
  bench  plx-bench compares a cable in memory with the kernel's path, by libpcap, AF_PACKET and
         AF_XDP; a minute. The report stays, as a page to read and as JSON
  app    scripts/new-app.sh makes, builds and runs an app of your own in a temporary folder

  --build BUILD    take what is built in BUILD; set up and build nothing, and write
                   nothing there
  --driver DRIVER  the driver of l2fwd's ports: net_af_packet, the default, net_pcap or net_af_xdp
  --report DIR     where the report of bench goes: report/ in the build, with --build a new folder
                   for temporary files
  --short          a few seconds of traffic

As root it installs what is missing and uses hugepages; as an ordinary user it works in a user
namespace of its own. Nothing is left behind but the build.

Exit status: 0 all went well, 2 wrong usage, 130 interrupted, 1 all else.
END
}

say() {
	printf 'demo: %s\n' "$*"
}

fail() {
	local status=$1
	shift
	printf 'demo: error: %s\n' "$*" >&2
	exit "$status"
}

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
demos=() build='' driver=net_af_packet report='' seconds=5
while [ $# -gt 0 ]; do
	case $1 in
	l2fwd | bench | app) demos+=("$1") ;;
	--build | --driver | --report)
		[ $# -ge 2 ] || fail 2 "$1: want a value"
		printf -v "${1#--}" '%s' "$2"
		shift
		;;
	--short) seconds=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	*) fail 2 "$1: want one of the demos l2fwd, bench, app, --build BUILD," \
		"--driver DRIVER, --report DIR, --short" ;;
	esac
	shift
done
case $driver in
net_af_packet | net_pcap | net_af_xdp) ;;
*) fail 2 "--driver $driver: want net_af_packet, net_pcap or net_af_xdp" ;;
esac
[ ${#demos[@]} -gt 0 ] || demos=(l2fwd bench app)
programs=(plx-l2fwd)
if [[ " ${demos[*]} " == *" bench "* ]]; then programs+=(plx-bench); fi

# ---- children: they die with this script, also when it is killed ----

child=

end_child() {
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null
	child=
	wait
}

# Bash tells who was killed, now or when it ends: nobody wants to know.
interrupted() {
	trap '' INT TERM HUP
	exec 3>&2 2>/dev/null
	end_child
	printf '\ndemo: interrupted, nothing is left\n' >&3
	exit 130
}
trap interrupted INT TERM HUP
trap end_child EXIT

# run COMMAND...: its status. In a session of its own, so that ^C comes here and only here.
run() {
	local status
	setpriv --pdeathsig KILL setsid "$@" </dev/null &
	child=$!
	wait "$child"
	status=$?
	child=
	return $status
}

# ---- set up, build ----

# shellcheck source-path=SCRIPTDIR source=lib/first_build.sh
. "$tree/scripts/lib/first_build.sh"

if [ -z "$build" ]; then
	# shellcheck disable=SC2119
	do_setup
	do_build "${programs[@]}"
else
	folder=$(cd "$build" 2>/dev/null && pwd) || fail 1 "--build $build: there is no such folder"
	build=$folder
	for program in "${programs[@]}"; do
		[ -x "$build/bin/$program" ] || fail 1 "--build $build: $program is not built there"
	done
fi

# Where the report goes, made only when there will be one.
make_report_folder() {
	if [ -z "$report" ] && [ "$build" = "$tree/build/demo" ] && [ -w "$build" ]; then
		report=$build/report
	fi
	if [ -z "$report" ]; then
		report=$(mktemp -d "${TMPDIR:-/tmp}/plx-report.XXXXXX") || return 1
		chmod 755 "$report"
	elif ! mkdir -p "$report" || ! report=$(cd "$report" && pwd); then
		return 1
	fi
}

if [[ " ${programs[*]} " == *" plx-bench"* ]]; then
	make_report_folder || fail 1 "no folder for the report: --report DIR"
fi

# ---- where to play ----

# A folder that exists everywhere, to put a private file system on; not one that we live in.
stage=
for folder in /mnt /media /srv /opt; do
	case $tree/:$build/ in
	$folder/* | *:$folder/*) ;;
	*)
		if [ -d $folder ]; then
			stage=$folder
			break
		fi
		;;
	esac
done

private=(--net --mount --pid --fork --kill-child)
# What the demos do: a view of the processes, a file system, a cable.
# shellcheck disable=SC2016
probe='mount -t proc proc /proc && mount -t tmpfs tmpfs "$1" &&
	ip link add name probe0 type veth peer name probe1'

can_play() {
	[ -n "$stage" ] && run "$@" sh -c "$probe" probe "$stage" >/dev/null 2>&1
}

if [ "$(id -u)" -eq 0 ] && can_play unshare "${private[@]}"; then
	how=(unshare "${private[@]}")
	say "as root, in namespaces of its own"
elif can_play unshare --user --map-root-user "${private[@]}"; then
	how=(unshare --user --map-root-user "${private[@]}")
	say "as $(id -un), in user and network namespaces of its own"
else
	how=()
	say "as $(id -un), on files: this kernel gives you no namespaces (user.max_user_namespaces," \
		"or what your container allows)"
fi

# Hugepages where they can be had, tried with the program itself.
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
if run "$build/bin/plx-l2fwd" --no-pci -m 64 --lcores "0@${cpus%%[,-]*}" \
	--vdev net_null0 -- -p 1 -T 0 --packets 1 --seconds 10 >/dev/null 2>&1; then
	pages=
	say "with hugepages"
else
	pages=--no-huge
	say "without hugepages (--no-huge): there are not 32 free ones of 2 MB, or you may not have them"
fi

# ---- play ----

export DEMO_ROOT=$tree DEMO_BUILD=$build DEMO_DRIVER=$driver DEMO_STAGE=$stage
export DEMO_PAGES=$pages DEMO_CPUS=$cpus DEMO_SECONDS=$seconds DEMO_REPORT=$report
status=0
for demo in "${demos[@]}"; do
	printf '\n== %s\n' "$demo"
	script=$tree/scripts/lib/demo_$demo.sh
	if [ ${#how[@]} -eq 0 ]; then
		case $demo in
		l2fwd) script=$tree/scripts/lib/demo_files.sh ;;
		bench)
			say "bench: no interfaces without namespaces of its own: left out"
			continue
			;;
		esac
	fi
	run ${how[@]+"${how[@]}"} bash "$script" || {
		status=1
		printf 'demo: %s: failed\n' "$demo" >&2
	}
done
exit $status
