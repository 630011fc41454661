/* SPDX-License-Identifier: BSD-3-Clause */
/* plx-perf without a peer, and the way from here to the program that has one. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "perf.h"

/* plx-perf-NAME beside this program: linked with the peer as the peer's own users link it. */
static int exec_peer(const char *name, char **argv)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (len < 0 || strcmp(name, "dpdk") != 0) {
		fprintf(stderr, "plx-perf: --peer '%s': allowed is dpdk\n", name);
		return 2;
	}
	snprintf(path + len, 32, "-%s", name);
	execv(path, argv);
	fprintf(stderr,
		"plx-perf: %s: %s; install the peer (scripts/setup.sh --peer) and build again\n",
		path, strerror(errno));
	return 2;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--peer") == 0 && i + 1 < argc)
			return exec_peer(argv[i + 1], argv);
		if (strncmp(argv[i], "--peer=", 7) == 0)
			return exec_peer(argv[i] + 7, argv);
	}
	return perf_main(argc, argv, NULL);
}
