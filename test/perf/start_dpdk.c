/* SPDX-License-Identifier: BSD-3-Clause */
/* Started by plx-perf: the same as start_ours.c with DPDK. */
#include <rte_eal.h>

#include "resident.h"

int main(int argc, char **argv)
{
	char l[] = "-l", m[] = "-m", mb[] = "32", no_pci[] = "--no-pci", memory[] = "--in-memory";
	char quiet[] = "--log-level=error", no_telemetry[] = "--no-telemetry";
	char *args[] = {argv[0],      l,   argc > 1 ? argv[1] : NULL, m, mb, no_pci, memory, quiet,
			no_telemetry, NULL};

	if (argc != 2 || rte_eal_init((int)(sizeof(args) / sizeof(args[0])) - 1, args) < 0)
		return 1;
	perf_tell_resident();
	rte_eal_cleanup();
	return 0;
}
