/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine's CPUs as sysfs shows them. Online CPUs and NUMA nodes are read at once (a few
 * files whatever the machine's size), the package and core of a CPU when somebody asks.
 */
#ifndef EAL_TOPOLOGY_H
#define EAL_TOPOLOGY_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

struct plx_topo {
	bool online_known; /* false: no sysfs; then every allowed CPU counts as online */
	cpu_set_t online;
	cpu_set_t isolated;	 /* isolcpus=: not in the mask that a process starts with */
	short node[CPU_SETSIZE]; /* -1: the kernel names none */
};

enum { PLX_CPULIST_MAX_BYTES = 256 };

/* Where sysfs is mounted; unit tests put a tree of their own here. */
extern const char *plx_topo_sysfs;

/* Never fails: what is missing stays unknown. Without any node directory all CPUs are on node 0. */
void plx_topo_read(struct plx_topo *topo);

/*
 * The CPUs that the calling thread may run on: 0, or -errno after one line. Isolated CPUs are not
 * among them, though a thread may be put there.
 */
int plx_topo_allowed(cpu_set_t *cpus);

/* A number below <sysfs>/devices/system/cpu/cpuN/, "topology/core_id"; -1 when it is not there. */
int plx_topo_cpu_value(unsigned cpu, const char *file);

/* "0-3,8" to a set; CPUs beyond CPU_SETSIZE are left out. False when it is no such list. */
bool plx_cpulist_parse(const char *text, cpu_set_t *cpus);

/* A set to "0-3,8", "none"; what does not fit ends in "...". Returns @buf. */
char *plx_cpulist_format(const cpu_set_t *cpus, char *buf, size_t len);

/* The one node that all of @cpus are on; -1 when there are several or it is not known. */
int plx_topo_node_of(const struct plx_topo *topo, const cpu_set_t *cpus);

#endif
