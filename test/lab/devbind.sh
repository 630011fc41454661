#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# plx-devbind on real drivers, in the lab: a port of igb goes to vfio-pci, uio_pci_generic and back
# 20 times (200 with PLX_TEST_LONG), and its interface with it; meanwhile, what is in use is refused, by
# addresses, routes, namespaces, virtual functions, processes, packet sockets and XDP programs; an
# ordinary user gets a group; a port that had vfio-pci at first gets that back. And what plx-doctor
# says of the machine as it comes, and when a port is an ordinary user's.

set -eu -o pipefail
# shellcheck source-path=SCRIPTDIR source=lab.inc
. "$(dirname "${BASH_SOURCE[0]}")/lab.inc"

if [ -z "${PLX_LAB:-}" ]; then
	need_lab stable
	timeout=$lab_seconds
	[ "${PLX_TEST_LONG:-0}" = 0 ] || timeout=3000
	exec "$lab" run --bind all=kernel --timeout $timeout \
		--env PLX_BUILD_DIR --env PLX_SOURCE_DIR --env PLX_TEST_LONG="${PLX_TEST_LONG:-0}" \
		-- bash "${BASH_SOURCE[0]}"
fi

export PATH=$PLX_BUILD_DIR/bin:$PATH
rounds=20
[ "${PLX_TEST_LONG:-0}" = 0 ] || rounds=200
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
sys=/sys/bus/pci/devices

# devbind STATUS ARGUMENT...: leaves what was printed in $out
devbind() {
	local want=$1 got=0
	shift
	out=$(plx-devbind "$@" 2>&1) || got=$?
	[ "$got" -eq "$want" ] || fail "plx-devbind $*: exit status $got, want $want: $out"
}

says() {
	[[ $out == *"$1"* ]] || fail "want '$1' in: $out"
}

# has BDF DRIVER
has() {
	local link
	link=$(readlink "$sys/0000:$1/driver") || link=none
	[ "${link##*/}" = "$2" ] || fail "$1 has driver ${link##*/}, want $2: $out"
}

# interface BDF: its name
interface() {
	local path=("$sys/0000:$1"/net/*)
	[ -e "${path[0]}" ] || fail "$1 has no interface: $out"
	echo "${path[0]##*/}"
}

# soon COMMAND...: it comes true
soon() {
	within 20 "$@" || fail "not within 20 s: $*"
}

# refused TEXT ARGUMENT...: and the driver stays
refused() {
	devbind 1 "${@:2}"
	says "$1"
	has 01:00.0 igb
}

# ---- there and back: port 3, while all else is done to the others ----

mover=04:00.0

# back MAC: igb has it again
back() {
	local port
	has $mover igb
	port=$(interface $mover)
	[ "$(cat "/sys/class/net/$port/address")" = "$1" ] || fail "$port has another address"
	says "0000:$mover: igb, interface $port"
}

# at_home COMMAND...: between two of its trips
at_home() {
	local gate
	exec {gate}>/tmp/gate
	flock $gate
	"$@"
	exec {gate}>&-
}

trip() {
	# By turns, since each call takes its time under emulation.
	if [ $((round % 2)) -eq 0 ]; then
		devbind 0 -b vfio-pci $mover
		has $mover vfio-pci
		[ -c "$group" ] || fail "round $round: no $group"
		devbind 0 --restore $mover
	else
		devbind 0 -b uio_pci_generic $mover
		has $mover uio_pci_generic
		[ -e "$sys/0000:$mover/uio" ] || fail "round $round: no uio device"
		devbind 0 -b kernel $mover
	fi
	back "$mac"
}

there_and_back() {
	local round start=$SECONDS mac group
	mac=$(cat "/sys/class/net/$(interface $mover)/address")
	[[ $mac == ??:??:??:??:??:?? ]] || fail "port 3 has the address '$mac'"
	group=$(readlink "$sys/0000:$mover/iommu_group")
	group=/dev/vfio/${group##*/}
	for ((round = 1; round <= rounds; round++)); do
		at_home trip
		[ $((round % 5)) -ne 0 ] || echo "$round times there and back in $((SECONDS - start)) s"
	done
	[ "$(cat "$sys/0000:$mover/driver_override")" = "(null)" ] || fail "an override is left behind"
}

# ---- refusals ----

port=$(interface 01:00.0)

devbind 0
for n in 1 2 3 4; do
	grep -qE "^0000:0$n:00\.0 '.*10c9' if=[^ ]+ drv=igb unused=vfio-pci,uio_pci_generic group=[0-9]+ " \
		<<<"$out" || fail "no line of port $n: $out"
done
[[ $out != *Active* ]] || fail "in use as it comes: $out"

there_and_back &
moves=$!

ip link set "$port" up
ip addr add 10.9.0.1/24 dev "$port"
refused "in use ($port: address 10.9.0.1/24): --force takes it away" -b vfio-pci 01:00.0
devbind 0 -s
says "*Active* (address 10.9.0.1/24)"
ip addr flush dev "$port" scope global
ip route add default dev "$port"
refused "in use ($port: default route)" -u "$port"
ip route del default dev "$port"
ip link set "$port" down

# A forwarder has the interface, by a packet socket and by an XDP program.
ip link set "$port" up
plx-l2fwd --no-huge --no-pci -l 0 --vdev "net_af_packet0,iface=$port" --vdev "net_af_xdp0,iface=$port" \
	-- -p 3 -q 2 -T 0 >/tmp/l2fwd 2>&1 &
forwarder=$!
within 60 grep -q "forwards to" /tmp/l2fwd || fail "plx-l2fwd: $(cat /tmp/l2fwd)"
devbind 1 -b vfio-pci 01:00.0
[[ $out =~ in\ use\ \($port:\ XDP\ program,\ id\ [0-9]+[,\;]\ packet\ socket\ of\ plx-l2fwd,\ pid\ $forwarder\): ]] ||
	fail "$port of a forwarder: $out"
kill -INT $forwarder
wait $forwarder || fail "plx-l2fwd: exit status $?: $(cat /tmp/l2fwd)"
has 01:00.0 igb
devbind 0 -s
[[ $out != *Active* ]] || fail "in use after plx-l2fwd: $out"
ip link set "$port" down

unshare --net sleep 600 &
sleeper=$!
# shellcheck disable=SC2016
soon bash -c '[ ! "/proc/$1/ns/net" -ef /proc/self/ns/net ]' - $sleeper
ip link set "$port" netns $sleeper
refused "interface in another network namespace" -b vfio-pci 01:00.0
kill $sleeper
soon test -e "/sys/class/net/$port"

echo 2 >"$sys/0000:01:00.0/sriov_numvfs"
refused "has 2 virtual functions" -b vfio-pci 01:00.0
echo 0 >"$sys/0000:01:00.0/sriov_numvfs"

refused "0000:01:00.0: not bound to e1000e: No such device; it has igb as before" -b e1000e 01:00.0
port=$(interface 01:00.0)

# ---- doctor, and a port that becomes an ordinary user's ----

# doctor STATUS COMMAND...
doctor() {
	local want=$1 got=0
	shift
	out=$("$@" plx-doctor 2>&1) || got=$?
	[ "$got" -eq "$want" ] || fail "$* plx-doctor: exit status $got, want $want: $out"
}

echo "refusals after $SECONDS s"
doctor 0
says "ok    iommu       on (dmar0)"
says "ok    hugepages   "
says "ok    vfio        "
says "warn  card        0000:01:00.0 82576, driver igb, $port: not given to a user-space driver"
says "        -> sudo plx-devbind -b vfio-pci 0000:01:00.0"

ip addr add 10.9.0.1/24 dev "$port"
devbind 0 -b vfio-pci --force --user nobody "$port"
group=$(readlink "$sys/0000:01:00.0/iommu_group")
group=/dev/vfio/${group##*/}
says "$group is nobody's"
says "nobody - memlock unlimited"
devbind 0 -b vfio-pci 02:00.0
other=$(readlink "$sys/0000:02:00.0/iommu_group")
# shellcheck disable=SC2016
can_open='exec 3<>"$1"'
"${as_nobody[@]}" bash -c "$can_open" - "$group" || fail "nobody can't open $group"
! "${as_nobody[@]}" bash -c "$can_open" - "/dev/vfio/${other##*/}" 2>/dev/null ||
	fail "nobody can open the group of port 1, which was not handed over"

doctor 1 "${as_nobody[@]}"
says "bad   memlock "
says "ok    card        0000:01:00.0 82576, driver vfio-pci, $group is open to you"
says "bad   card        0000:02:00.0 82576, driver vfio-pci: /dev/vfio/${other##*/} is not yours"
says "        -> sudo plx-devbind --user nobody 0000:02:00.0"
devbind 0 --user nobody 02:00.0
at_home doctor 0 prlimit --memlock=unlimited "${as_nobody[@]}"
says "ok    memlock     unlimited"
says "0 bad"

# A process has the group: the kernel would wait for its end, devbind does not.
sleep 600 3<>"$group" &
sleeper=$!
soon test -e /proc/$sleeper/fd/3
soon grep -qx sleep /proc/$sleeper/comm
devbind 1 --restore 01:00.0
says "in use (sleep, pid $sleeper): end that first"
kill $sleeper
wait $sleeper || true
devbind 0 --restore 01:00.0 02:00.0
[ ! -e "$group" ] || fail "$group is left behind"
devbind 0 -u 01:00.0
has 01:00.0 none
devbind 0 --restore 01:00.0
has 01:00.0 igb

# ---- vfio-pci, and by an override, from the first ----

override=$sys/0000:01:00.0/driver_override
echo vfio-pci >"$override"
echo 0000:01:00.0 >"$sys/0000:01:00.0/driver/unbind"
echo 0000:01:00.0 >/sys/bus/pci/drivers_probe
has 01:00.0 vfio-pci
devbind 0 -b igb 01:00.0
has 01:00.0 igb
[ "$(cat "$override")" = "(null)" ] || fail "the override stays: $(cat "$override")"
devbind 0 --restore 01:00.0
has 01:00.0 vfio-pci
[ "$(cat "$override")" = vfio-pci ] || fail "the override is not back: $(cat "$override")"
devbind 0 -b kernel 01:00.0
has 01:00.0 igb
[ "$(cat "$override")" = "(null)" ] || fail "the override stays: $(cat "$override")"
echo "groups and users after $SECONDS s"

# ---- what is left, and the cable still works ----

wait $moves || fail "not $rounds times there and back (see above)"
[ ! -e /run/pollux ] || fail "left behind: $(find /run/pollux)"

for n in 1 2 3 4; do
	has 0$n:00.0 igb
done
port=$(interface 01:00.0)
ip link set "$(interface 02:00.0)" up
ip link set "$port" up
soon grep -qx 1 "/sys/class/net/$port/carrier" 2>/dev/null
