/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine of three NUMA nodes with memory, numbered with gaps, and two without any (3, 6), played
 * by the functions of mem_numa.c: which node memory comes from. The pages themselves are ordinary
 * ones of this machine.
 */
#include "eal_mem.h"

static int here, entered = -1;

unsigned plx_mem_numa_nodes(int nodes[PLX_NODE_MAX])
{
	nodes[0] = 0;
	nodes[1] = 2;
	nodes[2] = 5;
	return 3;
}

bool plx_mem_numa_online(int node)
{
	return node == 0 || node == 2 || node == 3 || node == 5 || node == 6;
}

int plx_mem_numa_distance(int from, int to)
{
	/* 6 is nearest to 5, and 3 to 2. */
	return from == 6 && to == 5 ? 12 : from == 3 && to == 2 ? 16 : 20;
}

void plx_mem_numa_enter(int node, struct plx_mem_policy *saved)
{
	(void)saved;
	cr_expect_eq(entered, -1, "entered node %d twice", entered);
	entered = node;
}

void plx_mem_numa_leave(const struct plx_mem_policy *saved)
{
	(void)saved;
	entered = -1;
}

void plx_mem_numa_verify(int node, uintptr_t addr, size_t len, size_t step)
{
	(void)len;
	(void)step;
	cr_expect_eq(plx_mem_heap_of(addr)->node, node, "memory of node %d lies in the span of %d",
		     node, plx_mem_heap_of(addr)->node);
}

int plx_mem_numa_here(void)
{
	return here;
}

static void start(void)
{
	catch_log();
	start_mem(false);
}

static void stop(void)
{
	plx_mem_fini();
}

TestSuite(mem_nodes, .init = start, .fini = stop);

static int node_of(const void *p)
{
	return plx_mem_heap_of((uintptr_t)p)->node;
}

static int refuse(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)iova;
	(void)len;
	return node_of(va) == *(int *)arg ? -EPERM : 0;
}

Test(mem_nodes, memory_comes_from_the_wanted_node)
{
	static const int nodes[] = {0, 2, 5};
	const struct plx_memzone *mz;
	struct plx_mem_stats stats;

	for (unsigned i = 0; i < 3; i++) {
		void *p = plx_mem_alloc(MB, 0, nodes[i]);

		cr_assert(p, "%s", caught.error);
		cr_expect_eq(node_of(p), nodes[i], "%d", node_of(p));
		here = nodes[i];
		p = plx_mem_alloc(5 * MB, 0, PLX_NODE_ANY);
		cr_expect_eq(node_of(p), nodes[i], "%d", node_of(p));
		plx_mem_free(p);
	}
	cr_assert_eq(plx_memzone_reserve("z", 64, 5, 0, 0, 0, &mz), 0);
	cr_expect_eq(mz->node, 5, "%d", mz->node);
	stats = mem_stats();
	cr_assert_eq(stats.nb_nodes, 3, "%u", stats.nb_nodes);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(stats.nodes[i].node, nodes[i], "%d", stats.nodes[i].node);
		cr_expect_eq(stats.nodes[i].total_bytes, 2 * MB, "%zu", stats.nodes[i].total_bytes);
	}
	cr_expect_eq(stats.all.nb_blocks, 4, "%zu", stats.all.nb_blocks);
	check_heaps();
}

Test(mem_nodes, any_goes_on_to_the_other_nodes)
{
	static struct plx_mem_watch watch = {.added = refuse, .arg = &here};
	void *p;

	/* All of node 2's addresses are taken: the next comes from another node. */
	here = 2;
	plx_mem.heaps[1].nb_grains = 4;
	cr_expect_eq(node_of(plx_mem_alloc(8 * MB, 0, PLX_NODE_ANY)), 2);
	p = plx_mem_alloc(64, 0, PLX_NODE_ANY);
	cr_expect_eq(node_of(p), 0, "%d", node_of(p));
	cr_expect_eq(plx_mem_alloc(64, 0, 2), NULL);
	cr_expect_eq(errno, ENOMEM, "%d", errno);
	cr_expect_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	/* A watch that refuses is no lack of memory: it is told, other nodes are not tried. */
	here = 5;
	cr_assert_eq(plx_mem_watch_add(&watch), 0);
	cr_expect_eq(plx_mem_alloc(64, 0, PLX_NODE_ANY), NULL);
	cr_expect_eq(errno, EPERM, "%d", errno);
	/* A CPU whose node has no memory. */
	here = 7;
	p = plx_mem_alloc(64, 0, PLX_NODE_ANY);
	cr_expect_eq(node_of(p), 0, "%d", node_of(p));
}

Test(mem_nodes, a_node_that_is_not_there)
{
	cr_expect_eq(plx_mem_alloc(64, 0, 1), NULL);
	cr_expect_eq(errno, EINVAL, "%d", errno);
	cr_expect(strstr(caught.error, "NUMA node 1") && strstr(caught.error, "0, 2, 5"), "%s",
		  caught.error);
	plx_mem_fini();
	mem_conf.socket_mem_mb[0] = 2;
	mem_conf.socket_mem_mb[4] = 2;
	cr_expect_eq(plx_mem_init(&mem_conf), -EINVAL);
	cr_expect(strstr(caught.error, "--socket-mem") && strstr(caught.error, "NUMA node 4"), "%s",
		  caught.error);
}

Test(mem_nodes, a_node_without_memory_is_served_from_the_nearest)
{
	const struct plx_memzone *mz;
	void *p = plx_mem_alloc(64, 0, 6), *q = plx_mem_alloc(64, 0, 3);

	cr_assert(p && q, "%s", caught.error);
	cr_expect_eq(node_of(p), 5, "%d", node_of(p));
	cr_expect_eq(node_of(q), 2, "%d", node_of(q));
	/* One warning for each node. */
	cr_expect_eq(caught.nb_lines, 2, "%u lines", caught.nb_lines);
	cr_expect(strstr(caught.last, "NUMA node 3 has no memory"), "%s", caught.last);
	cr_assert_eq(plx_memzone_reserve("z", 64, 6, 0, 0, 0, &mz), 0, "%s", caught.error);
	cr_expect_eq(mz->node, 5, "%d", mz->node);
	here = 6;
	p = plx_mem_alloc(64, 0, PLX_NODE_ANY);
	cr_expect_eq(node_of(p), 5, "%d", node_of(p));
	cr_expect_eq(caught.nb_lines, 2, "%s", caught.last);
	/* The nearest has no room: any other does. */
	plx_mem.heaps[2].nb_grains = 1;
	p = plx_mem_alloc(2 * MB, 0, 6);
	cr_assert(p, "%s", caught.error);
	cr_expect_eq(node_of(p), 0, "%d", node_of(p));
	plx_mem_fini();
	mem_conf.socket_mem_mb[6] = 4;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	cr_expect_eq(mem_stats().nodes[2].total_bytes, 4 * MB);
	cr_expect_eq(caught.nb_lines, 3, "%u lines", caught.nb_lines);
}

Test(mem_nodes, socket_mem)
{
	struct plx_mem_stats stats;

	plx_mem_fini();
	mem_conf.socket_mem_mb[0] = 3;
	mem_conf.socket_mem_mb[5] = 8;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	stats = mem_stats();
	cr_expect_eq(stats.nodes[0].total_bytes, 4 * MB, "%zu", stats.nodes[0].total_bytes);
	cr_expect_eq(stats.nodes[1].total_bytes, 0, "%zu", stats.nodes[1].total_bytes);
	cr_expect_eq(stats.nodes[2].total_bytes, 8 * MB, "%zu", stats.nodes[2].total_bytes);
	cr_expect_eq(stats.all.total_bytes, 12 * MB, "%zu", stats.all.total_bytes);
	cr_expect_eq(stats.all.biggest_free_bytes, 8 * MB);
}
