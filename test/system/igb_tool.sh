#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-igb and scripts/silicon.sh from outside: one line for each mistake, and the exit status that says
# whose it is. What they do with a card is for test/lab/.

set -eu -o pipefail

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
	echo "$*"
	exit 1
}

# run STATUS COMMAND...: leaves what was printed in $out and $err
run() {
	local want=$1 got=0
	shift
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
	out=$(cat "$scratch/out") err=$(cat "$scratch/err")
	[ "$got" -eq "$want" ] || fail "$*: exit status $got, want $want: $out $err"
}

# refused STATUS PATTERN COMMAND...: nothing on stdout, one line on stderr, as the pattern says
refused() {
	local want=$1 pattern=$2
	shift 2
	run "$want" "$@"
	[ -z "$out" ] || fail "$*: stdout has: $out"
	[ "$(wc -l <<<"$err")" -eq 1 ] || fail "$*: want one line: $err"
	# shellcheck disable=SC2053
	[[ $err == $pattern ]] || fail "$*: stderr has: $err"$'\n'"want: $pattern"
}

# ---- plx-igb ----

tool=$PLX_BUILD_DIR/bin/plx-igb
run 0 "$tool" --help
[[ $out == "usage: plx-igb "* && -z $err ]] || fail "--help: $out $err"
for word in status regs nvm rings led --clear --queue --dir --seconds; do
	grep -qw -- "$word" <<<"$out" || fail "--help lacks $word"
	grep -qw -- "$word" "$PLX_SOURCE_DIR/doc/igb.md" || fail "doc/igb.md lacks $word"
done
run 0 "$tool" regs -h

wrong() {
	local line=$1
	shift
	refused 2 "plx-igb: $line; --help lists all" "$tool" "$@"
}

wrong "want a command: status, regs, nvm, rings or led"
wrong "'regz': want a command: status, regs, nvm, rings or led" regz 01:00.0
wrong "regs: want BDF, the card's PCI address" regs
wrong "led: want BDF and on, off or blink" led 01:00.0
wrong "'02:00.0': one thing too many" regs 01:00.0 02:00.0
wrong "'-x': unknown or ambiguous option, or one that takes no value" regs -x 01:00.0
wrong "'--bogus': unknown or ambiguous option, or one that takes no value" --bogus
wrong "'--clear=1': unknown or ambiguous option, or one that takes no value" regs --clear=1 01:00.0
wrong "--queue: want a value behind it" rings 01:00.0 --queue
for number in '' x -1 16 1x 99999999999999999999; do
	wrong "--queue '$number': want a number, 0 to 15" rings --queue "$number" 01:00.0
done
for number in 0 3601 x; do
	wrong "--seconds '$number': want a number, 1 to 3600" led --seconds "$number" 01:00.0 on
done
wrong "--dir 'both': want rx or tx" rings --dir both 01:00.0
wrong "--clear does not go with nvm" nvm --clear 01:00.0
wrong "--queue does not go with regs" regs --queue 1 01:00.0
for address in '' x 01:00 01:00.8 1:0:0:0.0 01:00.0x eth0; do
	refused 2 "plx-igb: '$address': want a PCI address, 0000:01:00.0 or 01:00.0" "$tool" regs "$address"
done
for command in status regs nvm rings; do
	refused 1 "plx-igb: 0fed:cb:1d.6: there is no PCI device of that address (\`lspci -D\` lists them)" \
		"$tool" $command 0fed:cb:1d.6
done
for device in /sys/bus/pci/devices/*; do
	[ -e "$device/vendor" ] || continue
	[ "$(cat "$device/vendor")" != 0x8086 ] || continue
	refused 1 "plx-igb: ${device##*/}: *:* is no card of the igb family (82576, *" "$tool" regs "${device##*/}"
	break
done

# ---- silicon.sh ----

silicon=("$BASH" "$PLX_SOURCE_DIR/scripts/silicon.sh")
run 0 "${silicon[@]}" --help
[[ $out == "usage: scripts/silicon.sh "* ]] || fail "silicon.sh --help: $out"
refused 2 "silicon: error: want two ports that a cable joins*" "${silicon[@]}"
refused 2 "silicon: error: want two ports that a cable joins*" "${silicon[@]}" --real 01:00.0
refused 2 "silicon: error: --bogus: unknown option; see --help" "${silicon[@]}" --bogus
refused 2 "silicon: error: --steps: want a value" "${silicon[@]}" --steps
refused 2 "silicon: error: eth0: want a PCI address, as in 0000:01:00.0" "${silicon[@]}" eth0 eth1
refused 1 "silicon: error: 0000:cb:1d.6: there is no such device; see scripts/devbind.sh --status" \
	"${silicon[@]}" --real cb:1d.6 cb:1d.7

# A tree with two cards: what it tells of the plan, and what it refuses, without touching them.
tree=$scratch/sys/bus/pci/devices
mkdir -p "$tree"
for bdf in 0000:01:00.0 0000:01:00.1 0000:02:00.0; do
	mkdir -p "$tree/$bdf"
	echo 0x8086 >"$tree/$bdf/vendor"
	echo 0x1521 >"$tree/$bdf/device"
	echo 0x020000 >"$tree/$bdf/class"
done
echo 0x10fb >"$tree/0000:02:00.0/device"
plan=(env "PLX_SYSROOT=$scratch" "${silicon[@]}" "--cpus=0,1")
refused 1 "silicon: error: 0000:02:00.0: no card of the igb family: *" "${plan[@]}" 01:00.0 02:00.0
refused 2 "silicon: error: 0000:01:00.0: twice; want ports that differ" "${plan[@]}" 01:00.0 0000:01:00.0
refused 2 "silicon: error: --seconds '2': want a number, 3 to 3600" "${plan[@]}" --seconds 2 01:00.0 01:00.1
refused 2 "silicon: error: --steps: 'cabel': there are *" "${plan[@]}" --steps machine,cabel 01:00.0 01:00.1
refused 2 "silicon: error: --cpus '1,1': want two that differ*" "${plan[@]}" --cpus=1,1 01:00.0 01:00.1
find "$scratch/sys" -type f -exec md5sum {} + >"$scratch/before"
run 0 "${plan[@]}" --report "$scratch/report" 01:00.0 01:00.1
find "$scratch/sys" -type f -exec md5sum {} + | diff "$scratch/before" - || fail "the plan changed something"
[ ! -e "$scratch/report" ] || fail "the plan wrote a report"
for word in '0000:01:00.0 I350, driver none' '  cable ' '  conform ' '  throughput ' '  dumps ' '  the end ' \
	'nothing was done; --real does it'; do
	grep -qF -- "$word" <<<"$out" || fail "the plan lacks '$word': $out"
done
run 0 "${plan[@]}" --steps machine,dumps 01:00.0 01:00.1
! grep -q '^  cable ' <<<"$out" || fail "--steps machine,dumps plans a cable test"
