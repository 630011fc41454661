# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sourced by paper.sh --real: four ports of a card in this machine. The first two are given to vfio-pci;
# all get back what they had, whatever ends the script: a helper waits for its end.
# shellcheck disable=SC2154

# shellcheck source-path=SCRIPTDIR source=pci.sh
. "$scripts/lib/pci.sh"
# shellcheck source-path=SCRIPTDIR source=pci_use.sh
. "$scripts/lib/pci_use.sh"
devbind=("$BASH" "$scripts/devbind.sh")
ports=()

complain() {
	printf 'paper: error: %s\n' "$*" >&2
}

# shellcheck source-path=SCRIPTDIR source=borrow_ports.sh
. "$scripts/lib/borrow_ports.sh"

read_ports() {
	local bdf why
	IFS=, read -r -a ports <<<"$real"
	[ ${#ports[@]} -eq 4 ] || fail 2 "--real $real: want four ports, as in 0000:01:00.0,0000:01:00.1,..."
	check_ports "--real: "
	# Of the others devbind says so.
	for bdf in "${ports[@]:2}"; do
		why=$(busy "$bdf" | joined)
		[ -z "$why" ] || fail 1 "$bdf is in use: $why; end that first"
	done
	[ $EUID -eq 0 ] || fail 1 "--real: only root may do that: sudo scripts/paper.sh ..."
}

run_real() {
	local status
	scratch=$(mktemp -d) || exit 1
	borrow_ports
	# Refused as a whole, before anything is touched, when one of them is in use.
	"${devbind[@]}" --bind vfio-pci "${ports[@]:0:2}" {alive}>&- || exit 1
	to_kernel "${ports[2]}" || exit 1
	third=$interface
	to_kernel "${ports[3]}" || exit 1
	(
		echo $BASHPID >"$scratch/child"
		exec bash "$guest" "$build" "$report" "${ports[0]}" "${ports[1]}" "$third" "$interface" \
			"${options[@]}"
	) {alive}>&- &
	child=$!
	wait $child
	status=$?
	rm "$scratch/child"
	child=
	return $status
}

read_ports
