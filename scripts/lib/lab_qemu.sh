# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The machine of the lab: qemu[], its command line, and the settings that the guest reads.
# shellcheck disable=SC2154

qemu=()

# comma TEXT: as a value in one of QEMU's lists
comma() {
	printf '%s' "${1//,/,,}"
}

# quote TEXT...: as words for the guest's shell
quote() {
	local word between=
	for word; do
		printf "%s'%s'" "$between" "${word//\'/\'\\\'\'}"
		between=' '
	done
}

qemu_machine() {
	local accel=$1
	qemu+=(-nodefaults -no-user-config -no-reboot -display none -vga none -nic none
		-cpu max -smp "$2" -m "${3}M")
	if [ "$accel" = kvm ]; then
		qemu+=(-machine "q35,kernel-irqchip=split" -accel kvm)
	else
		qemu+=(-machine q35 -accel "tcg,thread=multi")
	fi
}

# For any guest: a crash ends it at once, and is told on the console.
readonly guest_arguments="console=ttyS0 quiet loglevel=4 panic=-1 oops=panic nokaslr mitigations=off\
 no_timer_check random.trust_cpu=on cryptomgr.notests rcupdate.rcu_expedited=1 init_on_alloc=0"

# The emulated TSC is the host's and in step on all CPUs, which the guest can't tell by itself. Without
# it each look at the time goes to an emulated device.
reliable_tsc() {
	if [ "$accel" = tcg ] && grep -qsE '^flags.* constant_tsc .*nonstop_tsc ' /proc/cpuinfo; then
		printf ' tsc=reliable'
	fi
}

kernel_arguments() {
	local arguments
	arguments=$guest_arguments$(reliable_tsc)
	if [ -n "$opt_iommu" ]; then arguments+=" intel_iommu=on iommu=pt"; fi
	if [ "$opt_hugepage" = 1G ]; then
		arguments+=" default_hugepagesz=1G hugepagesz=1G hugepages=$opt_hugepages"
	fi
	printf '%s' "$arguments${opt_append:+ $opt_append}"
}

# qemu_boot IMAGE INITRAMFS ARGUMENTS
qemu_boot() {
	qemu+=(-kernel "$1" -initrd "$2" -append "$3")
}

# Root ports in slots 10h and up: lab_init.sh finds port N by that.
qemu_port() {
	local slot netdev
	printf -v slot %02x $((16 + $1))
	netdev=hubport,id=net$1,hubid=${cable[$1]}
	case ${wire[$1]:-} in
	unix:*) netdev=$(unix_wire "$1" "${wire[$1]#unix:}") ;;
	tap:*) netdev="tap,id=net$1,ifname=$(comma "${wire[$1]#tap:}"),script=no,downscript=no" ;;
	esac
	qemu+=(-netdev "$netdev"
		-device "pcie-root-port,id=rp$1,bus=pcie.0,addr=0x$slot,chassis=$(($1 + 1)),slot=$(($1 + 1))"
		-device "igb,id=nic$1,bus=rp$1,netdev=net$1,mac=02:4c:41:42:00:0$1,romfile=")
	if [ -n "${dump[$1]:-}" ]; then
		qemu+=(-object "filter-dump,id=dump$1,netdev=net$1,file=$(comma "${dump[$1]}")")
	fi
}

# unix_wire PORT PATH: the two ends of a wire are PATH and PATH.peer
unix_wire() {
	local other=$2.peer
	if [ "${2%.peer}" != "$2" ]; then other=${2%.peer}; fi
	printf 'dgram,id=net%d,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s' "$1" \
		"$(comma "$2")" "$(comma "$other")"
}

# qemu_pipe NAME DESCRIPTOR [OPTION]: what QEMU writes to chardev NAME
qemu_pipe() {
	local set=$(($2 + 1000))
	qemu+=(-add-fd "fd=$2,set=$set" -chardev "file,id=$1,path=/dev/fdset/$set,append=on${3:-}")
}

# With KVM QEMU chooses x2APIC by itself; without, it can since version 9 but has to be told. With
# the older APIC, in memory, a CPU of the guest is seen to hang now and then: an interrupt is in
# service for ever.
x2apic() {
	if [ "$accel" = tcg ] && [ "${qemu_version%%.*}" -ge 9 ]; then printf ',eim=on'; fi
}

# qemu_devices STATUS OUT ERR CONSOLE SETTINGS: descriptors
qemu_devices() {
	local name port device set
	if [ -n "$opt_iommu" ]; then qemu+=(-device "intel-iommu,intremap=on$(x2apic)"); fi
	qemu_pipe status "$1"
	qemu_pipe out "$2"
	qemu_pipe err "$3"
	qemu_pipe console "$4" "${opt_console:+,logfile=$(comma "$opt_console")}"
	qemu+=(-serial chardev:console -device virtio-serial-pci)
	for name in status out err; do
		qemu+=(-device "virtserialport,chardev=$name,name=lab.$name")
	done
	if [ -n "$opt_keep" ]; then
		# With mux there is Ctrl-a x, but input that comes before the shell is stuck.
		port=off
		if [ -t 0 ]; then port=on; fi
		qemu+=(-chardev "stdio,id=shell,mux=$port,signal=off"
			-device "virtconsole,chardev=shell")
	fi
	qemu+=(-fw_cfg "name=opt/pollux/lab,file=/dev/fd/$5"
		-virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap")
	if [ -n "$opt_share" ]; then
		qemu+=(-virtfs "local,path=$(comma "$opt_share"),mount_tag=share,security_model=none,multidevs=remap")
	fi
	for ((port = 0; port < opt_ports; port++)); do qemu_port $port; done
	for device in ${opt_device[@]+"${opt_device[@]}"}; do qemu+=(-device "$device"); done
	for set in ${opt_set[@]+"${opt_set[@]}"}; do qemu+=(-set "device.$set"); done
	if [ -n "$opt_monitor" ]; then
		qemu+=(-qmp "unix:$(comma "$opt_monitor"),server=on,wait=off")
	fi
	if [ -n "$opt_gdb" ]; then
		qemu+=(-gdb "unix:$(comma "$opt_gdb"),server=on,wait=off")
	fi
}

# Settings of the guest, for lab_init.sh and lab_guest.sh.
guest_settings() {
	local tty='' page_kb=2048
	if [ "$opt_hugepage" = 1G ]; then page_kb=1048576; fi
	if [ -n "$opt_keep" ] && [ -t 0 ]; then
		tty=$(stty size | sed 's/\(.*\) \(.*\)/rows \1 cols \2/')
	fi
	cat <<-END
		lab_probe= lab_kernel=$(quote "$1") lab_bind='${bind[*]}'
		lab_vf=$opt_vf lab_hugepages=$opt_hugepages lab_hugepage_kb=$page_kb lab_share=$(quote "$opt_share")
		lab_cwd=$(quote "$PWD") lab_keep=$opt_keep lab_tty='$tty'
		set -- $(quote ${command[@]+"${command[@]}"})
	END
	echo "lab_environment() {"
	guest_environment
	echo "}"
}

guest_environment() {
	local item
	cat <<-END
		unset lab_probe
		export HOME=/root USER=root LOGNAME=root SHELL=/bin/sh PLX_LAB=1
		export TERM=$(quote "${TERM:-dumb}")
		export PATH=$(quote "$PATH:/usr/local/sbin:/usr/sbin:/sbin")
	END
	for item in LANG LC_ALL ${opt_env[@]+"${opt_env[@]}"}; do
		case $item in
		*=*) echo "export ${item%%=*}=$(quote "${item#*=}")" ;;
		*) if [ -n "${!item+set}" ]; then echo "export $item=$(quote "${!item}")"; fi ;;
		esac
	done
}
