#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-igb on the lab's igb: beside Linux's igb it says what ethtool says, beside a running plx-l2fwd
# it finds the rings and what lies in them, over VFIO and over UIO, and changes nothing; after
# kill -9 it shows what was left. Each part tells its seconds.
# shellcheck source-path=SCRIPTDIR source=bus.inc

set -u
. "$(dirname "$0")/bus.inc"
# Ports 0 and 1 are the kernel's, 2 and 3 Pollux's. By default the kernel keeps the registers of its
# drivers to itself.
[ -n "${PLX_LAB:-}" ] || boot --bind '0,1=kernel;2=vfio;3=uio' --cable 0:2,1:3 --hugepages 64 \
	--append iomem=relaxed --timeout 280

tool=$build/bin/plx-igb
nic0=0000:01:00.0
out=/tmp/out

# shows WHAT PATTERN ARGUMENT...: the tool does it, and prints such a line
shows() {
	local what=$1 pattern=$2
	shift 2
	timeout 30 "$tool" "$@" >$out 2>/tmp/err || bad "$what: status $?: $(cat /tmp/err)"
	grep -qE -- "$pattern" $out || bad "$what: no '$pattern' in: $(head -n 30 $out)"
}

# part TEXT: that is done; the seconds since the last one, and all
part_start=0
part() {
	printf '%3d s, %3d s in all: %s\n' $((SECONDS - part_start)) $SECONDS "$*"
	part_start=$SECONDS
}

# register NAME: of the last output of plx-igb regs
register() {
	awk -v name="$1" '$2 == name { print $3 }' $out
}

# ---- beside the kernel's driver ----

ip link set igb0 up
ip link set igb1 up

# ethtool's "0x00008: STATUS (Device status register)              0x80080483"
ethtool -d igb0 >/tmp/ethtool.all
sed -n 's/^0x[0-9a-fA-F]*: \([A-Z0-9_]*\) .*0x\([0-9A-Fa-f]*\) *$/\1 \L\2/p' /tmp/ethtool.all \
	>/tmp/ethtool
shows "regs beside igb" '^00008  STATUS  ' regs $nic0
for name in CTRL STATUS CTRL_EXT RCTL TCTL; do
	want=$(awk -v name=$name '$1 == name { print tolower($2) }' /tmp/ethtool)
	[ -z "$want" ] || [ "$(register $name)" = "$want" ] ||
		bad "regs: $name is $(register $name), ethtool says $want"
done
[ "$(grep -cE '^(CTRL|STATUS|RCTL|TCTL) ' /tmp/ethtool)" -ge 3 ] ||
	bad "ethtool -d: $(cat /tmp/ethtool.all)"
for name in RAL0 RDBAL0 TDLEN0; do
	[ "$(register $name)" != 00000000 ] || bad "regs: $name is 0 while igb runs"
done
! grep -qE ' (ICR|EICR|SWSM) ' $out || bad "regs: shows what reading changes"
shows "regs --clear" ' SWSM  0000000[02]$' regs --clear $nic0
shows "regs --clear gives SWSM back" ' SWSM  0000000[02]$' regs --clear $nic0

# Two bytes a word, little-endian, words 0 to 3fh.
ethtool -e igb0 length 128 | sed -n 's/^0x[0-9a-f]*:[[:space:]]*//p' | tr -d '\n' |
	sed 's/\([0-9a-f]*\) \([0-9a-f]*\) /\2\1 /g' | xargs -n 8 >/tmp/ethtool
shows "nvm beside igb" "^# address of port 0: $(cat /sys/class/net/igb0/address)" nvm $nic0
grep -v '^#' $out | head -n 8 | diff - /tmp/ethtool >/tmp/diff ||
	bad "nvm: plx-igb (<) and ethtool -e (>) differ: $(cat /tmp/diff)"
shows "nvm" '^# sum of section 0: good' nvm $nic0
shows "rings beside igb" "left out: they are in the kernel's memory" rings --queue 0 $nic0
shows "status beside igb" '^used by     igb0 is up' status $nic0
grep -q '^driver      igb, ' $out || bad "status: no driver in: $(cat $out)"
want=$(cat /sys/class/net/igb0/address)
grep -qx "address     $want" $out || bad "status: no address $want in: $(cat $out)"
grep -qE '^PHY         82576, id 02a8039., control 1' $out || bad "status: no PHY in: $(cat $out)"
ip link show igb0 | grep -q 'state UP' || bad "igb0 is down after plx-igb"
part "beside the kernel's driver"

# ---- nobody there ----

timeout 30 "$tool" status 03:00.0 >$out 2>/tmp/err || bad "idle VFIO: $(cat /tmp/err)"
[ "$(grep -c . /tmp/err)" -eq 1 ] || bad "idle VFIO: stderr has: $(cat /tmp/err)"
grep -q 'VFIO resets a card that is opened' /tmp/err || bad "idle VFIO: stderr has: $(cat /tmp/err)"
grep -q '^used by     nobody' $out || bad "idle VFIO: $(cat $out)"
shows "idle VFIO" '# no queue is on|never set up|nobody drives' rings 03:00.0
part "nobody there"

# ---- beside plx-l2fwd ----

# forwards ADDRESS INTERFACE OPTION...: plx-l2fwd from the card and back to it, fed by an interface
forwards() {
	local nic=$1 peer=$2 i
	shift 2
	"$build/bin/plx-l2fwd" "${eal[@]}" -a "$nic" --vdev net_null0,no-rx=1 "$@" -- -p 3 -q 2 -T 0 \
		>/tmp/l2fwd 2>&1 &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		if grep -q '^port 0: .*link up' /tmp/l2fwd || ! kill -0 $pid 2>/dev/null; then break; fi
		sleep 0.1
	done
	grep -q '^port 0: .*link up' /tmp/l2fwd || bad "plx-l2fwd: $(cat /tmp/l2fwd)"
	# Ten frames of 1000 bytes, each to everybody.
	ping -c 10 -i 0.01 -W 1 -s 958 -b -I "$peer" 10.9.8.255 >/dev/null 2>&1
	sleep 0.2
}

ring_shows() {
	local what=$1 nic=$2 nb
	shows "$what: rings" '^rx queue 0: on, 512 descriptors' rings --dir rx "$nic"
	nb=$(grep -c 'written back: 1000 bytes, DD EOP' $out)
	[ "$nb" -ge 10 ] || bad "$what: $nb frames of 1000 bytes in the ring: $(head -n 20 $out)"
	nb=$(grep -cE '^.. \*.*buffer 0x[0-9a-f]+$' $out)
	[ "$nb" -ge 400 ] || bad "$what: $nb buffers are the card's"
	[ "$(grep -c '^[H ][T ] [* ] *[0-9]' $out)" -eq 512 ] || bad "$what: not 512 lines"
	shows "$what: tx" '^tx queue 0: on, 512 descriptors' rings --dir tx "$nic"
	! grep -q '^rx' $out || bad "$what: --dir tx shows rx"
	shows "$what: one that is off" '^rx queue 3: off' rings --queue 3 --dir rx "$nic"
	shows "$what: status" '^used by     process [0-9]+ \(plx-l2fwd\)' status "$nic"
	grep -q '^link        up, 1000 Mb/s, full duplex' $out || bad "$what: status: $(cat $out)"
	grep -q '^PHY         82576, id ' $out || bad "$what: status: $(cat $out)"
	shows "$what: nvm" '^# sum of section 0: good' nvm "$nic"
}

ip address add 10.9.8.1/24 dev igb0
ip address add 10.9.8.1/24 dev igb1
forwards 03:00.0 igb0 --no-huge
ring_shows vfio 03:00.0
before=$(grep -c . /tmp/l2fwd)
kill -TERM $pid
wait $pid || bad "plx-l2fwd under plx-igb: status $?"
[ "$before" -eq 2 ] || bad "plx-l2fwd said something beside plx-igb: $(cat /tmp/l2fwd)"

part "beside plx-l2fwd over VFIO"

forwards 04:00.0 igb1 --allow-unsafe-dma --huge-dir /dev/hugepages -m 32
ring_shows uio 04:00.0
kill -KILL $pid
wait $pid 2>/dev/null
# Over UIO nobody resets it: what one wants to see.
shows "uio, after kill -9" '^# descriptors left out: nobody drives the card' \
	rings --queue 0 --dir rx 04:00.0
grep -q '^rx queue 0: on, 512' $out || bad "uio, after kill -9: $(cat $out)"
shows "uio, after kill -9" '^receiver    on, .* driver loaded' status 04:00.0
part "beside plx-l2fwd over UIO, and after kill -9"

# ---- LEDs ----

shows "led" '' regs 04:00.0
before=$(register LEDCTL)
"$tool" led --seconds 60 04:00.0 blink &
pid=$!
sleep 1
shows "led blinks" 'LEDCTL  ' regs 04:00.0
[ "$(register LEDCTL)" = "$(printf '%08x' $((0x$before & ~0x8f8f8f8f | 0x8e8e8e8e)))" ] ||
	bad "led: LEDCTL is $(register LEDCTL)"
kill -TERM $pid
wait $pid || bad "led: status $?"
shows "led is as before" "LEDCTL  $before" regs 04:00.0
part "LEDs"
finish
