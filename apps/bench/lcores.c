/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which lcores there are when the user names none: one for each end of a cable, and the main one,
 * which leads and sleeps most of the time. Each has a CPU of its own where there are enough; else
 * the ends take turns on the CPUs, so that those of a pair are on two, and the main one runs
 * wherever there is room.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	RT_PRIO = 50,
	MAP_BYTES = 8192,
	ARGS_MORE = 6, /* what is added, and the NULL */
};

static unsigned cpus_allowed(unsigned *cpus)
{
	cpu_set_t set;
	unsigned nb = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[nb++] = cpu;
	return nb;
}

static unsigned nb_workers(const struct options *opts)
{
	return 2 * opts->nb_pairs < PLX_LCORE_MAX - 1 ? 2 * opts->nb_pairs : PLX_LCORE_MAX - 1;
}

/* As --lcores takes it. */
static int make_map(const struct options *opts, char map[MAP_BYTES])
{
	static unsigned cpus[CPU_SETSIZE];
	const unsigned nb = cpus_allowed(cpus), workers = nb_workers(opts);
	const bool enough = nb > workers;
	FILE *out;

	if (nb == 0)
		return -EINVAL;
	if (opts->isolate && !enough)
		return bench_fail(
			-OPTIONS_WRONG,
			"--isolate: want a CPU for each of %u lcores, there %s %u: leave it "
			"out, or measure fewer pairs",
			workers + 1, nb == 1 ? "is" : "are", nb);
	out = fmemopen(map, MAP_BYTES, "w");
	if (!out)
		return -ENOMEM;
	if (enough) {
		fprintf(out, "0@%u", cpus[0]);
	} else {
		fprintf(out, "0@(%u", cpus[0]);
		for (unsigned i = 1; i < nb; i++)
			fprintf(out, ",%u", cpus[i]);
		fputc(')', out);
	}
	for (unsigned i = 0; i < workers; i++)
		fprintf(out, ",%u@%u", i + 1, cpus[enough ? i + 1 : i % nb]);
	return fclose(out) ? -ENOMEM : 0;
}

/* Whether the user's command line, or his file of settings, names lcores. */
static int names_lcores(int argc, char **argv)
{
	struct plx_eal_conf conf;
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));
	int ret;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	plx_eal_conf_init(&conf);
	ret = plx_eal_parse(&conf, argc, copy);
	if (ret >= 0)
		ret = conf.nb_lcores > 0 || conf.help || conf.version;
	plx_eal_conf_fini(&conf);
	free(copy);
	return ret == -EINVAL ? -OPTIONS_WRONG : ret;
}

int lcores_arguments(const struct options *opts, int argc, char **argv, char ***out)
{
	static char map[MAP_BYTES], prio[8];
	static char lcores_option[] = "--lcores", prio_option[] = "--rt-prio",
		    lock_option[] = "--lock-memory";
	int ret = names_lcores(argc, argv), nb = 0;
	bool named = ret > 0;
	char **args;

	if (ret < 0)
		return ret;
	ret = named ? 0 : make_map(opts, map);
	if (ret)
		return ret;
	args = calloc((size_t)argc + ARGS_MORE, sizeof(*args));
	if (!args)
		return -ENOMEM;
	args[nb++] = argv[0];
	if (!named) {
		args[nb++] = lcores_option;
		args[nb++] = map;
	}
	if (opts->isolate) {
		snprintf(prio, sizeof(prio), "%d", RT_PRIO);
		args[nb++] = prio_option;
		args[nb++] = prio;
		args[nb++] = lock_option;
	}
	for (int i = 1; i < argc; i++)
		args[nb++] = argv[i];
	*out = args;
	return nb;
}

bool lcores_share(unsigned a, unsigned b)
{
	cpu_set_t of_a, of_b;

	if (plx_lcore_cpuset(a, &of_a) || plx_lcore_cpuset(b, &of_b))
		return true;
	CPU_AND(&of_a, &of_a, &of_b);
	return CPU_COUNT(&of_a) > 0;
}
