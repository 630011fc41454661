/* SPDX-License-Identifier: BSD-3-Clause */
/* Started by plx-perf: one lcore on CPU argv[1] and 32 MB of hugepages; then it is there. */
#include <pollux/pollux.h>

#include "resident.h"

int main(int argc, char **argv)
{
	char l[] = "-l", m[] = "-m", mb[] = "32", no_pci[] = "--no-pci";
	char *args[] = {argv[0], l, argc > 1 ? argv[1] : NULL, m, mb, no_pci, NULL};

	if (argc != 2 || plx_init((int)PLX_ARRAY_SIZE(args) - 1, args) < 0)
		return 1;
	perf_tell_resident();
	plx_fini();
	return 0;
}
