#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The life of a lab, as seen from outside: what goes in and comes out, how it ends, several at once,
# an ordinary user's; and that nothing is left of it where lab.sh is killed, at whatever moment.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"
need_lab stable

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
mkdir -m 1777 "$scratch/tmp" "$scratch/share"
# A cache of our own, with the kernel of the real one: the initramfs is made, and KVM tried, in it.
kernel=$(lab_kernel stable)
mkdir -m 1777 "$scratch/cache"
ln -s "$kernel" "$scratch/cache/${kernel##*/}"
ln -s "${kernel##*/}" "$scratch/cache/stable"
# Every process of a lab has this in its environment.
mark=PLX_LAB_TEST=$$.$RANDOM
environment=(env "$mark" "TMPDIR=$scratch/tmp" "PLX_LAB_CACHE=$scratch/cache")

# ---- wrong usage, and what is missing: one line each ----

# refused STATUS WORDS ARGUMENT...
refused() {
	local want=$1 words=$2 status=0
	shift 2
	out=$("${environment[@]}" bash "$lab" "$@" 2>&1) || status=$?
	[ $status -eq "$want" ] || fail "lab.sh $*: exit status $status, want $want: $out"
	[ "$(wc -l <<<"$out")" -eq 1 ] || fail "lab.sh $*: want one line: $out"
	[[ $out == *"$words"* ]] || fail "lab.sh $*: has not said '$words': $out"
}

refused 2 "want scripts/lab.sh run"
refused 2 "want -- COMMAND, or --keep" run
refused 2 "bogus: want an option" run bogus -- true
refused 2 "--bogus: unknown option" run --bogus -- true
refused 2 "--cpus: want a value" run --cpus
refused 2 "--cpus 0: want a whole number from 1 to 64" run --cpus 0 -- true
refused 2 "--memory x: want" run --memory x -- true
refused 2 "want 1536 MB or more" run --memory 600M --hugepages 512 -- true
refused 2 "--hugepages 2:4M: want N, N:2M or N:1G" run --hugepages 2:4M -- true
refused 2 "--ports 9: want a whole number from 1 to 8" run --ports 9 -- true
refused 2 "want PORTS=vfio, PORTS=uio or PORTS=kernel" run --bind 0=igb -- true
refused 2 "there are ports 0 to 3" run --bind 0,4=vfio -- true
refused 2 "the kernel's igb makes VFs" run --vf 2 --bind all=vfio -- true
refused 2 "no VFIO without an IOMMU" run --no-iommu --bind 0=vfio -- true
refused 2 "want PORT:PORT, or none" run --cable 0-1 -- true
refused 2 "port 1 has a cable already" run --cable 0:1,1:2 -- true
refused 2 "port 0 has a --wire" run --cable 0:1 --wire 0=tap:t0 -- true
refused 2 "want PORT=unix:PATH or PORT=tap:NAME" run --wire 0=udp:1 -- true
refused 2 "there is no folder" run --wire 0=unix:/nonexistent/socket -- true
refused 2 "no such folder" run --share /nonexistent -- true
refused 2 "want auto, kvm or tcg" run --accel xen -- true
refused 2 "--env 1A=2: want NAME" run --env 1A=2 -- true
refused 1 "has no kernel 1.2, only stable" run --kernel 1.2 -- true
refused 1 "is there and no socket" run --monitor "$lab" -- true
PLX_LAB_CACHE=$scratch/tmp
environment+=("PLX_LAB_CACHE=$scratch/tmp")
refused 1 "has no kernel stable: run scripts/setup.sh --lab" run -- true
environment+=("PLX_LAB_CACHE=$scratch/cache")
mkdir "$scratch/bin"
for program in bash dirname sed; do ln -s "$(type -P $program)" "$scratch/bin"; done
environment+=("PATH=$scratch/bin")
refused 1 "qemu-system-x86_64 is missing: run scripts/setup.sh --lab" run -- true
environment+=("PATH=$PATH")

# ---- what is left ----

processes() {
	grep -lzxs "$mark" /proc/[0-9]*/environ || true
}

surroundings() {
	ip -o link show | sed 's/:.*//'
	cat /proc/self/mounts
	ls -A "$scratch/tmp"
}

nothing_runs() {
	[ -z "$(processes)" ]
}

# assert_clean HOW
assert_clean() {
	within 3 nothing_runs || fail "$1: still running: $(for process in $(processes); do
		tr '\0' ' ' <"${process%/*}/cmdline"
	done)"
	[ "$(surroundings)" = "$before" ] ||
		fail "$1: not as before: $(diff <(echo "$before") <(surroundings))"
	[ ! -e "$scratch/cache/kvm" ] || flock -n "$scratch/cache/kvm" true || fail "$1: a lock is held"
}

before=$(surroundings)

# ---- killed, while the initramfs is made, KVM is tried, the guest boots ----

# killed WHEN COMMAND...: WHEN is seconds, or a condition
killed() {
	local when=$1 pid status=0
	shift
	"${environment[@]}" "$@" >"$scratch/log" 2>&1 &
	pid=$!
	if [[ $when = [0-9]* ]]; then sleep "$when"; else within 90 "$when" || fail "never $when"; fi
	kill -KILL $pid 2>/dev/null || fail "after $when s lab.sh had ended: $(cat "$scratch/log")"
	wait $pid 2>/dev/null || status=$?
	[ $status -eq 137 ] || fail "exit status $status, want 137"
	assert_clean "killed at $when"
}

started() {
	grep -qx started "$scratch/log"
}

long=(bash "$lab" run --monitor "$scratch/tmp/qmp" --wire "0=unix:$scratch/tmp/wire" --
	sh -c 'echo started; sleep 1000')
for when in 0.05 0.2 0.4 0.$((RANDOM % 9 + 1)) 1.$((RANDOM % 10)) 2.$((RANDOM % 10)); do
	killed "$when" "${long[@]}"
done
killed started "${long[@]}"

# ---- what goes in and comes out ----

# run NAME STATUS ARGUMENT...: leaves NAME.out and NAME.err
run() {
	local name=$1 want=$2 status=0
	shift 2
	(cd "$scratch/share" && "${environment[@]}" ${prefix[@]+"${prefix[@]}"} bash "$lab" run "$@") \
		>"$scratch/$name.out" 2>"$scratch/$name.err" || status=$?
	[ $status -eq "$want" ] || fail "$name: exit status $status, want $want:" \
		"$(cat "$scratch/$name.out" "$scratch/$name.err")"
}

# says NAME TEXT
says() {
	grep -qF -- "$2" "$scratch/$1" || fail "$1: want '$2' in: $(cat "$scratch/$1")"
}

# shellcheck disable=SC2016
inside='printf "<%s>\n" "$@"; pwd; id -u; echo "$ONE|$TWO"; cat; echo to-stderr >&2
	cat /sys/bus/pci/drivers/vfio-pci/0000:*/vendor; grep HugePages_Total /proc/meminfo
	echo new >"$0" && echo result >"$SHARE/result"; sleep 1000 & exit 42'
echo old >"$scratch/file"
prefix=(env "ONE=from  outside")
# shellcheck disable=SC2016
run works 42 --env ONE --env "TWO=it's" --hugepages 64 --share "$scratch/share" \
	--env "SHARE=$scratch/share" -- sh -c "$inside" "$scratch/file" "two  words" "" "it's" '$HOME "x"' \
	$'a\nb' <<<"input that does not get in"
prefix=()
diff - "$scratch/works.out" <<END || fail "not what came out"
<two  words>
<>
<it's>
<\$HOME "x">
<a
b>
$scratch/share
0
from  outside|it's
0x8086
0x8086
0x8086
0x8086
HugePages_Total:      64
END
says works.err to-stderr
[ "$(cat "$scratch/share/result")" = result ] || fail "--share: no result"
[ "$(cat "$scratch/file")" = old ] || fail "the host's files are writable"
assert_clean "to its end"

# What the kernel says where it hangs in its boot, at once: a second boot comes up.
run again 7 --append "loglevel=7 rcu: a kthread starved" -- sh -c 'echo up; exit 7'
says again.err "once more"
[ "$(cat "$scratch/again.out")" = up ] || fail "a second boot says $(cat "$scratch/again.out")"
assert_clean "booted again"

# ---- several at once: a hang, a crash, a shell, and an ordinary user's with all ports at UIO ----

as_user=()
if [ "$(id -u)" -eq 0 ]; then as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups); fi
run hangs 124 --timeout 40 -- sleep 1000 &
labs=($!)
run crashes 124 -- sh -c 'echo c >/proc/sysrq-trigger' &
labs+=($!)
(
	prefix=(${as_user[@]+"${as_user[@]}"})
	run user 0 --ports 8 --bind all=uio --cpus 1 --share "$scratch/share" -- \
		sh -c 'ls -d /sys/bus/pci/drivers/uio_pci_generic/0000:* | wc -l; echo mine >user'
) &
labs+=($!)
# shellcheck disable=SC2016
run shell 3 --keep <<<'echo shell-$((6 * 7)); (exit 3)' &
labs+=($!)
for pid in "${labs[@]}"; do
	wait "$pid" || fail "one of several labs at once (see above)"
done
grep -qE 'no end after 40 s|did not come up' "$scratch/hangs.err" || fail "$(cat "$scratch/hangs.err")"
says crashes.err "Kernel panic - not syncing: sysrq triggered crash"
[ "$(cat "$scratch/user.out")" = 8 ] || fail "8 ports at UIO: $(cat "$scratch/user.out")"
[ "$(stat -c %u "$scratch/share/user")" -eq "$(${as_user[@]+"${as_user[@]}"} id -u)" ] ||
	fail "--share: the result is not the user's"
says shell.out shell-42
assert_clean "several at once"

# ---- cut short by others ----

# Nobody reads the output of the first, and the second is ended by a signal.
(
	status=0
	"${environment[@]}" bash "$lab" run -- yes 2>"$scratch/yes.err" | head -n 1 >"$scratch/yes.out" ||
		status=$?
	[ $status -eq 141 ] || fail "nobody reads the output: exit status $status, want 141:" \
		"$(cat "$scratch/yes.err")"
	[ "$(cat "$scratch/yes.out")" = y ] || fail "yes says $(cat "$scratch/yes.out")"
) &
unread=$!
: >"$scratch/log"
"${environment[@]}" "${long[@]}" >"$scratch/log" 2>&1 &
pid=$!
within 90 started || fail "never started: $(cat "$scratch/log")"
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status -eq 130 ] || fail "SIGTERM: exit status $status, want 130"
wait $unread || fail "nobody reads the output (see above)"
assert_clean "cut short"
