#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-l2fwd from outside, as an ordinary user: one line for each mistake, the ends of a run, SIGINT
# and SIGTERM under load, counts that add up, statistics as JSON.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=l2fwd.inc
. "$(dirname "${BASH_SOURCE[0]}")/l2fwd.inc"

two_nulls=("${plain[@]}" --vdev net_null0 --vdev net_null1)

# ---- what is wrong is told in one line ----

# wrong LINE ARGUMENT...: status 2 and "plx-l2fwd: LINE", with two ports and two lcores
wrong() {
	local line=$1
	shift
	refused 2 "plx-l2fwd: $line" plx-l2fwd "${two_nulls[@]}" -- "$@"
}

wrong "-p PORTMASK is missing: -p 3 forwards between ports 0 and 1"
for mask in 0 '' xyz -1 +1 ' 1' 100000000 1g 0x; do
	wrong "-p '$mask': want a hexadecimal mask of ports, 1 to ffffffff" -p "$mask"
done
wrong "-p 7: there is no port 2, ports are made by --vdev and there are 2" -p 7
for number in 0 33 '' x -1 1x 99999999999999999999; do
	wrong "-q '$number': want a number, 1 to 32" -p 3 -q "$number"
done
for number in 86401 '' x -1 1.5; do
	wrong "-T '$number': want a number, 0 to 86400" -p 3 -T "$number"
done
for number in 0 31536001 x; do
	wrong "--seconds '$number': want a number, 1 to 31536000" -p 3 --seconds "$number"
done
for number in 0 -5 x 18446744073709551616; do
	wrong "--packets '$number': want a number, 1 or more" -p 3 --packets "$number"
done
for map in '' '0,1' '(0,1' '(0,1)x' '(0)' '(,)' '(0,1)(' '(+0,1)' '(0, 1)' '(0,1,1)'; do
	wrong "--portmap '$map': want pairs of ports, as in (0,1)(2,3)" -p 3 "--portmap=$map"
done
wrong "--portmap: port 2 is not in -p 3" -p 3 '--portmap=(0,2)'
wrong "--portmap: port 99 is not in -p 3" '--portmap=(99,0)' -p 3
wrong "--portmap: port 1 is in two pairs" -p 3 '--portmap=(0,1)(1,0)'
wrong "--stats-json 'gone/x': can't write it: No such file or directory" -p 3 --stats-json gone/x
wrong "--stats-json '.': can't write it: Is a directory" -p 3 --stats-json .
echo kept >kept.json
wrong "--portmap: port 2 is not in -p 3" -p 3 --stats-json kept.json '--portmap=(0,2)'
wrong "--portmap: port 2 is not in -p 3" -p 3 --stats-json unmade.json '--portmap=(0,2)'
[ "$(cat kept.json)" = kept ] || fail "wrong options emptied the file of --stats-json"
[ ! -e unmade.json ] || fail "wrong options made the file of --stats-json"
mkfifo -m 666 unread
run 1 plx-l2fwd "${two_nulls[@]}" -- -p 3 --seconds 60 --stats-json unread
[[ $err == *"'unread': nobody reads this pipe" ]] || fail "a pipe that nobody reads: $err"
wrong "-T 0 turns the statistics off that --stats-json is to write" -p 3 -T 0 --stats-json x
wrong "--until-eof: port 0 has no end to tell: want ports of net_pcap with rx_pcap=FILE" \
	-p 3 --until-eof
for option in -x --bogus --until-eof=3; do
	wrong "'$option': unknown or ambiguous option, or one that takes no value; --help lists all" \
		-p 3 "$option"
done
for option in -p -q -T --portmap --stats-json --seconds --packets; do
	wrong "$option: want a value behind it, --help lists all" "$option"
done
wrong "'more': want options only, --help lists all" -p 3 more
cpu=${cpus%%[,-]*}
refused 2 "plx-l2fwd: -q 1: too few lcores for 2 ports, there is 1: want more (-l) or a larger -q" \
	plx-l2fwd --no-huge --no-pci --lcores "0@$cpu" --vdev net_null0 --vdev net_null1 -- -p 3
refused 2 "plx-l2fwd: -p 1: there is no port 0, ports are made by --vdev and there are 0" \
	plx-l2fwd "${plain[@]}" -- -p 1

# ---- help: before and behind the --, with all options ----

run 0 plx-l2fwd --help
help=$out
run 0 plx-l2fwd "${plain[@]}" -- -h
[[ $out == "$help" && -z $err ]] || fail "-- -h is not --help: $out $err"
grep -q -- '--lcores MAP' <<<"$help" || fail "--help does not have the options of the EAL"
# Its own options are those of the documentation.
sed -n '/  -l LIST/q; s/^  \(-[^ ].*\)$/\1/p' <<<"$help" | sed 's/  .*//' | sort >ours
awk -F ' \\| ' '/^\| `-/ { print $1 }' "$PLX_SOURCE_DIR/doc/l2fwd.md" | sed 's/^| //; s/`//g' |
	sort >documented
diff ours documented >diffs || fail "--help (<) and doc/l2fwd.md (>) differ: $(cat diffs)"
[ "$(wc -l <ours)" -ge 12 ] || fail "only these options in --help: $(cat ours)"

# ---- ends of a run ----

# adds_up PORT...: each port sent, or counted as dropped, all that its peer received
adds_up() {
	local received=0 gone=0 port
	for port in "$@"; do
		received=$((received + $(total "$port" received)))
		gone=$((gone + $(total "$port" sent) + $(total "$port" tx_errors)))
		gone=$((gone + $(total "$port" tx_dropped)))
	done
	[[ $received -gt 0 && $received -eq $gone ]] ||
		fail "$received packets came in, $gone went out or were dropped: $out"
}

run 0 plx-l2fwd "${two_nulls[@]}" -- -p 3 -T 0 --seconds 1
adds_up 0 1
run 0 plx-l2fwd "${two_nulls[@]}" -- -p 3 -q 2 -T 0 --packets 1000
adds_up 0 1
[ "$(($(total 0 received) + $(total 1 received)))" -ge 1000 ] ||
	fail "--packets 1000: $out"

# A ring that is not cabled to another gives back what it is sent: null -> ring -> null.
run 0 plx-l2fwd "${plain[@]}" --vdev net_null0 --vdev net_ring0 -- -p 3 -q 2 -T 0 --packets 100000
adds_up 0 1
[ "$(total 1 received)" -gt 1000 ] || fail "nothing came back from net_ring0: $out"
# A cable between two of them, nothing to send: ends by the time.
run 0 plx-l2fwd "${plain[@]}" --vdev net_ring0 --vdev net_ring1,peer=net_ring0 -- -p 3 \
	-T 0 --seconds 1
[[ $out == *"port 0: 0 packets received, 0 sent, 0 dropped"* ]] || fail "out of nothing came: $out"

# A port that is not in the mask is left alone.
run 0 plx-l2fwd "${two_nulls[@]}" -- -p 2 -T 0 --packets 1
[[ $out == "port 1: net_null1, "*" forwards to port 1 by lcore 0"$'\n'"port 1: "* ]] ||
	fail "-p 2 used other ports than 1: $out"

# ---- signals ----

# under_load ARGUMENT...: runs until a signal comes, and forwards when this returns
under_load() {
	rm -f load.json
	"${as_user[@]}" ./plx-l2fwd "${two_nulls[@]}" -- -p 3 -T 1 --stats-json load.json "$@" \
		>out 2>err &
	pid=$!
	wait_until 60 grep -q '"last":false.*"packets":[1-9]' load.json 2>/dev/null ||
		fail "no load after 60 s: $(cat out err)"
}

# check_json FILE [late]: each line is JSON; the last is marked and has what the totals say. With
# `late`, forwarders may have received some more after it.
check_json() {
	python3 -B - "$1" "${2:-}" "$(total 0 received)" <<'END' || fail "statistics: see above"
import json, sys

samples = [json.loads(line) for line in open(sys.argv[1])]
assert len(samples) >= 2, f"{len(samples)} samples"
assert [s["last"] for s in samples] == [False] * (len(samples) - 1) + [True], "last"
for sample in samples:
    assert [p["port"] for p in sample["ports"]] == [0, 1], "ports"
received, total = samples[-1]["ports"][0]["rx"]["packets"], int(sys.argv[3])
if sys.argv[2] == "late":
    assert 0 < received <= total, f"{received} received, the totals say {total}"
else:
    assert received == total, f"{received} received, the totals say {total}"
END
}

# signal SIGNAL [late]: the forwarder ends by it, and all adds up
signal() {
	local status=0
	kill -"$1" "$pid"
	wait_until 60 is_dead || fail "SIG$1: it still runs after 60 s"
	wait "$pid" 2>/dev/null || status=$?
	pid=
	out=$(cat out) err=$(cat err)
	[[ $status -eq 0 && -z $err ]] || fail "SIG$1: status $status: $err"
	adds_up 0 1
	check_json load.json "${2:-}"
}

under_load -q 1 # statistics on a thread of their own
signal INT
under_load -q 2 # on the second lcore
signal TERM late

frames make sizes sizes.pcap
run 0 plx-l2fwd "${plain[@]}" --vdev net_pcap0,rx_pcap=sizes.pcap \
	--vdev net_pcap1,tx_pcap=out1.pcap -- -p 3 --until-eof --stats-json -
mv out json && cp err out # what is said to the user is on stderr then
check_json json
[ "$(total 1 sent)" -eq 1455 ] || fail "--stats-json -: $out"
