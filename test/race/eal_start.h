/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts the EAL for a race program: lcores on whatever CPUs there are, ordinary pages. */
#ifndef RACE_EAL_START_H
#define RACE_EAL_START_H

#include <pollux/eal.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                            \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static inline void start_lcores(unsigned nb)
{
	static struct plx_eal_conf conf;
	cpu_set_t allowed;
	unsigned id, cpu;
	int ret;

	plx_eal_conf_init(&conf);
	conf.no_huge = true;
	conf.no_pci = true;
	conf.nb_lcores = nb;
	conf.main_lcore = 0;
	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (id = 0, cpu = 0; id < nb; cpu = (cpu + 1) % CPU_SETSIZE) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		conf.lcores[id].enabled = true;
		CPU_SET(cpu, &conf.lcores[id].cpus);
		id++;
	}
	ret = plx_eal_init(&conf);
	CHECK(ret == 0, "plx_eal_init: %d", ret);
}

static inline unsigned rounds(int argc, char **argv, unsigned by_default)
{
	return argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : by_default;
}

#endif
