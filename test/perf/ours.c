/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops on Pollux. */
#include <pollux/pollux.h>
#include <stdio.h>

static struct plx_ring *ring;
static struct plx_mempool *pool, *packets;

#define SP_ENQ(objs, n) plx_ring_sp_enqueue_bulk(ring, objs, n)
#define SC_DEQ(objs, n) plx_ring_sc_dequeue_bulk(ring, objs, n)
#define MP_ENQ(objs, n) plx_ring_mp_enqueue_bulk(ring, objs, n)
#define MC_DEQ(objs, n) plx_ring_mc_dequeue_bulk(ring, objs, n)
#define SC_BURST(objs, n) plx_ring_sc_dequeue_burst(ring, objs, n)
#define MC_BURST(objs, n) plx_ring_mc_dequeue_burst(ring, objs, n)
#define POOL_GET(objs, n) plx_mempool_get_bulk(pool, objs, n)
#define POOL_PUT(objs, n) plx_mempool_put_bulk(pool, objs, n)
#define MBUF struct plx_mbuf
#define MBUF_ALLOC() plx_mbuf_alloc(packets)
#define MBUF_FREE(m) plx_mbuf_free(m)
#define MBUF_ALLOC_BULK(table, n) plx_mbuf_alloc_bulk(packets, table, n)
#define MBUF_FREE_BULK(table, n) plx_mbuf_free_bulk(table, n)
#define MBUF_CHAIN(head, m) plx_mbuf_chain(head, m)
#define PAUSE() plx_pause()

#include "loops.h"

static int create_all(void)
{
	const struct plx_mempool_conf pool_conf = {
		.name = "perf",
		.nb_objs = PERF_POOL_OBJS,
		.obj_bytes = 64,
		.cache_size = PERF_CACHE_SIZE,
		.node = PLX_NODE_ANY,
	};
	const struct plx_mbuf_pool_conf packets_conf = {
		.name = "packets",
		.nb_mbufs = PERF_POOL_OBJS,
		.cache_size = PERF_CACHE_SIZE,
		.node = PLX_NODE_ANY,
	};
	int ret = plx_ring_create("perf", PERF_RING_SIZE, PLX_NODE_ANY, &ring);

	if (!ret)
		ret = plx_mempool_create(&pool_conf, &pool);
	if (!ret)
		ret = plx_mbuf_pool_create(&packets_conf, &packets);
	return ret;
}

/* The main thread becomes lcore 0; plx-perf's worker thread registers itself, as with the peer. */
static int init(unsigned main_cpu)
{
	struct plx_eal_conf conf;
	int ret;

	plx_eal_conf_init(&conf);
	conf.lcores[0].enabled = true;
	conf.nb_lcores = 1;
	CPU_ZERO(&conf.lcores[0].cpus);
	CPU_SET(main_cpu, &conf.lcores[0].cpus);
	ret = plx_eal_init(&conf);
	plx_eal_conf_fini(&conf);
	if (ret)
		return ret;
	for (unsigned i = 0; i < BURST_MAX; i++)
		some_objs[i] = &some_objs[i];
	ret = create_all();
	if (ret)
		plx_eal_fini();
	return ret;
}

static void fini(void)
{
	plx_mbuf_pool_destroy(packets);
	plx_mempool_destroy(pool);
	plx_ring_destroy(ring);
	plx_eal_fini();
}

static int worker_init(void)
{
	return plx_lcore_register();
}

static void prepare(void)
{
	plx_ring_reset(ring);
}

const struct perf_lib perf_ours = {
	.name = "pollux",
	.version = PLX_VERSION,
	.init = init,
	.fini = fini,
	.worker_init = worker_init,
	.prepare = prepare,
	.run = run,
};
