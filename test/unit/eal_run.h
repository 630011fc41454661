/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts the EAL for a test: any number of lcores on whatever CPUs this process may use, ordinary
 * pages, no device.
 */
#ifndef TEST_EAL_RUN_H
#define TEST_EAL_RUN_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <pollux/eal.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static inline unsigned first_cpu(const cpu_set_t *cpus)
{
	unsigned cpu = 0;

	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, cpus))
		cpu++;
	return cpu;
}

/* lcores [0, nb), lcore i on the i-th allowed CPU, round and round; main is lcore 0. */
static inline void lcore_conf(struct plx_eal_conf *conf, unsigned nb)
{
	cpu_set_t allowed, left;
	unsigned cpu;

	plx_eal_conf_init(conf);
	conf->no_huge = true;
	conf->no_pci = true;
	conf->nb_lcores = nb;
	conf->main_lcore = 0;
	sched_getaffinity(0, sizeof(allowed), &allowed);
	CPU_ZERO(&left);
	for (unsigned id = 0; id < nb; id++) {
		if (CPU_COUNT(&left) == 0)
			left = allowed;
		cpu = first_cpu(&left);
		CPU_CLR(cpu, &left);
		conf->lcores[id].enabled = true;
		CPU_SET(cpu, &conf->lcores[id].cpus);
	}
}

static inline void start_lcores(unsigned nb)
{
	static struct plx_eal_conf conf;
	int ret;

	lcore_conf(&conf, nb);
	ret = plx_eal_init(&conf);
	cr_assert_eq(ret, 0, "plx_eal_init with %u lcores: %d", nb, ret);
}

static inline unsigned nb_entries(const char *dir)
{
	struct dirent *entry;
	unsigned nb = 0;
	DIR *open_dir = opendir(dir);

	while (open_dir != NULL && (entry = readdir(open_dir)) != NULL)
		nb += entry->d_name[0] != '.';
	if (open_dir != NULL)
		closedir(open_dir);
	return nb;
}

#endif
