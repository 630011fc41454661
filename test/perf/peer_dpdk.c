/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops on DPDK, as its users call it. */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_version.h>
#include <stdio.h>

static struct rte_ring *ring;
static struct rte_mempool *pool, *packets;

#define SP_ENQ(objs, n) rte_ring_sp_enqueue_bulk(ring, objs, n, NULL)
#define SC_DEQ(objs, n) rte_ring_sc_dequeue_bulk(ring, objs, n, NULL)
#define MP_ENQ(objs, n) rte_ring_mp_enqueue_bulk(ring, objs, n, NULL)
#define MC_DEQ(objs, n) rte_ring_mc_dequeue_bulk(ring, objs, n, NULL)
#define SC_BURST(objs, n) rte_ring_sc_dequeue_burst(ring, objs, n, NULL)
#define MC_BURST(objs, n) rte_ring_mc_dequeue_burst(ring, objs, n, NULL)
#define POOL_GET(objs, n) (rte_mempool_get_bulk(pool, objs, n) == 0)
#define POOL_PUT(objs, n) rte_mempool_put_bulk(pool, objs, n)
#define MBUF struct rte_mbuf
#define MBUF_ALLOC() rte_pktmbuf_alloc(packets)
#define MBUF_FREE(m) rte_pktmbuf_free(m)
#define MBUF_ALLOC_BULK(table, n) (rte_pktmbuf_alloc_bulk(packets, table, n) == 0)
#define MBUF_FREE_BULK(table, n) rte_pktmbuf_free_bulk(table, n)
#define MBUF_CHAIN(head, m) rte_pktmbuf_chain(head, m)
#define PAUSE() rte_pause()

#include "loops.h"

static int create_all(void)
{
	/* 1,024 slots, of which DPDK uses 1,023: with RING_F_EXACT_SZ it would take 2,048. */
	ring = rte_ring_create("perf", PERF_RING_SIZE, SOCKET_ID_ANY, 0);
	pool = rte_mempool_create("perf", PERF_POOL_OBJS, 64, PERF_CACHE_SIZE, 0, NULL, NULL, NULL,
				  NULL, SOCKET_ID_ANY, 0);
	packets = rte_pktmbuf_pool_create("packets", PERF_POOL_OBJS, PERF_CACHE_SIZE, 0,
					  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (ring && pool && packets)
		return 0;
	fprintf(stderr, "plx-perf: DPDK has no memory: %s\n", rte_strerror(rte_errno));
	return -1;
}

static int init(unsigned main_cpu)
{
	char name[] = "plx-perf", l[] = "--lcores", no_pci[] = "--no-pci", memory[] = "--in-memory";
	char quiet[] = "--log-level=error", no_telemetry[] = "--no-telemetry", lcores[32];
	char *argv[] = {name, l, lcores, no_pci, memory, quiet, no_telemetry, NULL};

	snprintf(lcores, sizeof(lcores), "0@%u", main_cpu);
	if (rte_eal_init((int)RTE_DIM(argv) - 1, argv) < 0) {
		fprintf(stderr, "plx-perf: DPDK does not start: %s\n", rte_strerror(rte_errno));
		return -1;
	}
	for (unsigned i = 0; i < BURST_MAX; i++)
		some_objs[i] = &some_objs[i];
	return create_all();
}

static void fini(void)
{
	rte_mempool_free(packets);
	rte_mempool_free(pool);
	rte_ring_free(ring);
	rte_eal_cleanup();
}

static int worker_init(void)
{
	return rte_thread_register();
}

static void prepare(void)
{
	rte_ring_reset(ring);
}

const struct perf_lib perf_peer = {
	.name = "dpdk",
	.version = RTE_VER_PREFIX
	" " RTE_STR(RTE_VER_YEAR) "." RTE_STR(RTE_VER_MONTH) "." RTE_STR(RTE_VER_MINOR),
	.init = init,
	.fini = fini,
	.worker_init = worker_init,
	.prepare = prepare,
	.run = run,
};
