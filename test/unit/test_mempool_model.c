/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pools against a plain set of what is out: random bulks, taken and given back by turns of the main
 * lcore, a worker, a thread that is no lcore and one that registers for its turn. One at a time, so
 * every count and every refusal is exact.
 */
#include "pool_env.h"
#include "seed.h"

#include <inttypes.h>

enum { OBJS_MAX = 600, TURN_STEPS = 60 };

static struct model {
	struct plx_mempool *pool;
	struct rng rng;
	uint64_t seed, nb_steps;
	void *out[OBJS_MAX];	  /* in any order */
	uint8_t is_out[OBJS_MAX]; /* by index */
	uint32_t nb_out;
	const char *who;
} model;

#define model_assert(cond, fmt, ...)                                                               \
	cr_assert((cond),                                                                          \
		  "PLX_TEST_SEED=%" PRIu64 " step %" PRIu64 " by %s, %u objects, cache %u, "       \
		  "%u out: " fmt,                                                                  \
		  model.seed, model.nb_steps, model.who, model.pool->nb_objs,                      \
		  model.pool->cache_size, model.nb_out, __VA_ARGS__)

static void take(uint32_t n)
{
	struct plx_mempool *pool = model.pool;
	uint32_t in_reach = plx_ring_count(pool->ring) + pool->caches[plx_lcore_id()]->len;
	uint32_t want = n <= in_reach ? n : 0, got;
	void *objs[OBJS_MAX];

	got = plx_mempool_get_bulk(pool, objs, n);
	model_assert(got == want, "%u of %u taken, want %u", got, n, want);
	for (uint32_t i = 0; i < got; i++) {
		int64_t index = plx_mempool_index(pool, objs[i]);

		model_assert(index >= 0, "%p is not the pool's own", objs[i]);
		model_assert(!model.is_out[index], "object %lld is out already", (long long)index);
		model.is_out[index] = 1;
		model.out[model.nb_out++] = objs[i];
		memcpy(objs[i], &index, sizeof(index));
	}
}

static void give(uint32_t n)
{
	void *objs[OBJS_MAX];

	n = n < model.nb_out ? n : model.nb_out;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = rng_below(&model.rng, model.nb_out);
		int64_t index = plx_mempool_index(model.pool, model.out[at]), written;

		objs[i] = model.out[at];
		model.out[at] = model.out[--model.nb_out];
		memcpy(&written, objs[i], sizeof(written));
		model_assert(written == index, "object %lld was written by %lld", (long long)index,
			     (long long)written);
		model.is_out[index] = 0;
	}
	plx_mempool_put_bulk(model.pool, objs, n);
}

static void one_turn(void)
{
	for (int i = 0; i < TURN_STEPS; i++, model.nb_steps++) {
		struct plx_mempool *pool = model.pool;
		uint32_t most = rng_below(&model.rng, 4) ? pool->cache_size + 4 : pool->nb_objs;
		uint32_t n = rng_below(&model.rng, plx_min_u32(most, pool->nb_objs) + 1);

		if (rng_below(&model.rng, 2))
			take(n);
		else
			give(n);
		model_assert(plx_mempool_avail(pool) == pool->nb_objs - model.nb_out, "%u at home",
			     plx_mempool_avail(pool));
		model_assert(plx_mempool_in_use(pool) == model.nb_out, "%u in use",
			     plx_mempool_in_use(pool));
		model_assert(pool->caches[plx_lcore_id()]->len <= pool->caches[plx_lcore_id()]->cap,
			     "%u in the cache", pool->caches[plx_lcore_id()]->len);
	}
}

static int worker_turn(void *arg)
{
	(void)arg;
	one_turn();
	return 0;
}

static void *thread_turn(void *arg)
{
	bool registered = arg != NULL;

	if (registered)
		cr_assert_geq(plx_lcore_register(), 0);
	one_turn();
	if (registered)
		cr_assert_eq(plx_lcore_unregister(), 0);
	return NULL;
}

static void any_turn(void)
{
	switch (rng_below(&model.rng, 4)) {
	case 0:
		model.who = "main";
		one_turn();
		break;
	case 1:
		model.who = "worker";
		on_worker(worker_turn, NULL);
		break;
	case 2:
		model.who = "thread";
		in_thread(thread_turn, NULL);
		break;
	default:
		model.who = "registered thread";
		in_thread(thread_turn, &model);
	}
	model_assert(plx_mempool_audit(model.pool) == 0, "audit: %s", log_lines_text(0));
}

Test(mempool_model, random_turns_against_a_set, .init = start_pools, .fini = end_pools,
     .timeout = 300)
{
	unsigned nb_pools = test_is_long() ? 1500 : 40;

	model.rng = rng_start("mempool_model");
	model.seed = model.rng.state;
	for (unsigned i = 0; i < nb_pools; i++) {
		uint32_t nb_objs = rng_between(&model.rng, 1, OBJS_MAX);
		uint32_t cache_max = rng_below(&model.rng, 3) ? plx_min_u32(nb_objs, 40) : nb_objs;

		model.pool = pool_new("model", nb_objs, 8 + rng_below(&model.rng, 200),
				      rng_below(&model.rng, cache_max + 1));
		model.nb_out = 0;
		memset(model.is_out, 0, sizeof(model.is_out));
		for (int turn = 0; turn < 20; turn++)
			any_turn();
		give(OBJS_MAX);
		assert_pool(model.pool, nb_objs);
		plx_mempool_destroy(model.pool);
	}
	assert_no_line();
}
