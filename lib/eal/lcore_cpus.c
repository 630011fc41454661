/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the lcores can have the CPUs that they are to run on. */
#include "lcore_private.h"

#include <errno.h>

/*
 * The mask that a process starts with lacks the isolated CPUs, but a thread may be put there. Only
 * trying tells: a cpuset forbids it all the same, and may cut the mask short without an error.
 */
static bool can_go_to(unsigned cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0)
		return false;
	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_ISSET(cpu, &cpus);
}

void plx_lcore_add_isolated(const struct plx_eal_conf *conf, const struct plx_topo *topo,
			    cpu_set_t *allowed)
{
	const cpu_set_t start = *allowed;
	bool moved = false;
	cpu_set_t want;
	unsigned id, cpu;

	CPU_ZERO(&want);
	for (id = 0; id < PLX_LCORE_MAX; id++)
		if (conf->lcores[id].enabled)
			CPU_OR(&want, &want, &conf->lcores[id].cpus);
	CPU_AND(&want, &want, &topo->isolated);
	if (topo->online_known)
		CPU_AND(&want, &want, &topo->online);
	for (cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&want) > 0; cpu++) {
		if (!CPU_ISSET(cpu, &want) || CPU_ISSET(cpu, &start))
			continue;
		moved = true;
		if (can_go_to(cpu))
			CPU_SET(cpu, allowed);
	}
	if (moved && sched_setaffinity(0, sizeof(start), &start) != 0)
		LOG_WARN("can't get the CPUs back that the process had: %s", strerror(errno));
}

/* Under SCHED_FIFO one that never sleeps keeps the other from running at all, for good. */
static int check_rt_sharing(const struct plx_eal_conf *conf)
{
	unsigned id, other, cpu;

	for (id = 0; id < PLX_LCORE_MAX; id++) {
		const cpu_set_t *cpus = &conf->lcores[id].cpus;

		if (!conf->lcores[id].enabled || CPU_COUNT(cpus) != 1)
			continue;
		for (other = id + 1; other < PLX_LCORE_MAX; other++) {
			if (!conf->lcores[other].enabled ||
			    !CPU_EQUAL(cpus, &conf->lcores[other].cpus))
				continue;
			for (cpu = 0; !CPU_ISSET(cpu, cpus); cpu++)
				;
			LOG_ERR("--rt-prio %d: lcores %u and %u share CPU %u, where one that does "
				"not sleep would starve the other: want a CPU for each",
				conf->rt_prio, id, other, cpu);
			return -EINVAL;
		}
	}
	return 0;
}

int plx_lcore_check_cpus(const struct plx_eal_conf *conf, const struct plx_topo *topo,
			 const cpu_set_t *allowed)
{
	const cpu_set_t *online = topo->online_known ? &topo->online : allowed;
	char list[PLX_CPULIST_MAX_BYTES];
	unsigned id, cpu;

	for (id = 0; id < PLX_LCORE_MAX; id++) {
		const struct plx_eal_lcore *want = &conf->lcores[id];

		if (!want->enabled)
			continue;
		if (CPU_COUNT(&want->cpus) == 0) {
			LOG_ERR("lcore %u: it has no CPU (online: %s)", id,
				plx_cpulist_format(online, list, sizeof(list)));
			return -EINVAL;
		}
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &want->cpus))
				continue;
			if (!CPU_ISSET(cpu, online)) {
				LOG_ERR("lcore %u: CPU %u is not online (online: %s)", id, cpu,
					plx_cpulist_format(online, list, sizeof(list)));
				return -EINVAL;
			}
			if (!CPU_ISSET(cpu, allowed)) {
				LOG_ERR("lcore %u: CPU %u is not allowed for this process "
					"(allowed: %s; taskset or cgroup)",
					id, cpu, plx_cpulist_format(allowed, list, sizeof(list)));
				return -EINVAL;
			}
		}
	}
	return conf->rt_prio > 0 ? check_rt_sharing(conf) : 0;
}
