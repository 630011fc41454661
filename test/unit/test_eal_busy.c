/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load of polling lcores: what counts as busy, when the clock is read, and when a sum begins.
 */
#include "eal_run.h"

#include <pollux/busy.h>
#include <pollux/clock.h>
#include <pthread.h>

static void start(void)
{
	start_lcores(2);
}

TestSuite(busy, .init = start, .fini = plx_eal_fini);

#if PLX_BUSY

static void wait_cycles(uint64_t cycles)
{
	uint64_t start_at = plx_cycles();

	while (plx_cycles() - start_at < cycles)
		;
}

static int on_worker(plx_lcore_fn fn, void *arg)
{
	int ret = -1;

	cr_assert_eq(plx_lcore_launch(1, fn, arg), 0);
	cr_assert_eq(plx_lcore_wait(1, &ret), 0);
	return ret;
}

Test(busy, from_a_packet_to_the_next_empty_poll)
{
	uint64_t begin, first, end, sum;

	cr_assert_eq(plx_busy_cycles(0), 0);
	plx_busy_note(false);
	wait_cycles(100000);
	cr_assert_eq(plx_busy_cycles(0), 0, "empty polls");
	begin = plx_cycles_ordered();
	plx_busy_note(true);
	wait_cycles(100000);
	first = plx_busy_cycles(0);
	cr_assert_geq(first, 100000, "grows while it is busy: %ju", (uintmax_t)first);
	wait_cycles(100000);
	plx_busy_note(true);
	plx_busy_note(false);
	end = plx_cycles_ordered();
	sum = plx_busy_cycles(0);
	cr_assert_geq(sum, first + 100000, "%ju", (uintmax_t)sum);
	cr_assert_leq(sum, end - begin, "%ju of %ju", (uintmax_t)sum, (uintmax_t)(end - begin));
	wait_cycles(100000);
	cr_assert_eq(plx_busy_cycles(0), sum, "idle");
	plx_busy_note(true);
	wait_cycles(1000);
	plx_busy_note(false);
	cr_assert_geq(plx_busy_cycles(0), sum + 1000, "goes on from there");
	cr_assert_eq(plx_busy_cycles(1), 0, "another lcore's");
}

/* A read of the clock is what changes the word: it stays the same over polls of one outcome. */
Test(busy, the_clock_is_read_on_changes_only)
{
	const uint64_t *word = &plx_busy_words[0].word;
	uint64_t before = *word;

	for (int i = 0; i < 1000; i++)
		plx_busy_note(false);
	cr_assert_eq(*word, before);
	plx_busy_note(true);
	before = *word;
	cr_assert_eq(before & 1, 1);
	for (int i = 0; i < 1000; i++)
		plx_busy_note(true);
	cr_assert_eq(*word, before);
	plx_busy_note(false);
	cr_assert_neq(*word, before);
	cr_assert_eq(*word & 1, 0);
}

static int return_busy(void *arg)
{
	(void)arg;
	plx_busy_note(true);
	wait_cycles(1000);
	return 0;
}

Test(busy, what_was_launched_and_returned_is_idle)
{
	uint64_t sum;

	cr_assert_eq(on_worker(return_busy, NULL), 0);
	sum = plx_busy_cycles(1);
	cr_assert_geq(sum, 1000, "%ju", (uintmax_t)sum);
	wait_cycles(10000);
	cr_assert_eq(plx_busy_cycles(1), sum);
	cr_assert_eq(plx_lcore_launch_all(return_busy, NULL, true), 0);
	cr_assert_eq(plx_lcore_wait_all(), 0);
	sum = plx_busy_cycles(0);
	wait_cycles(10000);
	cr_assert_eq(plx_busy_cycles(0), sum, "on the main lcore too");
}

static void *register_and_work(void *arg)
{
	uint64_t *seen = arg;
	int id = plx_lcore_register();

	cr_assert_geq(id, 0, "%d", id);
	seen[0] = plx_busy_cycles((unsigned)id);
	return_busy(NULL);
	seen[1] = plx_busy_cycles((unsigned)id);
	cr_assert_eq(plx_lcore_unregister(), 0);
	seen[2] = plx_busy_cycles((unsigned)id);
	return NULL;
}

Test(busy, an_id_begins_anew_with_its_thread)
{
	for (int i = 0; i < 2; i++) {
		uint64_t seen[3] = {1, 0, 1};
		pthread_t thread;

		/* As a thread would that went on polling after its id was taken away. */
		for (unsigned id = 2; id < PLX_LCORE_MAX; id++)
			plx_busy_words[id].word = 8;
		pthread_create(&thread, NULL, register_and_work, seen);
		pthread_join(thread, NULL);
		cr_assert_eq(seen[0], 0, "%ju", (uintmax_t)seen[0]);
		cr_assert_geq(seen[1], 1000, "%ju", (uintmax_t)seen[1]);
		cr_assert_eq(seen[2], 0, "%ju", (uintmax_t)seen[2]);
	}
}

Test(busy, another_eal_begins_at_0)
{
	plx_busy_note(true);
	plx_eal_fini();
	start_lcores(2);
	cr_assert_eq(plx_busy_cycles(0), 0);
	plx_busy_note(true);
	wait_cycles(1000);
	plx_busy_note(false);
	cr_assert_geq(plx_busy_cycles(0), 1000);
}

static void *note_as_nobody(void *arg)
{
	(void)arg;
	cr_assert_eq(plx_lcore_id(), PLX_LCORE_NONE);
	return_busy(NULL);
	return NULL;
}

Test(busy, threads_that_are_no_lcore)
{
	pthread_t thread;

	pthread_create(&thread, NULL, note_as_nobody, NULL);
	pthread_join(thread, NULL);
	for (unsigned id = 0; id < PLX_LCORE_MAX; id++)
		cr_assert_eq(plx_busy_cycles(id), 0, "lcore %u", id);
	cr_assert_eq(plx_busy_cycles(PLX_LCORE_NONE), 0);
	cr_assert_eq(plx_busy_cycles(~0u), 0);
}

#else

Test(busy, nothing_is_measured)
{
	plx_busy_note(true);
	cr_assert_eq(plx_busy_cycles(0), 0);
}

#endif
