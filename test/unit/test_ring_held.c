/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sides that are held: by another producer or consumer, by one that died, and in checked builds by
 * whom a single-thread call must not meet.
 */
#include "log_lines.h"
#include "ring_calls.h"

#include <pthread.h>

#define ENTRY(i) ((void *)(uintptr_t)(0x7fff00000000 + (uint64_t)(i)*8))

static void start(void)
{
	log_lines_start();
}

TestSuite(ring_held, .init = start);

static void *try_all(void *arg)
{
	struct plx_ring *ring = arg;
	void *objs[2] = {ENTRY(8), ENTRY(9)};
	uintptr_t moved = 0;

	for (int way = MULTI_BULK; way < NB_WAYS; way++)
		moved += put(ring, (enum way)way, objs, 1);
	return (void *)moved;
}

static void *try_all_out(void *arg)
{
	struct plx_ring *ring = arg;
	void *objs[2];
	uintptr_t moved = 0;

	for (int way = MULTI_BULK; way < NB_WAYS; way++)
		moved += get(ring, (enum way)way, objs, 1);
	return (void *)moved;
}

static uintptr_t in_a_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	void *ret;

	cr_assert_eq(pthread_create(&thread, NULL, fn, arg), 0);
	cr_assert_eq(pthread_join(thread, &ret), 0);
	return (uintptr_t)ret;
}

Test(ring_held, others_get_0_while_a_side_is_held, .timeout = 20)
{
	struct plx_ring *ring = ring_new("r", 8);
	struct plx_ring_span span = {0};
	void *obj = NULL;

	cr_assert_eq(plx_ring_mp_enqueue(ring, ENTRY(0)), 1);
	cr_assert_eq(plx_ring_mp_reserve(ring, 2, &span), 2);
	cr_assert_eq(in_a_thread(try_all, ring), 0, "another producer got in");
	cr_assert_eq(plx_ring_mc_dequeue(ring, &obj), 1, "consumers are not concerned");
	plx_ring_mp_commit(ring, 0);
	cr_assert_eq(in_a_thread(try_all, ring), 4);
	cr_assert_eq(plx_ring_mc_peek(ring, 8, &span), 4);
	cr_assert_eq(in_a_thread(try_all_out, ring), 0, "another consumer got in");
	cr_assert_eq(plx_ring_mp_enqueue(ring, ENTRY(1)), 1, "producers are not concerned");
	plx_ring_mc_advance(ring, 0);
	cr_assert_eq(in_a_thread(try_all_out, ring), 4);
	cr_assert_eq(plx_ring_count(ring), 1, "%u", plx_ring_count(ring));
	assert_no_line();
	free(ring);
}

Test(ring_held, reset_forgets_all_and_frees_the_sides, .timeout = 20)
{
	struct plx_ring *ring = ring_new("kept", 4);
	struct plx_ring_span span = {0};
	void *objs[4] = {ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4)};

	for (uint32_t at = 0; at < 8; at++) {
		ring_start_at(ring, at);
		cr_assert_eq(plx_ring_mp_enqueue_bulk(ring, objs, 2), 2);
		cr_assert_eq(plx_ring_mp_reserve(ring, 1, &span), 1);
		cr_assert_eq(plx_ring_mc_peek(ring, 1, &span), 1);
		plx_ring_reset(ring);
		cr_assert_eq(plx_ring_count(ring), 0, "%u", plx_ring_count(ring));
		cr_assert_str_eq(ring->name, "kept");
		cr_assert_eq(plx_ring_size(ring), 4);
		cr_assert_eq(plx_ring_mc_dequeue(ring, objs), 0, "an entry from before");
		cr_assert_eq(in_a_thread(try_all, ring), 4);
		cr_assert_eq(in_a_thread(try_all_out, ring), 4);
	}
	free(ring);
}

/* ---- Builds with PLX_CHECK ---- */

#if PLX_CHECK

Test(ring_held, checked_builds_refuse_bit_63)
{
	struct plx_ring *ring = ring_new("marked", 8);
	void *bad = (void *)(uintptr_t)PLX_RING_MARK;
	void *objs[3] = {ENTRY(1), ENTRY(2), bad};

	for (int way = 0; way < NB_WAYS; way++) {
		if (way == SINGLE_SPAN || way == MULTI_SPAN)
			continue;
		log_lines_start();
		cr_assert_eq(is_one(way) ? put(ring, (enum way)way, &bad, 1)
					 : put(ring, (enum way)way, objs, 3),
			     0, "%s", way_names[way]);
		assert_one_line("ring", PLX_LOG_ERR, "'marked'", "bit 63");
		cr_assert(plx_ring_is_empty(ring));
		cr_assert_eq(put(ring, (enum way)way, objs, 1), 1, "%s: the side stays held",
			     way_names[way]);
		plx_ring_reset(ring);
	}
	free(ring);
}

static void *put_single(void *arg)
{
	void *obj = ENTRY(5);
	uintptr_t moved = 0;

	for (int way = SINGLE_BULK; way <= SINGLE_SPAN; way++)
		moved += put(arg, (enum way)way, &obj, 1);
	return (void *)moved;
}

static void *get_single(void *arg)
{
	void *obj;
	uintptr_t moved = 0;

	for (int way = SINGLE_BULK; way <= SINGLE_SPAN; way++)
		moved += get(arg, (enum way)way, &obj, 1);
	return (void *)moved;
}

Test(ring_held, checked_builds_tell_of_two_threads_in_a_single_call)
{
	struct plx_ring *ring = ring_new("shared", 8);
	struct plx_ring_span span = {0};
	void *obj;

	cr_assert_eq(plx_ring_sp_enqueue(ring, ENTRY(1)), 1);
	cr_assert_eq(plx_ring_sp_reserve(ring, 1, &span), 1);
	cr_assert_eq(in_a_thread(put_single, ring), 0, "a second producer got in");
	cr_assert_eq(log_lines.nb, 4, "%u", log_lines.nb);
	assert_line(0, "ring", PLX_LOG_ERR, "'shared'", "two threads at once");
	plx_ring_sp_commit(ring, 0);
	cr_assert_eq(in_a_thread(put_single, ring), 4);
	log_lines_start();
	cr_assert_eq(plx_ring_sc_peek(ring, 1, &span), 1);
	cr_assert_eq(in_a_thread(get_single, ring), 0, "a second consumer got in");
	cr_assert_eq(log_lines.nb, 4, "%u", log_lines.nb);
	assert_line(3, "ring", PLX_LOG_ERR, "'shared'", "two threads at once");
	plx_ring_sc_advance(ring, 1);
	cr_assert_eq(in_a_thread(get_single, ring), 4);
	cr_assert_eq(plx_ring_sc_dequeue(ring, &obj), 0);
	cr_assert_eq(log_lines.nb, 4, "%u", log_lines.nb);
	free(ring);
}

#endif
