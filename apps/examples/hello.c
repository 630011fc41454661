/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The smallest Pollux program: run a function on every lcore, say where each one ran. Its
 * start-up is what the benchmark measures as "exec to main loop".
 */
#include <pollux/pollux.h>
#include <sched.h>
#include <string.h>

static const char usage[] = "usage: plx-hello [EAL options]\n"
			    "Run one function on each lcore and tell where it ran.\n";

/* One slot an lcore, written by it and read by the main lcore after plx_lcore_wait(). */
static int cpu_of[PLX_LCORE_MAX];

static int hello(void *arg)
{
	(void)arg;
	cpu_of[plx_lcore_id()] = sched_getcpu();
	return 0;
}

static int run(void)
{
	unsigned id;
	int ret;

	ret = plx_lcore_launch_all(hello, NULL, true);
	if (ret) {
		fprintf(stderr, "plx-hello: can't launch on all lcores: %s\n", strerror(-ret));
		return 1;
	}
	plx_lcore_wait_all();
	PLX_LCORE_FOREACH(id)
		printf("hello from lcore %u%s on CPU %d, node %d\n", id,
		       id == plx_lcore_main() ? " (main)" : "", cpu_of[id], plx_lcore_node(id));
	return 0;
}

int main(int argc, char **argv)
{
	int ret = plx_init(argc, argv);

	if (ret < 0)
		return plx_init_exit_status(ret, usage, stdout);
	argc -= ret;
	argv += ret;
	if (argc > 1) {
		fprintf(stderr, "plx-hello: '%s': want no arguments of its own\n", argv[1]);
		ret = 2;
	} else {
		ret = run();
	}
	plx_fini();
	return ret;
}
