/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The caches of lcores: what they hold, give back and keep from others; threads that are no lcore,
 * and those that register and go.
 */
#include "pool_env.h"

#include <sys/resource.h>
#include <unistd.h>

TestSuite(mempool_cache, .init = start_pools, .fini = end_pools);

static uint32_t cached(const struct plx_mempool *pool, unsigned lcore)
{
	return pool->caches[lcore]->len;
}

Test(mempool_cache, the_first_get_fills_the_cache)
{
	struct plx_mempool *pool = pool_new("p", 100, 64, 8);
	void *obj = plx_mempool_get(pool);
	uint32_t nb;

	cr_assert_not_null(obj);
	nb = cached(pool, 0);
	cr_assert(nb >= 7 && nb <= 8, "%u", nb);
	cr_assert_eq(plx_ring_count(pool->ring), 99 - nb, "%u", plx_ring_count(pool->ring));
	assert_pool(pool, 99);
	plx_mempool_put(pool, obj);
	cr_assert_eq(cached(pool, 0), nb + 1, "%u", cached(pool, 0));
	assert_pool(pool, 100);
}

Test(mempool_cache, what_came_last_goes_first)
{
	struct plx_mempool *pool = pool_new("p", 100, 64, 8);
	void *objs[4], *again[4];

	cr_assert_eq(plx_mempool_get_bulk(pool, objs, 4), 4);
	plx_mempool_put(pool, objs[2]);
	plx_mempool_put(pool, objs[0]);
	cr_assert_eq(plx_mempool_get(pool), objs[0]);
	cr_assert_eq(plx_mempool_get(pool), objs[2]);
	plx_mempool_put_bulk(pool, objs, 4);
	cr_assert_eq(plx_mempool_get_bulk(pool, again, 4), 4);
	cr_assert_arr_eq(again, objs, sizeof(objs));
}

Test(mempool_cache, nothing_is_nothing)
{
	struct plx_mempool *pool = pool_new("p", 10, 64, 4);
	void *objs[10];

	cr_assert_eq(plx_mempool_get_bulk(pool, objs, 0), 0);
	plx_mempool_put_bulk(pool, objs, 0);
	assert_pool(pool, 10);
	cr_assert_eq(plx_mempool_get_bulk(pool, objs, 10), 10);
	cr_assert_eq(plx_mempool_get_bulk(pool, objs, 0), 0);
	assert_pool(pool, 0);
}

/* Every bulk size around every cache size: all or nothing, exact counts, each object once. */
static void bulks(uint32_t cache_size, uint32_t n)
{
	enum { NB = 40 };
	struct plx_mempool *pool = pool_new("p", NB, 64, cache_size);
	void *objs[NB], *spare = (void *)&objs;
	uint32_t nb = 0, got;

	do {
		objs[nb] = spare;
		got = plx_mempool_get_bulk(pool, &objs[nb], n);
		cr_assert(got == n || got == 0, "cache %u, bulk %u: %u", cache_size, n, got);
		nb += got;
		assert_pool(pool, NB - nb);
		cr_assert_leq(cached(pool, 0), pool->caches[0]->cap, "%u", cached(pool, 0));
	} while (got && nb + n <= NB);
	cr_assert_eq(nb, NB / n * n, "cache %u, bulk %u: %u in all", cache_size, n, nb);
	cr_assert_eq(plx_mempool_get_bulk(pool, objs + nb, NB - nb), NB - nb, "the rest");
	cr_assert_null(plx_mempool_get(pool));
	for (uint32_t i = 0; i < NB; i++)
		for (uint32_t j = 0; j < i; j++)
			cr_assert_neq(objs[i], objs[j], "%p twice", objs[i]);
	plx_mempool_put_bulk(pool, objs + nb, NB - nb);
	for (uint32_t i = 0; i < nb; i += n) {
		plx_mempool_put_bulk(pool, objs + i, n);
		assert_pool(pool, NB - nb + i + n);
		cr_assert_leq(cached(pool, 0), pool->caches[0]->cap, "%u", cached(pool, 0));
	}
	plx_mempool_destroy(pool);
}

Test(mempool_cache, bulks_around_every_cache_size)
{
	static const uint32_t caches[] = {0, 1, 2, 3, 7, 8, 16, 20, 39, 40};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(caches); i++)
		for (uint32_t n = 1; n <= 40; n++)
			bulks(caches[i], n);
	assert_no_line();
}

Test(mempool_cache, the_oldest_go_to_the_ring)
{
	struct plx_mempool *pool = pool_new("p", 100, 64, 8);
	uint32_t in_ring, nb = 0;
	void *objs[30], *obj;

	cr_assert_eq(plx_mempool_get_bulk(pool, objs, 30), 30);
	cr_assert_eq(cached(pool, 0), 0, "more than the cache holds went past it: %u",
		     cached(pool, 0));
	in_ring = plx_ring_count(pool->ring);
	while (nb < 30 && plx_ring_count(pool->ring) == in_ring)
		plx_mempool_put(pool, objs[nb++]);
	cr_assert_eq(nb, pool->caches[0]->cap + 1, "%u went in before some left", nb);
	cr_assert_geq(cached(pool, 0), 4, "%u left in the cache", cached(pool, 0));
	while (cached(pool, 0) > 0) {
		obj = plx_mempool_get(pool);
		cr_assert_eq(obj, objs[--nb], "%u: %p, want %p", nb, obj, objs[nb]);
	}
	cr_assert_eq(plx_ring_count(pool->ring), in_ring + nb, "%u, want %u",
		     plx_ring_count(pool->ring), in_ring + nb);
}

/* More than the cache holds, of which some are in the cache and the others in the ring. */
Test(mempool_cache, cache_and_ring_together)
{
	struct plx_mempool *pool = pool_new("p", 10, 64, 4);
	void *objs[11];

	objs[0] = plx_mempool_get(pool);
	cr_assert_gt(cached(pool, 0), 0);
	cr_assert_lt(plx_ring_count(pool->ring), 9);
	cr_assert_eq(plx_mempool_get_bulk(pool, objs + 1, 10), 0, "10 of 9");
	assert_pool(pool, 9);
	cr_assert_eq(plx_mempool_get_bulk(pool, objs + 1, 9), 9);
	assert_pool(pool, 0);
	plx_mempool_put_bulk(pool, objs, 10);
	assert_pool(pool, 10);
}

/* ---- Another lcore's cache ---- */

struct shared {
	struct plx_mempool *pool;
	void *objs[64];
	uint32_t nb;
	uint32_t cached; /* in the thread's cache at its end */
	int id;		 /* what plx_lcore_register() returned */
};

static int take_and_give(void *arg)
{
	struct shared *shared = arg;

	shared->nb = plx_mempool_get_bulk(shared->pool, shared->objs, 3);
	plx_mempool_put_bulk(shared->pool, shared->objs, shared->nb);
	shared->cached = cached(shared->pool, plx_lcore_id());
	return 0;
}

static int take_all(void *arg)
{
	struct shared *shared = arg;

	shared->nb = get_all(shared->pool, shared->objs);
	return 0;
}

Test(mempool_cache, anothers_cache_is_not_stolen_from)
{
	struct shared shared = {.pool = pool_new("p", 50, 64, 8)};
	uint32_t nb, theirs;
	void *objs[50];

	cr_assert_eq(on_worker(take_and_give, &shared), 0);
	cr_assert_eq(shared.nb, 3);
	theirs = shared.cached;
	cr_assert_geq(theirs, 8, "a full one is that much: %u", theirs);
	nb = get_all(shared.pool, objs);
	cr_assert_eq(nb, 50 - theirs, "%u", nb);
	assert_pool(shared.pool, theirs);
	cr_assert_eq(cached(shared.pool, 0), 0);
	cr_assert_eq(on_worker(take_all, &shared), 0);
	cr_assert_eq(shared.nb, theirs, "%u", shared.nb);
	assert_pool(shared.pool, 0);
	plx_mempool_put_bulk(shared.pool, shared.objs, shared.nb);
	plx_mempool_put_bulk(shared.pool, objs, nb);
	assert_pool(shared.pool, 50);
}

static int give_back(void *arg)
{
	struct shared *shared = arg;

	for (uint32_t i = 0; i < shared->nb; i++)
		plx_mempool_put(shared->pool, shared->objs[i]);
	return 0;
}

Test(mempool_cache, one_takes_and_another_gives_back)
{
	struct shared shared = {.pool = pool_new("p", 64, 64, 16)};

	for (int i = 0; i < 100; i++) {
		shared.nb = plx_mempool_get_bulk(shared.pool, shared.objs, 20);
		cr_assert_eq(shared.nb, 20, "round %d: %u", i, shared.nb);
		on_worker(give_back, &shared);
		assert_pool(shared.pool, 64);
	}
}

/* ---- Threads that are no lcore ---- */

static void *use_unregistered(void *arg)
{
	struct shared *shared = arg;

	shared->cached = cached(shared->pool, PLX_LCORE_NONE);
	for (uint32_t n = 0; n <= 20; n++) {
		shared->nb = plx_mempool_get_bulk(shared->pool, shared->objs, n);
		if (shared->nb != n || plx_mempool_avail(shared->pool) != 50 - n)
			shared->id = -1;
		plx_mempool_put_bulk(shared->pool, shared->objs, shared->nb);
		shared->cached |= cached(shared->pool, PLX_LCORE_NONE);
	}
	shared->nb = get_all(shared->pool, shared->objs);
	plx_mempool_put_bulk(shared->pool, shared->objs, shared->nb);
	return NULL;
}

Test(mempool_cache, a_thread_that_is_no_lcore_has_none)
{
	struct shared shared = {.pool = pool_new("p", 50, 64, 8)};

	in_thread(use_unregistered, &shared);
	cr_assert_eq(shared.id, 0, "a wrong number of objects");
	cr_assert_eq(shared.nb, 50, "%u", shared.nb);
	cr_assert_eq(shared.cached, 0, "the common empty cache holds %u", shared.cached);
	cr_assert_eq(plx_ring_count(shared.pool->ring), 50);
	assert_pool(shared.pool, 50);
}

static void *use_registered(void *arg)
{
	struct shared *shared = arg;

	shared->id = plx_lcore_register();
	if (shared->id < 0)
		return NULL;
	take_and_give(shared);
	plx_lcore_unregister();
	return NULL;
}

Test(mempool_cache, a_thread_that_registers_gets_one_and_leaves_it_empty)
{
	struct shared shared = {.pool = pool_new("p", 50, 64, 8)};
	struct plx_mem_stats first;
	void *objs[50];

	for (int i = 0; i < 3; i++) {
		in_thread(use_registered, &shared);
		cr_assert_eq(shared.id, 2, "%d", shared.id);
		cr_assert_eq(shared.nb, 3, "%u", shared.nb);
		if (i == 0)
			first = mem_stats();
		assert_no_leak(first); /* the second thread with that id gets the same cache */
		cr_assert_geq(shared.cached, 8, "%u", shared.cached);
		cr_assert_eq(cached(shared.pool, 2), 0, "its objects are not home: %u",
			     cached(shared.pool, 2));
		cr_assert_eq(plx_ring_count(shared.pool->ring), 50);
		assert_pool(shared.pool, 50);
	}
	cr_assert_eq(get_all(shared.pool, objs), 50);
	plx_mempool_put_bulk(shared.pool, objs, 50);
}

/* It ends without plx_lcore_unregister(). */
static void *use_and_end(void *arg)
{
	struct shared *shared = arg;

	shared->id = plx_lcore_register();
	if (shared->id >= 0)
		take_and_give(shared);
	return NULL;
}

Test(mempool_cache, a_registered_thread_that_just_ends_leaves_it_empty_too)
{
	struct shared shared = {.pool = pool_new("p", 50, 64, 8)};

	in_thread(use_and_end, &shared);
	cr_assert_geq(shared.cached, 8, "%u", shared.cached);
	cr_assert_eq(plx_ring_count(shared.pool->ring), 50, "%u",
		     plx_ring_count(shared.pool->ring));
	assert_pool(shared.pool, 50);
}

static void *make_pool_registered(void *arg)
{
	struct shared *shared = arg;

	shared->id = plx_lcore_register();
	if (shared->id < 0)
		return NULL;
	shared->pool = pool_new("late", 50, 64, 8);
	take_and_give(shared);
	plx_lcore_unregister();
	return NULL;
}

Test(mempool_cache, a_pool_made_after_the_thread_registered_has_one_for_it)
{
	struct shared shared = {.id = -1};

	in_thread(make_pool_registered, &shared);
	cr_assert_eq(shared.id, 2, "%d", shared.id);
	cr_assert_geq(shared.cached, 8, "%u", shared.cached);
	assert_pool(shared.pool, 50);
	cr_assert_eq(plx_ring_count(shared.pool->ring), 50);
}

Test(mempool_cache, every_pool_has_its_own)
{
	struct plx_mempool *pools[3] = {pool_new("a", 50, 64, 8), pool_new("b", 50, 64, 16),
					pool_new("c", 50, 64, 0)};
	static const uint32_t want[] = {8, 16, 0};

	for (int i = 0; i < 3; i++) {
		struct shared shared = {.pool = pools[i]};

		in_thread(use_registered, &shared);
		cr_assert_geq(shared.cached, want[i], "pool %d: %u", i, shared.cached);
		cr_assert(want[i] || !shared.cached, "pool %d: %u", i, shared.cached);
		assert_pool(pools[i], 50);
	}
}

Test(mempool_cache, registering_without_memory_for_a_cache_is_refused)
{
	struct shared shared = {
		.pool = pool_new("hungry", PLX_MEMPOOL_CACHE_MAX, 8, PLX_MEMPOOL_CACHE_MAX)};
	struct plx_mem_stats before;

	watch_growth();
	use_up_memory(32 << 10);
	before = mem_stats();
	refuse_nth_growth(1);
	in_thread(use_registered, &shared);
	cr_assert_eq(shared.id, -ENOMEM, "%d", shared.id);
	cr_assert_eq(log_lines_with("'hungry'"), 1, "%s", log_lines_text(0));
	cr_assert_eq(log_lines_with("lcore 2"), 1, "%s", log_lines_text(0));
	assert_no_leak(before);
	refuse_nth_growth(0);
	in_thread(use_registered, &shared);
	cr_assert_eq(shared.id, 2, "%d", shared.id);
	log_lines_start();
	assert_pool(shared.pool, PLX_MEMPOOL_CACHE_MAX);
}

Test(mempool_cache, threads_still_register_after_the_eal_was_started_again)
{
	struct shared shared;

	pool_new("before", 50, 64, 8);
	plx_eal_fini();
	start_lcores(2);
	shared.pool = pool_new("after", 50, 64, 8);
	in_thread(use_registered, &shared);
	cr_assert_eq(shared.id, 2, "%d", shared.id);
	cr_assert_geq(shared.cached, 8, "%u", shared.cached);
	assert_pool(shared.pool, 50);
}

/* ---- A put while the ring is held ---- */

/* Commits what the test has reserved, some time after the put has begun. */
static void *let_go_late(void *arg)
{
	usleep(50000);
	plx_ring_mp_commit(arg, 0);
	return NULL;
}

/*
 * Who holds the ring may have a lower priority than who puts: the put must sleep, which the kernel
 * counts as switches of its own will, and not only yield.
 */
Test(mempool_cache, a_put_sleeps_while_the_ring_is_held)
{
	struct plx_mempool *pool = pool_new("held", 8, 64, 0);
	struct rusage before, after;
	struct plx_ring_span span;
	pthread_t thread;
	void *obj = plx_mempool_get(pool);

	cr_assert_not_null(obj);
	cr_assert_eq(plx_ring_mp_reserve(pool->ring, 1, &span), 1);
	cr_assert_eq(getrusage(RUSAGE_THREAD, &before), 0);
	cr_assert_eq(pthread_create(&thread, NULL, let_go_late, pool->ring), 0);
	plx_mempool_put(pool, obj);
	cr_assert_eq(getrusage(RUSAGE_THREAD, &after), 0);
	pthread_join(thread, NULL);
	cr_assert_geq(after.ru_nvcsw - before.ru_nvcsw, 5, "slept %ld times",
		      after.ru_nvcsw - before.ru_nvcsw);
	assert_pool(pool, 8);
	plx_mempool_destroy(pool);
}
