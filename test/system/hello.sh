#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-hello from outside: what it prints, its exit statuses, one line for each mistake, as an
# ordinary user without hugepages, on the CPUs that taskset leaves, and its size.

set -eu -o pipefail

fail() {
	echo "$*"
	exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
# Where an ordinary user can reach them.
cp "$PLX_BUILD_DIR/bin/plx-hello" "$PLX_SOURCE_DIR"/config/*.ini "$scratch"
chmod a+r "$scratch"/*
cd "$scratch"

as_user=()
if [ "$(id -u)" -eq 0 ]; then
	as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
cpus=$(taskset -cp $$ | sed 's/.*: //')
cpu=${cpus%%[,-]*}

# hello STATUS ARGUMENT...: leaves what was printed in $out and $err
hello() {
	local want=$1 got=0
	shift
	"${as_user[@]}" ./plx-hello "$@" >out 2>err || got=$?
	out=$(cat out) err=$(cat err)
	[ "$got" -eq "$want" ] || fail "plx-hello $*: exit status $got, want $want: $err"
}

# refused STATUS LINE ARGUMENT...: nothing on stdout, exactly LINE on stderr
refused() {
	local status=$1 line=$2
	shift 2
	hello "$status" "$@"
	[ -z "$out" ] || fail "plx-hello $*: stdout has: $out"
	[ "$err" = "$line" ] || fail "plx-hello $*: stderr has: $err"$'\n'"want: $line"
}

# An ordinary user, no hugepages.
hello 0 --no-huge --lcores "0@$cpu"
[[ $out == "hello from lcore 0 (main) on CPU $cpu, node "* ]] || fail "printed: $out"
[ -z "$err" ] || fail "stderr has: $err"
hello 0 --no-huge --lcores "4@$cpu,(2,9)@$cpu" --main-lcore 9
[ "$(cut -d ' ' -f 4 <<<"$out" | tr '\n' ' ')" = "2 4 9 " ] || fail "printed: $out"
grep -q "lcore 9 (main) on CPU $cpu," <<<"$out" || fail "printed: $out"
hello 0 --config hello.ini --lcores "0@$cpu"
[ "$(wc -l <<<"$out")" -eq 1 ] || fail "printed: $out"
hello 0 --config software-ports.ini --lcores "0@$cpu,1@$cpu"
[ "$(wc -l <<<"$out")" -eq 2 ] || fail "printed: $out"
if [ "$(id -u)" -eq 0 ] && chrt -f 1 true 2>/dev/null && (ulimit -l unlimited) 2>/dev/null; then
	./plx-hello --config realtime.ini --no-huge --lcores "0@$cpu" >out 2>err ||
		fail "realtime.ini: $(cat err)"
	[ "$(wc -l <out)" -eq 1 ] || fail "realtime.ini printed: $(cat out)"
fi
hello 0 --no-huge --lcores "0@$cpu" --log-level info
grep -q '^pollux: eal: info: started in [0-9]* us: 1 lcores, main lcore 0$' <<<"$err" ||
	fail "no start-up time in: $err"

# Help and version, on stdout.
hello 0 --help --nonsense
[[ $out == "usage: plx-hello"*"--lcores MAP"* && -z $err ]] || fail "--help printed: $out $err"
hello 0 -v
[[ $out =~ ^pollux\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "--version printed: $out"

# Wrong arguments: 2. What can't be had: 1.
e='pollux: eal: error:'
refused 2 "$e -l '0-': at its end: want a CPU number, 0 to 127" -l 0-
refused 2 "$e '--bogus': unknown or ambiguous option, --help lists all; the application's own \
stand behind --" --bogus
refused 2 "$e -m '99999999999999': want megabytes, 1 to 16777216" -m 99999999999999
refused 2 "$e --main-lcore 1: not among the lcores, want one of 0" -l 0 --main-lcore 1
refused 2 "plx-hello: 'more': want no arguments of its own" \
	--no-huge --lcores "0@$cpu" -- more
drivers="net_null0, net_ring0, net_pcap0, net_af_packet0, net_af_xdp0, net_tap0"
refused 2 "pollux: port: error: net_nosuch0: no such device; want a driver's name and a number, as $drivers" \
	--no-huge --lcores "0@$cpu" --vdev net_nosuch0
refused 1 "$e --config 'gone.ini': can't read the file: No such file or directory" \
	--config gone.ini
printf '[eal]\n\nmem = plenty\n' >bad.ini
refused 2 "$e bad.ini:3: mem 'plenty': want megabytes, 1 to 16777216" --config bad.ini

# CPUs that this process may not use, by name.
hello 2 --no-huge --lcores 3@1023
[[ $err == "$e lcore 3: CPU 1023 "* && $(wc -l <<<"$err") -eq 1 ]] || fail "stderr has: $err"
if [ "$cpus" != "$cpu" ]; then
	other=${cpus##*[,-]}
	taskset -c "$cpu" ./plx-hello --no-huge >out 2>err || fail "under taskset: $(cat err)"
	[ "$(wc -l <out)" -eq 1 ] || fail "under taskset it printed: $(cat out)"
	if taskset -c "$cpu" ./plx-hello --no-huge --lcores "0@$other" >out 2>err; then
		fail "CPU $other was used, which taskset took away"
	fi
	grep -q "^$e lcore 0: CPU $other " err || fail "stderr has: $(cat err)"
fi

# A release is small.
if grep -q '^CMAKE_BUILD_TYPE:.*=Release' "$PLX_BUILD_DIR/CMakeCache.txt"; then
	strip -o stripped plx-hello
	bytes=$(stat -c %s stripped)
	echo "plx-hello stripped: $bytes bytes"
	[ "$bytes" -lt 1000000 ] || fail "the stripped program is over 1 MB"
fi
