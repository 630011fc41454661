/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NUMA: which nodes there are, and pages placed on one of them. On a machine with one node no
 * policy call is made at all. Where the kernel has no NUMA, or a container refuses its calls, all
 * memory counts as the first node's, and one line says so.
 */
#include "mem_private.h"
#include "topology.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <numaif.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MASK_BITS = 8 * sizeof(((struct plx_mem_policy *)0)->mask),
	BITS = 8 * sizeof(long),
	VERIFY_PAGES = 64,
	TEXT_BYTES = 4096,
};

static bool warned_policy, warned_place;

static bool read_text(const char *file, char text[TEXT_BYTES])
{
	char path[256];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/devices/system/node/%s", plx_topo_sysfs, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, TEXT_BYTES - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/* Without any list there is node 0, as in topology.c. */
static void read_online(cpu_set_t *nodes)
{
	char text[TEXT_BYTES];

	if (read_text("online", text) && plx_cpulist_parse(text, nodes) && CPU_COUNT(nodes) > 0)
		return;
	CPU_ZERO(nodes);
	CPU_SET(0, nodes);
}

bool plx_mem_numa_online(int node)
{
	cpu_set_t nodes;

	read_online(&nodes);
	return node >= 0 && node < PLX_MEM_NODES_MAX && CPU_ISSET(node, &nodes);
}

int plx_mem_numa_distance(int from, int to)
{
	char file[32], text[TEXT_BYTES], *at = text, *end;
	cpu_set_t nodes;

	read_online(&nodes);
	snprintf(file, sizeof(file), "node%d/distance", from);
	if (!read_text(file, text))
		return INT_MAX;
	/* One number for each online node. */
	for (int node = 0; node <= to && node < PLX_MEM_NODES_MAX; node++) {
		long distance;

		if (!CPU_ISSET(node, &nodes))
			continue;
		distance = strtol(at, &end, 10);
		if (end == at)
			break;
		if (node == to)
			return (int)distance;
		at = end;
	}
	return INT_MAX;
}

/* All memory counts as one node's. */
static unsigned no_nodes(int nodes[PLX_NODE_MAX], int err)
{
	cpu_set_t online;

	read_online(&online);
	nodes[0] = 0;
	for (int node = PLX_NODE_MAX - 1; node >= 0; node--)
		if (CPU_ISSET(node, &online))
			nodes[0] = node;
	if (CPU_COUNT(&online) > 1)
		LOG_WARN("the NUMA nodes with memory can't be told: get_mempolicy: %s; all memory "
			 "counts as node %d's (in a container: allow the system calls "
			 "get_mempolicy and set_mempolicy)",
			 strerror(err), nodes[0]);
	return 1;
}

unsigned plx_mem_numa_nodes(int nodes[PLX_NODE_MAX])
{
	unsigned long allowed[MASK_BITS / BITS] = {0};
	unsigned nb = 0;

	warned_policy = warned_place = false;
	/* Not numa_get_mems_allowed(): libnuma ends the process when it gets no memory for it. */
	if (get_mempolicy(NULL, allowed, MASK_BITS + 1, NULL, MPOL_F_MEMS_ALLOWED) != 0)
		return no_nodes(nodes, errno);
	for (int node = 0; node < MASK_BITS; node++) {
		if (!(allowed[node / BITS] >> node % BITS & 1))
			continue;
		if (node >= PLX_NODE_MAX) {
			LOG_WARN("NUMA nodes from %d on are not used: this build has "
				 "PLX_NODE_MAX=%d",
				 node, PLX_NODE_MAX);
			break;
		}
		nodes[nb++] = node;
	}
	if (nb == 0)
		nodes[nb++] = 0;
	return nb;
}

void plx_mem_numa_enter(int node, struct plx_mem_policy *saved)
{
	unsigned long mask = 1ul << node; /* PLX_NODE_MAX is below the bits of a long */

	saved->changed = false;
	if (plx_mem.nb_heaps < 2)
		return;
	/* The kernel wants one bit more than it reads. */
	if (get_mempolicy(&saved->mode, saved->mask, MASK_BITS + 1, NULL, 0) == 0 &&
	    set_mempolicy(MPOL_BIND, &mask, BITS) == 0) {
		saved->changed = true;
		return;
	}
	if (!warned_policy)
		LOG_WARN("memory can't be bound to NUMA node %d: %s; it may come from any node (in "
			 "a container: allow the system call set_mempolicy)",
			 node, strerror(errno));
	warned_policy = true;
}

void plx_mem_numa_leave(const struct plx_mem_policy *saved)
{
	bool empty = true;

	if (!saved->changed)
		return;
	for (size_t i = 0; i < PLX_ARRAY_SIZE(saved->mask); i++)
		empty = empty && saved->mask[i] == 0;
	if (set_mempolicy(saved->mode, empty ? NULL : saved->mask, empty ? 0 : MASK_BITS + 1) != 0)
		LOG_WARN("the thread's NUMA policy can't be restored: %s", strerror(errno));
}

void plx_mem_numa_verify(int node, uintptr_t addr, size_t len, size_t step)
{
	void *pages[VERIFY_PAGES];
	int status[VERIFY_PAGES];

	if (plx_mem.nb_heaps < 2 || warned_place)
		return;
	while (len) {
		unsigned nb = 0;

		for (; len && nb < VERIFY_PAGES; nb++, addr += step, len -= step) {
			pages[nb] = (void *)addr;
			status[nb] = node;
		}
		/* Without a list of target nodes this only asks where pages are. */
		if (move_pages(0, nb, pages, NULL, status, 0) != 0)
			return;
		for (unsigned i = 0; i < nb; i++) {
			if (status[i] < 0 || status[i] == node)
				continue;
			LOG_WARN("a page for NUMA node %d came from node %d", node, status[i]);
			warned_place = true;
			return;
		}
	}
}

int plx_mem_numa_here(void)
{
	unsigned cpu, node;

	return getcpu(&cpu, &node) == 0 ? (int)node : 0;
}
