/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is found when a pool is misused: the audit on real damage, and in checked builds each wrong
 * call as it comes.
 */
#include "pool_env.h"

TestSuite(mempool_check, .init = start_pools, .fini = end_pools);

static void expect_audit(struct plx_mempool *pool, unsigned nb, const char *what)
{
	int ret;

	log_lines_start();
	ret = plx_mempool_audit(pool);
	cr_assert_eq(ret, -EUCLEAN, "%d, %s", ret, what);
	cr_assert_eq(log_lines_with(what), nb, "%u lines with '%s', want %u: %s",
		     log_lines_with(what), what, nb, log_lines_text(0));
	assert_line(0, "mempool", PLX_LOG_ERR, pool->name, what);
}

Test(mempool_check, audit_finds_an_object_that_is_in_the_ring_twice)
{
	struct plx_mempool *pool = pool_new("p", 7, 64, 0);
	void *obj = NULL;

	cr_assert_eq(plx_ring_mc_dequeue(pool->ring, &obj), 1);
	cr_assert_eq(plx_ring_mp_enqueue(pool->ring, obj), 1);
	cr_assert_eq(plx_mempool_audit(pool), 0);
	cr_assert_eq(plx_ring_mp_enqueue(pool->ring, obj), 1);
	expect_audit(pool, 1, "at home twice");
}

Test(mempool_check, audit_finds_an_object_in_ring_and_cache)
{
	struct plx_mempool *pool = pool_new("p", 7, 64, 2);
	void *obj = plx_mempool_get(pool);

	plx_mempool_put(pool, obj);
	cr_assert_eq(plx_mempool_audit(pool), 0);
	cr_assert_eq(plx_ring_mp_enqueue(pool->ring, obj), 1);
	expect_audit(pool, 1, "at home twice");
}

Test(mempool_check, audit_finds_what_is_not_the_pools_own)
{
	struct plx_mempool *pool = pool_new("p", 7, 64, 2);

	cr_assert_eq(plx_ring_mp_enqueue(pool->ring, (char *)plx_mempool_obj(pool, 3) + 8), 1);
	expect_audit(pool, 1, "not the pool's own");
}

Test(mempool_check, audit_finds_a_cache_with_an_impossible_length)
{
	struct plx_mempool *pool = pool_new("p", 7, 64, 2);

	pool->caches[1]->len = pool->caches[1]->cap + 1;
	expect_audit(pool, 1, "impossible length");
	pool->caches[1]->len = 0;
	cr_assert_eq(plx_mempool_audit(pool), 0);
}

Test(mempool_check, audit_tells_ten_faults_at_most)
{
	struct plx_mempool *pool = pool_new("p", 32, 64, 0);
	void *objs[16];

	cr_assert_eq(plx_ring_mc_dequeue_bulk(pool->ring, objs, 16), 16);
	cr_assert_eq(plx_ring_mp_enqueue_bulk(pool->ring, objs, 16), 16);
	for (int i = 0; i < 16; i++)
		objs[i] = &objs;
	/* The ring of a pool of 32 is full. */
	cr_assert_eq(plx_ring_mp_enqueue(pool->ring, objs[0]), 0);
	cr_assert_eq(plx_ring_mc_dequeue_bulk(pool->ring, objs, 16), 16);
	for (int i = 0; i < 16; i++)
		objs[i] = &objs;
	cr_assert_eq(plx_ring_mp_enqueue_bulk(pool->ring, objs, 16), 16);
	expect_audit(pool, 10, "not the pool's own");
	cr_assert_eq(log_lines.nb, 10, "%u", log_lines.nb);
}

/* An audit leaves the ring as it was. */
Test(mempool_check, audit_moves_nothing)
{
	struct plx_mempool *pool = pool_new("p", 9, 64, 0);
	void *before[9], *after[9];

	cr_assert_eq(get_all(pool, before), 9);
	plx_mempool_put_bulk(pool, before, 9);
	cr_assert_eq(plx_mempool_audit(pool), 0);
	cr_assert_eq(get_all(pool, after), 9);
	cr_assert_arr_eq(before, after, sizeof(before));
	cr_assert_eq(plx_mempool_audit(pool), 0);
}

#if PLX_CHECK

Test(mempool_check, freed_twice)
{
	struct plx_mempool *pool = pool_new("p", 20, 64, 4);
	void *obj = plx_mempool_get(pool), *other = plx_mempool_get(pool);
	void *objs[3];

	plx_mempool_put(pool, obj);
	assert_no_line();
	plx_mempool_put(pool, obj);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "freed twice");
	assert_pool(pool, 19);
	objs[0] = obj;
	objs[1] = other;
	objs[2] = other;
	log_lines_start();
	plx_mempool_put_bulk(pool, objs, 3);
	cr_assert_eq(log_lines.nb, 2, "%u", log_lines.nb);
	cr_assert_eq(log_lines_with("freed twice"), 2);
	assert_pool(pool, 20);
}

static void *put_again(void *arg)
{
	void **pool_and_obj = arg;

	plx_mempool_put(pool_and_obj[0], pool_and_obj[1]);
	return NULL;
}

Test(mempool_check, freed_twice_by_another_thread)
{
	struct plx_mempool *pool = pool_new("p", 20, 64, 4);
	void *pool_and_obj[2] = {pool, plx_mempool_get(pool)};

	plx_mempool_put(pool, pool_and_obj[1]);
	in_thread(put_again, pool_and_obj);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "freed twice");
	assert_pool(pool, 20);
}

Test(mempool_check, foreign_objects_are_kept_out)
{
	struct plx_mempool *pool = pool_new("p", 20, 64, 4), *other = pool_new("o", 20, 64, 4);
	void *obj = plx_mempool_get(pool), *foreign = plx_mempool_get(other), *null = NULL;

	plx_mempool_put(pool, foreign);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "not from");
	log_lines_start();
	plx_mempool_put(pool, (char *)obj + 8);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "not from");
	log_lines_start();
	plx_mempool_put(pool, null);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "not from");
	assert_pool(pool, 19);
	assert_pool(other, 19);
	plx_mempool_put(pool, obj);
	plx_mempool_put(other, foreign);
	assert_pool(pool, 20);
	assert_pool(other, 20);
}

Test(mempool_check, handed_out_twice)
{
	struct plx_mempool *pool = pool_new("p", 7, 64, 0);
	void *obj = plx_mempool_get(pool), *rest[7];

	/* Past the pool's own calls. */
	cr_assert_eq(plx_ring_mp_enqueue(pool->ring, obj), 1);
	cr_assert_eq(plx_mempool_get_bulk(pool, rest, 7), 7);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "handed out twice");
}

Test(mempool_check, handed_out_though_not_the_pools_own)
{
	struct plx_mempool *pool = pool_new("p", 7, 64, 0);
	void *objs[8];

	cr_assert_eq(plx_ring_mp_enqueue(pool->ring, &pool), 1);
	cr_assert_eq(plx_mempool_get_bulk(pool, objs, 8), 8);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "not the pool's own");
}

Test(mempool_check, audit_compares_with_the_marks)
{
	struct plx_mempool *pool = pool_new("p", 7, 64, 0);
	void *obj = plx_mempool_get(pool), *other = NULL;

	cr_assert_eq(plx_ring_mp_enqueue(pool->ring, obj), 1);
	expect_audit(pool, 1, "at home but marked as out");
	for (int i = 0; i < 7; i++)
		cr_assert_eq(plx_ring_mc_dequeue(pool->ring, &other), 1);
	cr_assert_eq(other, obj);
	expect_audit(pool, 6, "marked as at home but is not");
}

Test(mempool_check, complaints_are_rate_limited)
{
	struct plx_mempool *pool = pool_new("p", 20, 64, 4);
	void *obj = plx_mempool_get(pool);

	plx_mempool_put(pool, obj);
	for (int i = 0; i < 1000; i++)
		plx_mempool_put(pool, obj);
	cr_assert_lt(log_lines.nb, 200, "%u lines", log_lines.nb);
	cr_assert_geq(log_lines.nb, PLX_LOG_LINES_PER_S, "%u lines", log_lines.nb);
	assert_pool(pool, 20);
}

#else

/* Without the checks a pool still neither hangs nor writes past its ring. */
Test(mempool_check, more_objects_than_there_are_are_dropped_with_a_line, .timeout = 20)
{
	struct plx_mempool *pool = pool_new("p", 8, 64, 0);
	void *obj = plx_mempool_get(pool);

	plx_mempool_put(pool, obj);
	assert_no_line();
	plx_mempool_put(pool, obj);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "1 dropped", "freed twice");
	cr_assert_eq(plx_mempool_avail(pool), 8, "%u", plx_mempool_avail(pool));
}

#endif
