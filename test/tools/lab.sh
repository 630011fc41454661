#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab before it boots: wrong options, what is missing or in use, each told in one line; and the
# initramfs, which is whole or not there.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR/../lab source=lab.inc
. "$PLX_SOURCE_DIR/test/lab/lab.inc"
need_python
own_labs stable backports

# ---- wrong usage ----

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
refused 2 "--device: want a value" run --device "" -- true
refused 2 "--set hotplug=off: want DEVICE.PROPERTY=VALUE" run --set hotplug=off -- true
refused 1 "has no kernel 1.2, only stable" run --kernel 1.2 -- true

# Words that the shell itself could take for something else.
mkdir "$scratch/words"
cd "$scratch/words"
touch 0 0:1
refused 2 "--bind: *: want ports" run --bind '*=uio' -- true
refused 2 "--cable *: want PORT:PORT" run --cable '*' -- true
export OLDPWD=/tmp
refused 2 "--share -: no such folder" run --share - -- true
export CDPATH=$PLX_SOURCE_DIR
refused 2 "--share scripts: no such folder" run --share scripts -- true
out=$(cd "$PLX_SOURCE_DIR" >/dev/null && "${environment[@]}" bash scripts/lab.sh --help 2>&1) || true
[[ $out = usage:* ]] || fail "with CDPATH: $out"
unset CDPATH

# Folders that the guest has of its own.
for folder in /dev /dev/shm /proc/self /sys /run /var/run; do
	[ -d "$folder" ] || continue
	refused 2 "the lab, which has its own" run --share "$folder" -- true
	cd "$folder"
	refused 2 "the current folder: /" run -- true
done
ln -s /dev/shm "$scratch/shm"
refused 2 "the lab, which has its own" run --share "$scratch/shm" -- true
cd "$scratch/words"

# ---- sockets of others ----

listens() {
	# shellcheck disable=SC2016
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX, int(sys.argv[1]))
s.bind(sys.argv[2])
time.sleep(float(sys.argv[3]))' "$@"
}

refused 1 "is there and no socket" run --monitor "$lab" -- true
refused 2 "is given twice" run --monitor "$scratch/tmp/a" --gdb "$scratch/tmp/../tmp/a" -- true
refused 2 "is given twice" run --wire "0=unix:$scratch/tmp/a" --wire "1=unix:$scratch/tmp/a" -- true
listens 1 "$scratch/tmp/stream" 100 &
listeners=($!)
listens 2 "$scratch/tmp/packets" 100 &
listeners+=($!)
trap 'kill "${listeners[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT
is_socket() {
	[ -S "$scratch/tmp/$1" ]
}
for name in stream packets; do within 20 is_socket $name || fail "no socket $name"; done
refused 1 "stream is in use" run --monitor "$scratch/tmp/stream" -- true
refused 1 "stream is in use" run --gdb "$scratch/tmp/../tmp/stream" -- true
refused 1 "packets is in use" run --wire "1=unix:$scratch/tmp/packets" -- true
for name in stream packets; do is_socket $name || fail "$name of another program is gone"; done
kill "${listeners[@]}"
wait "${listeners[@]}" || true
trap 'rm -rf "$scratch"' EXIT

# What was there before, and QEMU has not taken the place of, stays.
listens 1 "$scratch/tmp/old" 0
# A QEMU that ends as it starts: so the lab goes as far as that.
stub qemu-system-x86_64 <<'END'
if [ "$1" = --version ]; then echo "QEMU emulator version 10.0.2"; else exit 1; fi
END
run_to_qemu=(run --accel tcg)
refused 1 "QEMU did not start" "${run_to_qemu[@]}" --monitor "$scratch/tmp/old" -- true
is_socket old || fail "a socket of before is gone"

# ---- what is missing ----

environment+=("PLX_LAB_CACHE=$scratch/tmp")
refused 1 "has no kernel stable: run scripts/setup.sh --lab" run -- true
environment+=("PLX_LAB_CACHE=$cache")
mkdir "$scratch/bin"
for program in bash dirname sed; do ln -s "$(type -P $program)" "$scratch/bin"; done
environment+=("PATH=$scratch/bin")
refused 1 "qemu-system-x86_64 is missing: run scripts/setup.sh --lab" run -- true
environment+=("PATH=$scratch/stubs:$PATH")
ln -s "$(type -P cat)" "$scratch/stubs/busybox"
refused 1 "busybox is not static" run -- true
unstub busybox

# ---- the initramfs: whole, or not there ----

rm -f "$cache"/initramfs*
modprobe=$(PATH=$PATH:/usr/sbin:/sbin type -P modprobe)

# makes_none WHY [OPTION...]
makes_none() {
	local out status=0
	out=$("${environment[@]}" bash "$lab" "${run_to_qemu[@]}" "${@:2}" -- true 2>&1) || status=$?
	[ $status -eq 1 ] || fail "$1: exit status $status, want 1: $out"
	[[ $out == *"can't make the initramfs in $cache"* ]] || fail "$1: $out"
	out=$(find "$cache" -name 'initramfs*' ! -name initramfs.lock)
	[ -z "$out" ] || fail "$1: an initramfs is kept: $out"
}

# Each has told half of what it should when it fails.
grep -q '\.xz:' "$(lab_kernel backports)"/lib/modules/*/modules.dep ||
	fail "the modules of the kernel of backports are not compressed"
stub xz <<END
$(type -P xz) "\$@" | head -c 1000
exit 1
END
makes_none "xz fails" --kernel backports
unstub xz
stub modprobe <<END
$modprobe "\$@" | head -n 1
exit 1
END
makes_none "modprobe fails"
unstub modprobe
stub modprobe <<END
echo "insmod $scratch/nothing.ko"
END
makes_none "a module is not there"
unstub modprobe
stub head <<END
if [ "\$1" = -c ]; then set -- -c \$((\$2 > 1 ? \$2 - 1 : \$2)) "\${@:3}"; fi
exec $(type -P head) "\$@"
END
makes_none "the archive is spoilt"
unstub head
(
	ulimit -f 1024
	makes_none "no space"
) 2>/dev/null

# Leftovers of who was killed go; a umask is not the reader's trouble.
release=$(readlink "$cache/stable")
old=$cache/initramfs-${release#linux-}-0123456789abcdef
: >"$old.part"
: >"$old"
(
	umask 077
	refused 1 "QEMU did not start" "${run_to_qemu[@]}" -- true
)
made=("$cache"/initramfs-*)
[[ ${#made[@]} -eq 1 && ${made[0]} != "$old" ]] || fail "the initramfs, and no other: ${made[*]}"
[ "$(stat -c %a "${made[0]}")" = 644 ] || fail "${made[0]} can't be read by all: $(ls -l "${made[0]}")"
(
	umask 077
	lab_make_cache "$scratch/new/cache"
)
[ "$(stat -c %a "$scratch/new" "$scratch/new/cache")" = $'755\n755' ] ||
	fail "a cache can't be read by all: $(ls -ld "$scratch/new" "$scratch/new/cache")"

# ---- the kernel: unpacked and kept, or the package's own ----

# boots KERNEL: the file that QEMU is given
boots() {
	: >"$scratch/kernel"
	refused 1 "QEMU did not start" "${run_to_qemu[@]}" --kernel "$1" -- true
	cat "$scratch/kernel"
}
stub qemu-system-x86_64 <<END
if [ "\$1" = --version ]; then echo "QEMU emulator version 10.0.2"; exit; fi
while [ \$# -gt 1 ]; do
	if [ "\$1" = -kernel ]; then readlink "\$2" >"$scratch/kernel"; fi
	shift
done
exit 1
END
# The tools that the two kernels of Debian 12 are packed by.
for packed in stable:xz backports:zstd; do
	name=${packed%:*}
	type -P "${packed#*:}" >/dev/null || {
		echo "${packed#*:} is missing: the kernel $name is not unpacked here"
		continue
	}
	kernel=$(lab_kernel "$name")
	release=${kernel##*/linux-}
	own=$kernel/boot/vmlinuz-$release
	for half in "{ head -c 100000; cat >/dev/null; }" false; do
		rm -f "$cache/vmlinux-$release"-*
		stub "${packed#*:}" <<END
case \$* in
*.ko*) exec $(type -P "${packed#*:}") "\$@" ;;
esac
$(type -P "${packed#*:}") "\$@" | $half
END
		image=$(boots "$name")
		[ "$image" = "$own" ] || fail "$name, unpacked by half: QEMU has $image, want $own"
		[ -z "$(find "$cache" -name "vmlinux-$release*")" ] || fail "$name, unpacked by half, is kept"
		unstub "${packed#*:}"
	done
	old=$cache/vmlinux-$release-0123456789abcdef
	: >"$old.part"
	: >"$old"
	image=$(umask 077 && boots "$name")
	made=("$cache/vmlinux-$release"-*)
	[[ ${#made[@]} -eq 1 && ${made[0]} = "$image" ]] || fail "QEMU has $image, kept is: ${made[*]}"
	[ "$(stat -c %a "$image")" = 644 ] || fail "$image can't be read by all"
	[[ $(strings -n 20 "$image" | grep -m 1 '^Linux version') == "Linux version $release "* ]] ||
		fail "$image is not Linux $release"
done
