#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The life of a lab, as seen from outside: what goes in and comes out, how it ends, several at once,
# an ordinary user's; and that nothing is left of it where lab.sh is killed, at whatever moment.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"
own_labs stable

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
	within 10 nothing_runs || fail "$1: still running: $(for process in $(processes); do
		tr '\0' ' ' <"${process%/*}/cmdline"
	done)"
	[ "$(surroundings)" = "$before" ] ||
		fail "$1: not as before: $(diff <(echo "$before") <(surroundings))"
	[ ! -e "$cache/kvm" ] || flock -n "$cache/kvm" true || fail "$1: a lock is held"
}

before=$(surroundings)

# ---- killed, while the initramfs is made, KVM is tried, the guest boots ----

# killed WHEN COMMAND...: WHEN is seconds, or a condition
killed() {
	local when=$1 pid status=0
	shift
	"${environment[@]}" "$@" >"$scratch/log" 2>&1 &
	pid=$!
	if [[ $when = [0-9]* ]]; then sleep "$when"; else within 300 "$when" || fail "never $when"; fi
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
# Whether KVM works is known by now.
killed 1.$((RANDOM % 10)) "${long[@]}"

# ---- ended by signals ----

# ended_by SIGNAL: to all of its processes, as a terminal sends it, while QEMU is there. The shells
# of tests ignore some of them, and what they start would as well.
has_monitor() {
	[ -S "$scratch/tmp/qmp" ]
}
ended_by() {
	local pid status=0
	setsid "${environment[@]}" env --default-signal=INT,QUIT "${long[@]}" >"$scratch/log" 2>&1 &
	pid=$!
	within 120 has_monitor || fail "no monitor: $(cat "$scratch/log")"
	kill -s "$1" -- -$pid
	wait $pid || status=$?
	[ $status -eq 130 ] || fail "SIG$1: exit status $status, want 130: $(cat "$scratch/log")"
	says log "interrupted, nothing is left"
	assert_clean "ended by SIG$1"
}

# says NAME TEXT
says() {
	grep -qF -- "$2" "$scratch/$1" || fail "$1: want '$2' in: $(cat "$scratch/$1")"
}

for signal in INT QUIT HUP; do ended_by $signal; done

# Where the signal comes before the number of QEMU's process is noted.
cat >"$scratch/hook" <<'END'
set -T
trap 'if [ "$BASH_COMMAND" = "qemu_pid=\$!" ]; then trap - DEBUG; kill -TERM $$; fi' DEBUG
END
status=0
timeout -k 5 120 "${environment[@]}" "BASH_ENV=$scratch/hook" "${long[@]}" >"$scratch/log" 2>&1 ||
	status=$?
[ $status -eq 130 ] || fail "SIGTERM after the fork: exit status $status, want 130:" \
	"$(cat "$scratch/log")"
assert_clean "ended after the fork"

# ---- what goes in and comes out ----

# run NAME STATUS ARGUMENT...: leaves NAME.out and NAME.err
run() {
	local name=$1 want=$2 status=0
	shift 2
	(cd "$scratch/share" && "${environment[@]}" ${prefix[@]+"${prefix[@]}"} bash "$lab" run --timeout "$lab_seconds" "$@") \
		>"$scratch/$name.out" 2>"$scratch/$name.err" || status=$?
	[ $status -eq "$want" ] || fail "$name: exit status $status, want $want:" \
		"$(cat "$scratch/$name.out" "$scratch/$name.err")"
}

# shellcheck disable=SC2016
inside='printf "<%s>\n" "$@"; pwd; id -u; echo "$ONE|$TWO"; cat; echo to-stderr >&2
	cat /sys/bus/pci/drivers/vfio-pci/0000:*/vendor; grep HugePages_Total /proc/meminfo
	echo new >"$0" && echo result >"$SHARE/result"; sleep 1000 & exit 42'
echo old >"$scratch/file"
(
	prefix=(env "ONE=from  outside")
	# shellcheck disable=SC2016
	run works 42 --env ONE --env "TWO=it's" --hugepages 64 --share "$scratch/share" \
		--env "SHARE=$scratch/share" -- sh -c "$inside" "$scratch/file" "two  words" "" "it's" \
		'$HOME "x"' $'a\nb' <<<"input that does not get in"
) &
labs=($!)

# ---- booted again: at once after what the kernel says where it hangs; without KVM ----

# The second guest gets what is typed from its beginning.
# shellcheck disable=SC2016
run again 3 --keep --append "loglevel=7 rcu: a kthread starved" --hugepages 1:1G \
	--console "$scratch/console" <<<'
	echo shell-$((6 * 7)), $(cat /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages) page
	(exit 3)' &
labs+=($!)

# KVM that does for the lab's try of it, and hangs with the real machine; or tells no end of things.
# The guest of the first takes away the folder of --share under the lab's feet.
if [ -w /dev/kvm ]; then
	stub qemu-system-x86_64 <<END
arguments=\$*
if [[ \$arguments != *"-accel kvm"* ]]; then exec $(type -P qemu-system-x86_64) "\$@"; fi
[[ \$arguments =~ id=console,path=/dev/fdset/([0-9]+) ]]
console=/dev/fd/\$((BASH_REMATCH[1] - 1000))
if [[ \$arguments == *virtio-serial* ]]; then
	echo "rcu: a kthread starved" >\$console
elif [ -n "\${PLX_LAB_CHATTY:-}" ]; then
	for ((n = 0; n < 100; n++)); do
		echo line
		sleep 0.2
	done >\$console
	echo "lab: guest is up" >\$console
else
	echo "\$arguments" >"$scratch/probe"
	echo "lab: guest is up" >\$console
fi
exec sleep 1000
END
	for name in hanging chatty; do
		new_cache "$scratch/$name" stable
		find "$cache" \( -name 'initramfs-*' -o -name 'vmlinux-*' \) -exec ln {} "$scratch/$name" \;
	done
	# Where the answer can't be kept.
	mkdir "$scratch/chatty/kvm"
	(
		prefix=(env "PLX_LAB_CACHE=$scratch/hanging")
		# shellcheck disable=SC2016
		run hanging 1 --append "loglevel=5 hugepages=2" --share "$scratch/share" -- \
			sh -c 'cd / && umount "$0" && uname' "$scratch/share"
	) &
	labs+=($!)
	(
		prefix=(env "PLX_LAB_CACHE=$scratch/chatty" PLX_LAB_CHATTY=1)
		run chatty 1 --device no-such-device -- true
	) &
	labs+=($!)
else
	echo "without /dev/kvm here: no test of KVM that hangs"
fi
for pid in "${labs[@]}"; do
	wait "$pid" || fail "one of several labs at once (see above)"
done
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
says again.err "once more"
says console "Linux version"
says again.out "shell-42, 1 page"
if [ -w /dev/kvm ]; then
	unstub qemu-system-x86_64
	says hanging.err "once more, without KVM"
	says hanging.err "the guest can't tell that all is written"
	says hanging.out Linux
	says hanging/kvm " tcg"
	says probe "-append console="
	! grep -qE 'loglevel=5|hugepages' "$scratch/probe" || fail "the try has: $(cat "$scratch/probe")"
	says chatty.err "no guest comes up with KVM here"
	says chatty.err "no-such-device"
	says chatty.err "QEMU did not start"
fi
assert_clean "to its end, and booted again"

# ---- several at once: a hang, a crash, and an ordinary user's with all ports at UIO ----

as_user=()
if [ "$(id -u)" -eq 0 ]; then as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups); fi
run hangs 124 --timeout 25 -- sleep 1000 &
hangs=$!
run crashes 124 --console "$scratch/panic" -- sh -c 'echo c >/proc/sysrq-trigger' &
labs=($!)
(
	prefix=(${as_user[@]+"${as_user[@]}"})
	run user 0 --ports 8 --no-iommu --cpus 1 --share "$scratch/share" -- \
		sh -c 'ls -d /sys/bus/pci/drivers/uio_pci_generic/0000:* | wc -l
			ls /sys/kernel/iommu_groups; echo mine >user'
) &
labs+=($!)
for pid in "${labs[@]}"; do
	wait "$pid" || fail "one of several labs at once (see above)"
done
says crashes.err "Kernel panic - not syncing: sysrq triggered crash"
says crashes.err "the guest crashed"
says panic "sysrq triggered crash"
[ "$(cat "$scratch/user.out")" = 8 ] || fail "8 ports at UIO, no IOMMU: $(cat "$scratch/user.out")"
[ "$(stat -c %u "$scratch/share/user")" -eq "$(${as_user[@]+"${as_user[@]}"} id -u)" ] ||
	fail "--share: the result is not the user's"

# ---- cut short by others: nobody reads the output, by a signal, and QEMU's by another ----

# unread NAME COMMAND: a lab that writes into stdin
unread() {
	local status=0
	"${environment[@]}" bash "$lab" run --timeout "$lab_seconds" -- sh -c "$2" || status=$?
	echo $status >"$scratch/$1.status"
}
unread yes yes 2>"$scratch/yes.err" | head -n 1 >"$scratch/yes.out" &
labs=($!)
unread no "yes no >&2" 2>&1 >"$scratch/no.out" | grep -m 1 -x no >"$scratch/no.err" &
labs+=($!)
: >"$scratch/log"
"${environment[@]}" "${long[@]}" >"$scratch/log" 2>&1 &
pid=$!
within 300 started || fail "never started: $(cat "$scratch/log")"
# Its sockets are not for another.
refused 1 "qmp is in use" run --monitor "$scratch/tmp/qmp" -- true
refused 1 "wire is in use" run --wire "0=unix:$scratch/tmp/wire" -- true
[[ -S $scratch/tmp/qmp && -S $scratch/tmp/wire ]] || fail "another lab has taken the sockets away"
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status -eq 130 ] || fail "SIGTERM: exit status $status, want 130"
for pid in "${labs[@]}"; do wait "$pid" || fail "no first line of the output"; done
for name in yes no; do
	[ "$(cat "$scratch/$name.status")" -eq 141 ] || fail "nobody reads the output of $name: exit" \
		"status $(cat "$scratch/$name.status"), want 141: $(cat "$scratch/yes.err" "$scratch/no.out")"
done
[ "$(cat "$scratch/yes.out" "$scratch/no.err")" = $'y\nno' ] ||
	fail "yes says $(cat "$scratch/yes.out"), and no $(cat "$scratch/no.err")"
wait $hangs || fail "a lab that hangs (see above)"
grep -qE 'no end after 25 s|did not come up' "$scratch/hangs.err" || fail "$(cat "$scratch/hangs.err")"
assert_clean "several at once, and cut short"

# ---- joined by a socket; with the other cables out; and where QEMU ends first ----

# Multicast of IPv6 goes out by itself where an interface comes up.
# shellcheck disable=SC2016
joined='ip address add "10.7.0.$1/24" dev "igb$2" && ip link set dev "igb$2" up
	if [ "$3" ]; then
		ip link set dev igb2 up && ip link set dev igb3 up
		until [ "$(cat /sys/class/net/igb2/statistics/tx_packets)" -gt 0 ]; do sleep 0.2; done
	fi
	until ping -q -c 1 -W 1 "10.7.0.$((3 - $1))" >/dev/null; do sleep 0.2; done
	[ -z "$3" ] || sleep 2
	cat /sys/class/net/igb*/statistics/rx_packets | tail -n 1
	# The other one is to get an answer as well.
	until awk "/^Icmp: [0-9]/ { exit \$10 == 0 }" /proc/net/snmp; do sleep 0.2; done
	sleep 1'
run first 0 --bind all=kernel --cable none --wire "0=unix:$scratch/tmp/w" -- \
	bash -c "$joined" first 1 0 alone &
labs=($!)
run second 0 --ports 2 --bind all=kernel --wire "1=unix:$scratch/tmp/w.peer" -- \
	bash -c "$joined" second 2 1 "" &
labs+=($!)
: >"$scratch/log"
"${environment[@]}" "${long[@]}" >"$scratch/log" 2>&1 &
pid=$!
within 300 started || fail "never started: $(cat "$scratch/log")"
kill -SEGV "$(pgrep -P $pid qemu-system)"
status=0
wait $pid || status=$?
[ $status -eq 124 ] || fail "QEMU ends by SIGSEGV: exit status $status, want 124"
out=$(grep -vx started "$scratch/log")
[ "$out" = "lab: error: QEMU ended with status 139 while the guest was running" ] ||
	fail "QEMU ends by SIGSEGV: $out"
for pid in "${labs[@]}"; do
	wait "$pid" || fail "one of two labs that are joined (see above)"
done
[ "$(cat "$scratch/first.out")" -eq 0 ] || fail "--cable none: igb3 receives frames of igb2"
assert_clean "joined"
