# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by silicon.sh: what is done with the two ports. A step prints into the report; it returns 0, 77
# for skipped, or else it failed, and its last line says why.
# shellcheck disable=SC2154

readonly line_rate=1488095 # packets/s of 64-byte frames at 1 Gb/s
readonly pages_wanted=128  # of 2 MB: two processes of 64 MB each, and the suite
readonly far_ip=198.18.0.2

plan_of_steps() {
	local name
	for name in ${steps//,/ }; do
		case $name in
		machine) echo "  machine      versions, kernel, IOMMU, CPUs, doctor; changes nothing" ;;
		cable)
			echo "  cable        $first to vfio-pci and Pollux, $second to the kernel's igb: link at 1000 full,"
			echo "               ping of each size of frame across it ($near_ip, for that time, on $second)"
			;;
		conform) echo "  conform      the conformance suite of ports on $first, with $second of the kernel as its partner" ;;
		throughput)
			echo "  throughput   both to vfio-pci; $first sends 64-byte frames on CPU ${cpus%,*}, $second sends them"
			echo "               back on CPU ${cpus#*,}; then both forward to each other; $seconds s each"
			;;
		dumps) echo "  dumps        registers, NVM and rings of both, by plx-igb" ;;
		esac
	done
}

# cpus_of LIST: 0-2,5 as 0 1 2 5
cpus_of() {
	local item
	for item in ${1//,/ }; do
		seq "${item%-*}" "${item#*-}"
	done
}

# last_cpus: the last two that are isolated, or else that this process may use
last_cpus() {
	local isolated='' mine all=()
	read -r isolated 2>/dev/null </sys/devices/system/cpu/isolated
	mine=$(taskset -cp $$ 2>/dev/null)
	mapfile -t all < <(cpus_of "$isolated")
	[ ${#all[@]} -ge 2 ] || mapfile -t all < <(cpus_of "${mine##*: }")
	if [ ${#all[@]} -ge 2 ]; then printf '%s,%s\n' "${all[-2]}" "${all[-1]}"; fi
}

check_tools() {
	local tool free=0
	for tool in plx-l2fwd plx-igb plx-perf-forward; do
		[ -x "$build/bin/$tool" ] ||
			fail 1 "$build/bin/$tool is not there: cmake --preset release && cmake --build build; or --build DIR"
	done
	[ -x "$build/test/plx-conform" ] || fail 1 "$build/test/plx-conform is not there: build the tests too"
	for tool in ip ping setpriv unshare timeout; do
		type -P $tool >/dev/null || fail 1 "$tool is missing: scripts/setup.sh"
	done
	read -r free 2>/dev/null </sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages
	[ "$free" -ge $pages_wanted ] ||
		fail 1 "$free free hugepages of 2 MB, want $pages_wanted: scripts/setup.sh --hugepages 256"
	! ip -4 route show | grep -q '198\.18\.' || fail 1 "this machine has routes to 198.18.x.x, which the cable test uses"
}

version() {
	local commit
	commit=$(git -c safe.directory='*' -C "$here" rev-parse --short HEAD 2>/dev/null)
	printf '%s%s\n' "$("$build/bin/plx-l2fwd" --version 2>&1 | head -n 1)" "${commit:+, commit $commit}"
}

# ---- processes ----

# start LOG COMMAND...: in the background, into $started; it dies with this shell
start() {
	local log=$1
	shift
	setpriv --pdeathsig KILL -- "$@" >"$log" 2>&1 &
	started=$!
}

# stop PID: by SIGTERM; waits for its totals; its status
stop() {
	local tries
	kill -TERM "$1" 2>/dev/null
	for ((tries = 100; tries > 0; tries--)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null
	wait "$1"
}

# run_step NAME: a signal ends it once what it waits for is done, plx-devbind say; what it has started
# dies with it
run_step() {
	trap 'exit 143' TERM
	"step_$1"
}

# has_lines FILE N: as many of plx-perf-forward's, one a second
has_lines() {
	[ "$(grep -cE '^[0-9]+ [0-9]+$' "$1" 2>/dev/null)" -ge "$2" ]
}

# ---- machine ----

shown() {
	printf '$ %s\n' "$*"
	timeout 60 "$@" 2>&1
	echo
}

step_machine() {
	local bdf
	version
	shown uname -srvm
	shown cat /proc/cmdline
	shown grep -m 1 'model name' /proc/cpuinfo
	shown cat /sys/devices/system/cpu/online /sys/devices/system/cpu/isolated
	shown cat /sys/devices/system/clocksource/clocksource0/current_clocksource
	shown grep -i huge /proc/meminfo
	for bdf in "${ports[@]}"; do
		if type -P lspci >/dev/null; then shown lspci -vvv -s "$bdf"; fi
		echo "$bdf: group $(group_of "$bdf"), node $(attribute "$bdf" numa_node), had ${had[$bdf]:-no driver}"
	done
	# It may find fault: that is worth knowing, and no failure.
	shown "$BASH" "$here/check-system.sh" || true
}

# ---- cable ----

sizes() {
	local step=1
	[ "$is_quick" -eq 0 ] || step=97
	seq 18 $step 1471
	echo 1472
}

has_carrier() {
	[ "$(cat "/sys/class/net/$1/carrier" 2>/dev/null)" = 1 ]
}

step_cable() {
	local interface status speed duplex
	[ -e /dev/net/tun ] || modprobe -q tun
	give "$first" vfio-pci && to_kernel "$second" || return 1
	ip address add "$near_ip/24" dev "$interface" && ip link set "$interface" up || return 1
	start "$scratch/far" unshare --net "$BASH" "$here/lib/silicon_far.sh" "$build" "${cpus%,*}" "$first" \
		$far_ip "$near_ip" "$scratch/far_is_up" "$(sizes | tr '\n' ' ')"
	within 60 test -e "$scratch/far_is_up" || true
	has_carrier "$interface" || echo "no carrier at $interface"
	speed=$(cat "/sys/class/net/$interface/speed" 2>/dev/null)
	duplex=$(cat "/sys/class/net/$interface/duplex" 2>/dev/null)
	wait "$started"
	status=$?
	cat "$scratch/far"
	ip -s link show "$interface"
	ip address flush dev "$interface"
	ip link set "$interface" down
	echo "$interface, of the kernel: $speed Mb/s, $duplex duplex"
	if [ "$speed" != 1000 ] || [ "$duplex" != full ]; then
		echo "the link is not 1000 full: is $first joined to $second by a cable of four pairs?"
		return 1
	fi
	[ $status -eq 0 ] || grep -h 'far: ' "$scratch/far" | tail -n 1
	return $status
}

# ---- conformance ----

step_conform() {
	local variant=igb_card part=() interface status
	"$build/test/plx-conform" 2>&1 | grep -q "^  $variant" ||
		{ echo "skipped: this plx-conform has no $variant" && return 77; }
	[ -z "${PLX_LAB:-}" ] || variant=igb_vfio
	[ "$is_quick" -eq 0 ] || part=(--part 1/8)
	give "$first" vfio-pci && to_kernel "$second" || return 1
	ip link set "$interface" up
	start "$scratch/suite" timeout 1800 setpriv --pdeathsig KILL -- "$build/test/plx-conform" \
		--device "$first" --partner "$interface" "${part[@]}" $variant
	wait "$started"
	status=$?
	plug "$first"
	cat "$scratch/suite"
	return $status
}

# ---- throughput ----

# rate FILE: of lines "ns packets", but the first two and the last
rate() {
	awk 'NF == 2 && $1 ~ /^[0-9]+$/ { ns[++n] = $1; p[n] = $2 }
		END { if (n >= 4) printf "%d\n", (p[n - 1] - p[2]) * 1e9 / (ns[n - 1] - ns[2]) }' "$1"
}

told() {
	local what=$1 rate=$2 lab=''
	[ -z "${PLX_LAB:-}" ] || lab=" (emulated: no wire rate)"
	awk -v what="$what" -v rate="$rate" -v line=$line_rate -v lab="$lab" 'BEGIN {
		printf "%-28s %9d packets/s, %5.1f %% of line rate, 64-byte frames%s\n", what, rate, rate * 100 / line, lab }'
}

step_throughput() {
	local sent received l2fwd sender
	give "$first" vfio-pci && give "$second" vfio-pci || return 1
	start "$scratch/l2fwd" "$build/bin/plx-l2fwd" -l "${cpus#*,}" -m 64 -a "$second" -- -p 1 -P -T 0
	l2fwd=$started
	start "$scratch/sender" "$build/bin/plx-perf-forward" -l "${cpus%,*}" -m 64 -a "$first" -- --txonly
	sender=$started
	within $((seconds + 60)) has_lines "$scratch/sender" $((seconds + 3)) || true
	# While it runs: registers and rings as they are under load.
	for bdf in "${ports[@]}"; do
		"$build/bin/plx-igb" status "$bdf"
		"$build/bin/plx-igb" rings "$bdf" | head -n 40
	done >"$scratch/under_load" 2>&1
	stop "$sender"
	stop "$l2fwd" || { cat "$scratch/l2fwd" && echo "plx-l2fwd failed" && return 1; }
	cat "$scratch/sender" "$scratch/l2fwd" "$scratch/under_load"
	sent=$(rate "$scratch/sender")
	received=$(sed -n 's/^port 0: \([0-9]*\) packets received, .*/\1/p' "$scratch/l2fwd" | tail -n 1)
	if [ -z "$sent" ] || [ "${received:-0}" -eq 0 ]; then
		echo "no packets came from $first to $second (sent ${sent:-none}/s, received ${received:-none})"
		return 1
	fi
	both_forward || return 1
	told "one port sends" "$sent"
	told "both forward, a port" "$(($(rate "$scratch/forward") / 2))"
	sed -n 's/^port 0: \(.* packets received.*\)/the forwarder: \1/p' "$scratch/l2fwd" | tail -n 1
	echo "latency: left out, there is no program for it in this version"
}

# 32 packets of each port go round for ever.
both_forward() {
	start "$scratch/forward" "$build/bin/plx-perf-forward" -l "${cpus%,*}" -m 64 -a "$first" -a "$second" -- --seed 32
	within $((seconds + 60)) has_lines "$scratch/forward" $((seconds + 3)) || true
	stop "$started"
	cat "$scratch/forward"
	[ -n "$(rate "$scratch/forward")" ] || { echo "the two ports do not forward to each other" && return 1; }
}

# ---- dumps ----

step_dumps() {
	local bdf status=0
	give "$first" vfio-pci && give "$second" vfio-pci || return 1
	for bdf in "${ports[@]}"; do
		shown "$build/bin/plx-igb" regs "$bdf" || status=1
		shown "$build/bin/plx-igb" nvm "$bdf" || status=1
	done
	[ $status -eq 0 ] || echo "plx-igb does not reach a card"
	return $status
}
