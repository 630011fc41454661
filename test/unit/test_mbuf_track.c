/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --mbuf-track: a leak and a double free are told with who took, passed on and freed the mbuf.
 * Builds without PLX_CHECK have no trace of it.
 */
#include "mbuf_env.h"

#include <dlfcn.h>

static void start_tracked(void)
{
	static struct plx_eal_conf conf;

	lcore_conf(&conf, 2);
	conf.mbuf_track = true;
	cr_assert_eq(plx_eal_init(&conf), 0);
	log_lines_start();
}

TestSuite(mbuf_track, .init = start_tracked, .fini = end_pools);

#if PLX_CHECK

/* The address behind "@verb by ... at FILE+0x" in line @i, or 0. */
static uintptr_t place_of(unsigned i, const char *verb)
{
	const char *at = strstr(log_lines_text(i), verb);
	Dl_info info;

	if (!at || !dladdr(place_of, &info))
		return 0;
	at = strstr(at, "+0x");
	return at ? (uintptr_t)info.dli_fbase + strtoull(at + 1, NULL, 16) : 0;
}

/* It is within @fn, one of this file's short functions. */
#define assert_place(i, verb, fn)                                                                  \
	do {                                                                                       \
		uintptr_t at_ = place_of((i), (verb)), fn_ = (uintptr_t)(fn);                      \
		cr_assert(at_ > fn_ && at_ < fn_ + 2000, "%s: %#lx, want %#lx: %s", (verb),        \
			  (unsigned long)at_, (unsigned long)fn_, log_lines_text(i));              \
	} while (0)

static __attribute__((noinline)) struct plx_mbuf *take_it(struct plx_mempool *pool)
{
	return plx_mbuf_alloc(pool);
}

static __attribute__((noinline)) void pass_it(struct plx_mbuf *m)
{
	plx_mbuf_pass(m);
}

Test(mbuf_track, a_leak_is_told_with_its_owner)
{
	struct plx_mempool *pool = packets_new("leaky", 20, 0, 0);
	struct plx_mbuf *taken = take_it(pool), *passed = take_it(pool);

	cr_assert_not_null(passed);
	pass_it(passed);
	cr_assert_not_null(taken);
	plx_mbuf_pool_destroy(pool);
	cr_assert_eq(log_lines.nb, 3, "%u lines: %s", log_lines.nb, log_lines_text(0));
	assert_line(0, "mempool", PLX_LOG_WARN, "'leaky'", "2 objects out");
	cr_assert_eq(log_lines_with("is out: taken by lcore 0 at "), 2, "%s / %s",
		     log_lines_text(1), log_lines_text(2));
	cr_assert_eq(log_lines_with("; passed on by lcore 0 at "), 1, "%s / %s", log_lines_text(1),
		     log_lines_text(2));
	assert_place(1, "taken", take_it);
	assert_place(2, "taken", take_it);
	assert_place(place_of(1, "passed") ? 1 : 2, "passed", pass_it);
	cr_assert_eq(log_lines_with(" us ago"), 2);
	cr_assert_eq(log_lines_with("freed by"), 0);
}

static __attribute__((noinline)) int free_it(void *arg)
{
	plx_mbuf_free(arg);
	return 0;
}

static void *free_in_thread(void *arg)
{
	plx_mbuf_free(arg);
	return NULL;
}

Test(mbuf_track, a_double_free_is_told_with_the_first_one)
{
	struct plx_mempool *pool = packets_new("p", 20, 0, 0);
	struct plx_mbuf *m = take_it(pool);

	cr_assert_not_null(m);
	pass_it(m);
	on_worker(free_it, m);
	assert_no_line();
	plx_mbuf_free(m);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "freed twice: taken by lcore 0 at ",
			"passed on by lcore 0 at ", "freed by lcore 1 at ");
	assert_place(0, "taken", take_it);
	assert_place(0, "passed", pass_it);
	assert_place(0, "freed by", free_it);
	assert_pool(pool, 20);
}

Test(mbuf_track, a_thread_that_is_no_lcore)
{
	struct plx_mempool *pool = packets_new("p", 20, 0, 0);
	struct plx_mbuf *m = plx_mbuf_alloc(pool);

	in_thread(free_in_thread, m);
	plx_mbuf_free(m);
	assert_one_line("mempool", PLX_LOG_ERR, "freed by a thread at ");
}

/* What its former owners did is forgotten when it is taken again. */
Test(mbuf_track, taking_begins_anew)
{
	struct plx_mempool *pool = packets_new("p", 1, 0, 0);
	struct plx_mbuf *m = plx_mbuf_alloc(pool), *again;

	plx_mbuf_pass(m);
	on_worker(free_it, m);
	again = plx_mbuf_raw_alloc(pool);
	cr_assert_eq(again, m);
	plx_mbuf_free_bulk(&again, 1);
	plx_mbuf_free(m);
	assert_one_line("mempool", PLX_LOG_ERR, "taken by lcore 0", "freed by lcore 0");
	cr_assert_eq(log_lines_with("passed on"), 0, "%s", log_lines_text(0));
}

Test(mbuf_track, chains_and_clones_are_tracked_too)
{
	struct plx_mempool *pool = packets_new("p", 20, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 10, 0), *last = packet_new(pool, 10, 0), *copy;

	cr_assert_eq(plx_mbuf_chain(m, last), 0);
	copy = plx_mbuf_clone(m, pool);
	plx_mbuf_free(m);
	plx_mbuf_free(copy);
	assert_no_line();
	plx_mbuf_raw_free(last);
	assert_one_line("mempool", PLX_LOG_ERR, "freed twice: taken by lcore 0",
			"freed by lcore 0");
	assert_all_home(pool);
}

Test(mbuf_track, the_table_is_given_back)
{
	struct plx_mem_stats before = mem_stats();

	for (int i = 0; i < 10; i++)
		plx_mbuf_pool_destroy(packets_new("p", 1000, 64, 0));
	assert_no_leak(before);
}

Test(mbuf_track, memory_that_runs_out_is_undone)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = "starved", .nb_mbufs = 1000, .data_room = 64, .node = PLX_NODE_ANY};
	struct plx_mempool *pool = NULL;

	watch_growth();
	for (size_t bytes = 1024; !pool; bytes += 8192) {
		struct plx_mem_stats before;

		refuse_nth_growth(0);
		leave_memory(bytes);
		before = mem_stats();
		refuse_nth_growth(1);
		if (plx_mbuf_pool_create(&conf, &pool)) {
			cr_assert_null(pool);
			assert_no_leak(before);
		}
	}
	cr_assert_geq(log_lines_with("track 1000 mbufs"), 1, "the table was never refused");
	refuse_nth_growth(0);
}

Test(mbuf_track, not_asked_for)
{
	struct plx_mempool *pool;
	struct plx_mbuf *m;

	plx_eal_fini();
	start_lcores(1);
	log_lines_start();
	pool = packets_new("p", 20, 0, 0);
	m = plx_mbuf_alloc(pool);
	plx_mbuf_pass(m);
	plx_mbuf_free(m);
	plx_mbuf_free(m);
	assert_one_line("mempool", PLX_LOG_ERR, "freed twice");
	cr_assert_eq(log_lines_with("taken by"), 0, "%s", log_lines_text(0));
}

#else

Test(mbuf_track, nothing_of_it_in_this_build)
{
	struct plx_mempool *pool = packets_new("p", 20, 0, 0);
	struct plx_mbuf *m = plx_mbuf_alloc(pool);

	plx_mbuf_pass(m);
	cr_assert_null(pool->tell);
	plx_mbuf_pool_destroy(pool);
	assert_one_line("mempool", PLX_LOG_WARN, "'p'", "1 objects out");
	cr_assert_eq(log_lines_with("taken by"), 0, "%s", log_lines_text(0));
}

#endif
