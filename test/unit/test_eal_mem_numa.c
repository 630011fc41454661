/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NUMA nodes as the kernel tells them, or refuses to: get_mempolicy() is the test's own, sysfs a
 * tree of its own.
 */
#include "eal_mem.h"

#include <limits.h>
#include <numaif.h>

static int policy_err;
static unsigned long allowed;

/* In place of libnuma's. */
long get_mempolicy(int *mode, unsigned long *nmask, unsigned long maxnode, void *addr,
		   unsigned flags)
{
	(void)addr;
	(void)flags;
	if (policy_err) {
		errno = policy_err;
		return -1;
	}
	if (mode)
		*mode = MPOL_DEFAULT;
	if (nmask) {
		memset(nmask, 0, maxnode / 8);
		nmask[0] = allowed;
	}
	return 0;
}

static void start(void)
{
	catch_log();
	mem_conf_reset(false);
	tree_make();
	plx_topo_sysfs = tree;
	tree_put("devices/system/node/online", "0-1,3\n");
	tree_put("devices/system/node/node0/distance", "10 21 31\n");
	tree_put("devices/system/node/node1/distance", "21 10 12\n");
	tree_put("devices/system/node/node3/distance", "31 12 10\n");
}

static void stop(void)
{
	plx_mem_fini();
	tree_drop();
}

TestSuite(mem_numa, .init = start, .fini = stop);

Test(mem_numa, nodes_that_are_there)
{
	cr_expect(plx_mem_numa_online(0) && plx_mem_numa_online(1) && plx_mem_numa_online(3));
	cr_expect(!plx_mem_numa_online(2) && !plx_mem_numa_online(4) && !plx_mem_numa_online(-1));
	cr_expect(!plx_mem_numa_online(INT_MAX));
	/* As in topology.c: without any list all CPUs are on node 0. */
	tree_put("devices/system/node/online", "%s", "");
	cr_expect(plx_mem_numa_online(0) && !plx_mem_numa_online(1));
}

Test(mem_numa, distances)
{
	cr_expect_eq(plx_mem_numa_distance(1, 3), 12, "%d", plx_mem_numa_distance(1, 3));
	cr_expect_eq(plx_mem_numa_distance(0, 1), 21, "%d", plx_mem_numa_distance(0, 1));
	cr_expect_eq(plx_mem_numa_distance(0, 2), INT_MAX);
	cr_expect_eq(plx_mem_numa_distance(2, 0), INT_MAX);
	tree_put("devices/system/node/node0/distance", "10 21\n");
	cr_expect_eq(plx_mem_numa_distance(0, 3), INT_MAX);
}

Test(mem_numa, get_mempolicy_is_refused)
{
	void *p;

	policy_err = EPERM;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	cr_expect_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	cr_expect(strstr(caught.last, "get_mempolicy: Operation not permitted"), "%s", caught.last);
	cr_expect_eq(mem_stats().nb_nodes, 1);
	/* An lcore's node is known from sysfs, and is asked for. */
	p = plx_mem_alloc(64, 0, 1);
	cr_expect(p, "%s", caught.error);
	cr_expect(strstr(caught.last, "NUMA node 1 has no memory"), "%s", caught.last);
	cr_expect(plx_mem_alloc(64, 0, 1) && plx_mem_alloc(64, 0, 3));
	cr_expect_eq(caught.nb_lines, 3, "%u lines", caught.nb_lines);
	errno = 0;
	cr_expect_eq(plx_mem_alloc(64, 0, 2), NULL);
	cr_expect_eq(errno, EINVAL, "%d", errno);
	cr_expect(strstr(caught.error, "NUMA node 2 is not there"), "%s", caught.error);
}

Test(mem_numa, one_node_needs_no_line)
{
	tree_put("devices/system/node/online", "0\n");
	policy_err = EPERM;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	cr_expect_eq(caught.nb_lines, 0, "%s", caught.last);
}

Test(mem_numa, a_cpuset_keeps_memory_away)
{
	allowed = 1;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	cr_expect_eq(mem_stats().nb_nodes, 1);
	cr_expect_eq(caught.nb_lines, 0, "%s", caught.last);
	cr_expect(plx_mem_alloc(64, 0, 3), "%s", caught.error);
	cr_expect(strstr(caught.last, "what is for it comes from node 0"), "%s", caught.last);
}
