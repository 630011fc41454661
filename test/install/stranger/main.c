/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of somebody else's: it has only what is installed. C11 and C++11. */
#include <pollux/pollux.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	unsigned char *memory;
	int ret = plx_init(argc, argv);

	if (ret < 0)
		return plx_init_exit_status(ret, NULL, stdout);
	memory = (unsigned char *)plx_mem_alloc(64, 64, PLX_NODE_ANY);
	if (!memory || plx_lcore_id() != plx_lcore_main()) {
		fprintf(stderr, "no memory from the EAL, or main is not the main lcore\n");
		return 1;
	}
	memset(memory, 0x5a, 64);
	plx_mem_free(memory);
	plx_fini();
	printf("pollux %s\n", plx_version());
	return 0;
}
