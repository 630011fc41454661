# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by plx-doctor: the lines on CPUs and what interrupts them.
# shellcheck disable=SC2154

# kept: the CPUs for lcores; home: one for all else
kept='' home=0

check_isolation() {
	local isolated tickless online cpus most cpu params dir=/sys/devices/system/cpu
	isolated=$(first $dir/isolated)
	tickless=$(first $dir/nohz_full)
	online=$(first $dir/online)
	kept=${want_cpus:-$isolated}
	cpus=$(cpus_of "$online")
	most=${cpus##* }
	if [ "${most:-0}" -eq 0 ]; then
		line warn isolation "one CPU: lcores share it with everything else"
		return
	elif is_part_of "$online" "$kept"; then
		line warn isolation "lcores on all CPUs ($online): one has to be left for everything else"
		kept=
		return
	fi
	for cpu in $cpus; do
		[[ " $(cpus_of "$kept") " == *" $cpu "* ]] || break
	done
	home=$cpu
	if [ "$most" -eq 1 ]; then cpus=1; else cpus=1-$most; fi
	cpus=${kept:-$cpus}
	params="isolcpus=managed_irq,domain,$cpus"
	[ ! -e "$root$dir/nohz_full" ] || params+=" nohz_full=$cpus rcu_nocbs=$cpus"
	params+=" irqaffinity=$home"
	if [ -z "$isolated" ]; then
		line warn isolation "no CPU is kept from other work (CPUs $online)" \
			"$params"
	elif ! is_part_of "$kept" "$isolated"; then
		line warn isolation "CPUs $isolated are isolated, and not all of $kept" \
			"$params"
	elif [ ! -e "$root$dir/nohz_full" ]; then
		line warn isolation "CPUs $isolated are isolated, and this kernel can't stop their timer tick" \
			"a kernel with CONFIG_NO_HZ_FULL"
	elif ! is_part_of "$kept" "${tickless/(null)/}"; then
		line warn isolation "CPUs $isolated are isolated, and not free of the timer tick" \
			"nohz_full=$kept rcu_nocbs=$kept"
	else
		line ok isolation "CPUs $isolated are isolated, without a timer tick"
	fi
}

# is_part_of LIST LIST: are the first's CPUs all in the second?
is_part_of() {
	local cpu all
	all=" $(cpus_of "$2") "
	for cpu in $(cpus_of "$1"); do
		[[ $all == *" $cpu "* ]] || return 1
	done
}

# meets LIST " CPU CPU ": is one of the list's CPUs among them?
meets() {
	local cpu
	for cpu in $(cpus_of "$1"); do
		[[ $2 != *" $cpu "* ]] || return 0
	done
	return 1
}

# Interrupts that have a handler; the kernel moves those of others when they get one.
check_irqs() {
	local path handlers list hits='' nb=0 all
	if [ -z "$kept" ]; then
		line ok irqs "no CPUs are kept for lcores (see isolation): nothing to keep them from"
		return
	elif [ ! -d "$root/proc/irq" ]; then
		line warn irqs "where interrupts go is not to be seen here"
		return
	fi
	all=" $(cpus_of "$kept") "
	for path in "$root"/proc/irq/[0-9]*; do
		handlers=("$path"/*/)
		[ -d "${handlers[0]}" ] || continue
		list=$(first "${path#"$root"}/effective_affinity_list")
		[ -n "$list" ] || list=$(first "${path#"$root"}/smp_affinity_list")
		if [[ $list =~ ^[0-9,-]+$ ]] && meets "$list" "$all"; then
			nb=$((nb + 1))
			[ $nb -gt 8 ] || hits+="${hits:+ }${path##*/}"
		fi
	done
	if [ $nb -eq 0 ]; then
		line ok irqs "none goes to CPUs $kept"
		return
	fi
	[ $nb -le 8 ] || hits+=" ..."
	line warn irqs "$nb may come to CPUs $kept: $hits" \
		"for i in /proc/irq/*/smp_affinity_list; do echo $home | sudo tee \$i; done" \
		"or irqaffinity=$home from the boot on"
}

check_irqbalance() {
	local pid mend config=/etc/default/irqbalance
	pid=$(grep -lsx irqbalance "$root"/proc/[0-9]*/comm | head -n 1)
	pid=${pid%/comm} pid=${pid##*/}
	mend=("sudo systemctl disable --now irqbalance")
	# Without systemd it depends on the machine what would start it again.
	[ -d "$root/run/systemd/system" ] ||
		mend=("sudo kill $pid, and take it from what starts it (systemd does not run here)")
	[ ! -e "$root/etc/sysconfig/irqbalance" ] || config=/etc/sysconfig/irqbalance
	if [ -z "$pid" ] && in_container; then
		line warn irqbalance "a container does not show whether its host runs it" \
			"on the host: pgrep irqbalance"
	elif [ -z "$pid" ]; then
		line ok irqbalance "not running"
	elif [ -n "$kept" ] && is_part_of "$kept" "$(first /sys/devices/system/cpu/isolated)"; then
		line ok irqbalance "running, and leaves isolated CPUs alone"
	else
		line warn irqbalance "running (pid $pid): it may move interrupts to the CPUs of lcores" \
			"${mend[@]}" "or IRQBALANCE_BANNED_CPULIST=${kept:-LIST} in $config, and start it anew"
	fi
}

check_governor() {
	local path name cpu list='' seen=0
	for path in "$root"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
		[ -e "$path" ] || continue
		seen=1
		name=$(first "${path#"$root"}")
		cpu=${path%/cpufreq/*}
		[ "$name" = performance ] || list+="${list:+, }${cpu##*/} $name"
	done
	if [ $seen -eq 0 ]; then
		line ok governor "the kernel does not choose the clock of the CPUs"
	elif [ -z "$list" ]; then
		line ok governor "performance"
	else
		[ ${#list} -le 70 ] || list="${list:0:66} ..."
		line warn governor "$list: the clock follows the load, late" \
			"echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor" \
			"or cpufreq.default_governor=performance from the boot on"
	fi
}

check_realtime() {
	local runtime period text
	runtime=$(first /proc/sys/kernel/sched_rt_runtime_us)
	period=$(first /proc/sys/kernel/sched_rt_period_us)
	if [[ ! $runtime =~ ^-?[0-9]+$ ]] || [[ ! $period =~ ^[1-9][0-9]*$ ]]; then
		line warn realtime "whether the kernel throttles real-time threads is not to be seen here"
	elif [ "$runtime" -lt 0 ] || [ "$runtime" -ge "$period" ]; then
		line ok realtime "not throttled"
	else
		text="$(((period - runtime) / 1000)) ms in each $((period / 1000)) ms"
		line warn realtime "lcores under --rt-prio are stopped for $text" \
			"sudo sysctl kernel.sched_rt_runtime_us=-1"
	fi
}

# A page for CPUs that are not there would advise what does not boot as meant.
refuse_offline() {
	local online cpu cpus
	online=$(first /sys/devices/system/cpu/online)
	cpus=$(cpus_of "$want_cpus")
	[ -n "$cpus" ] || fail 2 "--cpus $want_cpus: want a list of CPUs, say 2-3,5"
	[ -n "$online" ] || return 0
	for cpu in $cpus; do
		is_part_of "$cpu" "$online" ||
			fail 2 "--cpus $want_cpus: CPU $cpu is not online; online: $online"
	done
}
