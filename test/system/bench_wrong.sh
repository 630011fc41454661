#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-bench from outside: one clear line for each mistake and for each thing that is not as it has to
# be, the exit status that its help promises, and nothing left behind.

set -eu -o pipefail

program=$PLX_BUILD_DIR/bin/plx-bench
with_faults=$PLX_BUILD_DIR/test/plx-bench-fault

[ -x "$program" ] || {
	echo "plx-bench is not built: jansson is missing (scripts/setup.sh)"
	exit 77
}

scratch=$(mktemp -d)
pid=
end() {
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
	rm -rf "$scratch"
}
trap end EXIT
cd "$scratch"
chmod 755 .

fail() {
	echo "$*"
	exit 1
}

# What a program leaves that ended without cleaning up: files, and those of its memory.
left() {
	find /dev/hugepages /dev/shm -maxdepth 1 -name '*pollux*' 2>/dev/null || true
	find . -type f ! -name out ! -name err ! -name plx-bench
}

before=$(left)

# refused STATUS PATTERN PROGRAM ARGUMENT...: one line that matches PATTERN, nothing on stdout
refused() {
	local want=$1 pattern=$2 got=0
	shift 2
	timeout -k 5 60 "$@" >out 2>err || got=$?
	[ "$got" -eq "$want" ] || fail "$*: exit status $got, want $want: $(cat err)"
	[ ! -s out ] || fail "$*: stdout has: $(cat out)"
	[ "$(wc -l <err)" -eq 1 ] || fail "$*: want one line: $(cat err)"
	# shellcheck disable=SC2254 # it is a pattern
	case $(cat err) in
	$pattern) ;;
	*) fail "$*: stderr has: $(cat err)"$'\n'"want: $pattern" ;;
	esac
	[ "$(left)" = "$before" ] || fail "$*: left behind: $(left)"
}

cable=(--no-huge --no-pci --vdev net_ring0 --vdev 'net_ring1,peer=net_ring0')

# wrong PATTERN OPTION...: status 2, and the line is the program's own
wrong() {
	refused 2 "plx-bench: $1" "$program" "${cable[@]}" -- "${@:2}"
}

# ---- options ----

wrong "--pair NAME=A:B is missing:*"
for pair in '' x x= x=0 x=0: x=:1 =0:1 x=0:1: x=a:1 x=-1:0 x=0:32 'a b=0:1' 'x=0:1,2:3'; do
	wrong "--pair '$pair': want *" --pair "$pair"
done
wrong "--pair x: port 0 has no cable to itself*" --pair x=0:0
wrong "--pair y: port 1 is in pair x, too" --pair x=0:1 --pair y=1:2
wrong "--pair x: there are two of that name" --pair x=0:1 --pair x=2:3
for size in '' 0 63 9705 '64,' ',64' -64 64.5 1e3 big 99999999999; do
	wrong "--size '*': want a number, 64 to 9704" --pair x=0:1 --size "$size"
done
wrong "--size: 64 is there twice" --pair x=0:1 --size 64,128,64
for rate in '' 0 -1 fast 10q 101% 0% 1e9 10GB/s 'max,'; do
	wrong "--rate '*': want max, packets/s (10000, 10k, 1.5M), 100Mb/s, 1Gb/s or 50%" \
		--pair x=0:1 --rate "$rate"
done
for seconds in '' 0 -1 x 86401 1s 1..2 .; do
	wrong "--duration '$seconds': want seconds, 0.01 to 86400" --pair x=0:1 --duration "$seconds"
done
wrong "--warmup 'x': want seconds, 0 to 86400" --pair x=0:1 --warmup x
for number in '' 0 1001 -1 x 1.5; do
	wrong "--repeat '$number': want a number, 1 to 1000" --pair x=0:1 --repeat "$number"
done
wrong "--burst '257': want a number, 1 to 256" --pair x=0:1 --burst 257
wrong "--burst '0': want a number, 1 to 256" --pair x=0:1 --burst 0
wrong "--delay '101': want microseconds, 0 to 100" --pair x=0:1 --delay 101
wrong "--latency-load '101': want percents*" --pair x=0:1 --latency-load 101
wrong "--search 'fast': want ndr or pdr" --pair x=0:1 --search fast
wrong "--stress '0': want a number, 1 to *" --pair x=0:1 --stress 0
wrong "--stress-cpus '2-1': want CPUs*" --pair x=0:1 --stress 1 --stress-cpus 2-1
for option in --bogus -x --quiet=3 --size stray; do
	refused 2 "*plx-bench*" "$program" "${cable[@]}" -- --pair x=0:1 "$option"
done

# ---- what is named is not there, or not as it has to be ----

run=(--pair x=0:1 --size 64 --rate 1000 --duration 0.1 --warmup 0 --repeat 1 -q)

# lacking PATTERN EAL-OPTION... -- OPTION...: status 1
lacking() {
	refused 1 "$1" "$program" --no-huge --no-pci "${@:2}"
}

ring=("${cable[@]:2}")
lacking "plx-bench: --pair y: there is no port 2; ports are made by --vdev and -a, and there are 2" \
	"${ring[@]}" -- "${run[@]}" --pair y=2:7
lacking "plx-bench: --mbufs 100: too few for the rings of 2 ports: want *, or leave it out" \
	"${ring[@]}" -- "${run[@]}" --mbufs 100
lacking "plx-bench: --json gone/x: can't write it: No such file or directory" \
	"${ring[@]}" -- "${run[@]}" --json gone/x
lacking "plx-bench: --hgrm /dev/null/x: can't write there: Not a directory" \
	"${ring[@]}" -- "${run[@]}" --hgrm /dev/null/x
lacking "plx-bench: there is but the main lcore, which leads: *" \
	"${ring[@]}" --lcores "0@$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')" -- "${run[@]}"
lacking "plx-bench: --pair x: nothing of what port 0 sends comes in by port 1: *" \
	--vdev net_null0,no-rx=1 --vdev net_null1,no-rx=1 -- "${run[@]}"
lacking "pollux: port: error: net_pcap0: iface=gone0: no such interface; *" \
	--vdev net_pcap0,iface=gone0 --vdev net_pcap1,iface=lo -- "${run[@]}"
refused 2 "pollux: port: error: net_nix0: no such device; *" \
	"$program" --no-huge --no-pci --vdev net_nix0 --vdev net_ring0 -- "${run[@]}"
refused 1 "plx-bench: --pair x: port 0 has no link: *" \
	"$with_faults" --no-huge --no-pci --vdev net_fault0 --vdev net_fault1 -- "${run[@]}"
if [ "$(nproc)" -lt 3 ]; then
	wrong "--isolate: want a CPU for each of 3 lcores, *" "${run[@]}" --isolate
fi
refused 2 "plx-bench: compare: want two files: *" "$program" compare
refused 1 "plx-bench: gone.json: No such file or directory" "$program" compare gone.json gone.json

# An interface of the kernel, as somebody who may not.
install -m 755 "$program" plx-bench
as_user=()
[ "$(id -u)" -ne 0 ] || as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
refused 1 "pollux: port: error: net_pcap0: iface=lo: no permission for packet sockets *" \
	"${as_user[@]}" ./plx-bench --no-huge --no-pci --vdev net_pcap0,iface=lo \
	--vdev net_pcap1,iface=lo -- "${run[@]}"

# ---- a signal ends it: status 130, one line, no file ----

for signal in INT TERM; do
	"$program" "${cable[@]}" -- "${run[@]}" --duration 60 --json unmade.json >out 2>err &
	pid=$!
	sleep 1
	kill -"$signal" "$pid"
	got=0
	wait "$pid" || got=$?
	pid=
	[ "$got" -eq 130 ] || fail "SIG$signal: exit status $got, want 130: $(cat err)"
	[ "$(cat err)" = "plx-bench: interrupted: nothing is written" ] ||
		fail "SIG$signal: stderr has: $(cat err)"
	[ "$(left)" = "$before" ] || fail "SIG$signal: left behind: $(left)"
done
