/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of pools share: pools in one line, work on other lcores and threads, and memory
 * that can be made to run out. For Criterion tests, which have a process each.
 */
#ifndef TEST_POOL_ENV_H
#define TEST_POOL_ENV_H

#include "eal_run.h"
#include "log_lines.h"

#include <errno.h>
#include <pollux/lcore.h>
#include <pollux/mem.h>
#include <pollux/mempool.h>
#include <pthread.h>
#include <stdlib.h>

/* lcore 0 is main, lcore 1 a worker. */
static inline void start_pools(void)
{
	start_lcores(2);
	log_lines_start();
}

/* A failed assertion in a suite's .fini does not fail the test, one in a call of a driver leaves
 * the port layer's lock behind: a crash is told. */
#define assert_or_abort(cond, ...)                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, __VA_ARGS__);                                              \
			fprintf(stderr, " (%s)\n", log_lines_text(0));                             \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static inline void end_pools(void)
{
	plx_log_set_sink(NULL, NULL);
	plx_eal_fini();
}

static inline struct plx_mempool *pool_new(const char *name, uint32_t nb_objs, uint32_t obj_bytes,
					   uint32_t cache_size)
{
	const struct plx_mempool_conf conf = {
		.name = name,
		.nb_objs = nb_objs,
		.obj_bytes = obj_bytes,
		.cache_size = cache_size,
		.node = PLX_NODE_ANY,
	};
	struct plx_mempool *pool = NULL;
	int ret = plx_mempool_create(&conf, &pool);

	cr_assert_eq(ret, 0, "pool '%s': %d, %s", name, ret, log_lines_text(0));
	return pool;
}

/* @avail objects are at home, and the audit finds nothing. */
#define assert_pool(pool, avail) assert_pool_(__LINE__, (pool), (uint32_t)(avail))

static inline void assert_pool_(int at, struct plx_mempool *pool, uint32_t want)
{
	uint32_t avail = plx_mempool_avail(pool), in_use = plx_mempool_in_use(pool);

	cr_assert_eq(avail, want, "line %d: %u at home, want %u", at, avail, want);
	cr_assert_eq(in_use, pool->nb_objs - want, "line %d: %u in use", at, in_use);
	cr_assert_eq(plx_mempool_audit(pool), 0, "line %d: audit: %s", at, log_lines_text(0));
}

/* Run @fn on lcore 1 and wait for it; returns what it returned. */
static inline int on_worker(int (*fn)(void *), void *arg)
{
	int ret = -1;

	cr_assert_eq(plx_lcore_launch(1, fn, arg), 0);
	cr_assert_eq(plx_lcore_wait(1, &ret), 0);
	return ret;
}

static inline void in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, fn, arg), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
}

/* Take one by one until there are none; returns how many. */
static inline uint32_t get_all(struct plx_mempool *pool, void **objs)
{
	uint32_t nb = 0;

	while (nb < pool->nb_objs && (objs[nb] = plx_mempool_get(pool)) != NULL)
		nb++;
	if (nb == pool->nb_objs)
		cr_assert_null(plx_mempool_get(pool), "more objects than there are");
	return nb;
}

/* ---- Memory that runs out: the n-th time that pages are taken is refused ---- */

static struct plx_log_module watch_log = PLX_LOG_MODULE("watch");
static unsigned growths, refuse_growth;

static int on_added(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)len;
	(void)arg;
	if (++growths != refuse_growth)
		return 0;
	plx_log(&watch_log, PLX_LOG_ERR, "a watch has to tell why it refuses");
	return -ENOMEM;
}

static void on_removed(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)len;
	(void)arg;
}

static struct plx_mem_watch mem_watch = {.added = on_added, .removed = on_removed};

static inline void watch_growth(void)
{
	cr_assert_eq(plx_mem_watch_add(&mem_watch), 0);
}

/* The @nth growth from now on fails; 0: none. */
static inline void refuse_nth_growth(unsigned nth)
{
	growths = 0;
	refuse_growth = nth;
}

/* Leave no free run of @bytes or more; what was taken for it stays taken. */
static inline void use_up_memory(size_t bytes)
{
	struct plx_mem_stats stats;

	for (;;) {
		cr_assert_eq(plx_mem_stats(&stats), 0);
		if (stats.all.biggest_free_bytes < bytes)
			return;
		cr_assert_not_null(plx_mem_alloc(stats.all.biggest_free_bytes, 0, PLX_NODE_ANY));
	}
}

/* Leave about this much, in one run. */
static inline void leave_memory(size_t bytes)
{
	void *room = plx_mem_alloc(bytes, 0, PLX_NODE_ANY);

	cr_assert_not_null(room);
	use_up_memory(PLX_CACHE_LINE);
	plx_mem_free(room);
}

static inline struct plx_mem_stats mem_stats(void)
{
	struct plx_mem_stats stats;

	cr_assert_eq(plx_mem_stats(&stats), 0);
	return stats;
}

/* Zones and blocks are what they were. */
#define assert_no_leak(before)                                                                     \
	do {                                                                                       \
		struct plx_mem_stats after_ = mem_stats();                                         \
		cr_assert_eq(after_.nb_zones, (before).nb_zones, "%zu zones, want %zu",            \
			     after_.nb_zones, (before).nb_zones);                                  \
		cr_assert_eq(after_.all.nb_blocks, (before).all.nb_blocks, "%zu blocks, want %zu", \
			     after_.all.nb_blocks, (before).all.nb_blocks);                        \
		cr_assert_eq(after_.all.used_bytes, (before).all.used_bytes,                       \
			     "%zu bytes, want %zu", after_.all.used_bytes,                         \
			     (before).all.used_bytes);                                             \
	} while (0)

#endif
