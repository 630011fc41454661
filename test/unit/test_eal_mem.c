/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory on ordinary pages: every call and every refusal, a random run that looks at each byte,
 * life and death of the whole. What needs hugepages is in test_eal_mem_huge.c.
 */
#include "eal_mem.h"

#include <grp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(void)
{
	catch_log();
	start_mem(false);
}

static void stop(void)
{
	plx_mem_fini();
}

TestSuite(mem, .init = start, .fini = stop);

Test(mem, by_need_takes_nothing_at_init)
{
	struct plx_mem_stats stats = mem_stats();

	cr_assert_eq(stats.all.total_bytes, 0, "%zu bytes are mapped", stats.all.total_bytes);
	cr_assert_eq(stats.huge, false);
	cr_assert_eq(stats.page_bytes, (size_t)sysconf(_SC_PAGESIZE), "%zu", stats.page_bytes);
	cr_assert_geq(stats.nb_nodes, 1, "%u", stats.nb_nodes);
	cr_assert_eq(plx_mem_iova_mode(), PLX_IOVA_VA, "%d", plx_mem_iova_mode());
	cr_assert_eq(plx_mem_init(&mem_conf), -EALREADY);
}

Test(mem, alloc_is_zero_aligned_and_grows)
{
	static const size_t aligns[] = {0, 1, 2, 64, 256, 4096};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(aligns); i++) {
		size_t size = 100 + i * 777777;
		char *p = plx_mem_alloc(size, aligns[i], PLX_NODE_ANY);

		cr_assert(p, "alloc %zu: %s", size, caught.error);
		cr_assert_eq((uintptr_t)p % (aligns[i] > 64 ? aligns[i] : 64), 0, "%p for %zu", p,
			     aligns[i]);
		cr_assert(all_bytes(p, size, 0), "not zero");
		cr_assert_eq(plx_mem_virt2iova(p + size - 1), (uintptr_t)(p + size - 1));
		memset(p, 0xa5, size);
		check_heaps();
	}
	cr_assert_eq(mem_stats().all.nb_blocks, PLX_ARRAY_SIZE(aligns), "%zu",
		     mem_stats().all.nb_blocks);
}

Test(mem, pages_by_need_go_back)
{
	void *small = plx_mem_alloc(64, 0, PLX_NODE_ANY);
	void *big = plx_mem_alloc(9 * MB, 0, PLX_NODE_ANY);

	cr_assert(small && big, "%s", caught.error);
	cr_assert_eq(mem_stats().all.total_bytes, 10 * MB, "%zu", mem_stats().all.total_bytes);
	memset(big, 1, 9 * MB);
	plx_mem_free(big);
	/* The first piece of 2 MB holds the small block, so it stays; and is zero again. */
	cr_assert_eq(mem_stats().all.total_bytes, 2 * MB, "%zu", mem_stats().all.total_bytes);
	cr_assert(all_bytes(small, 2 * MB - (uintptr_t)small % (2 * MB), 0), "freed, not zeroed");
	cr_assert_eq(plx_mem_virt2iova((char *)big + 8 * MB), PLX_IOVA_BAD);
	plx_mem_free(small);
	cr_assert_eq(mem_stats().all.total_bytes, 0, "%zu", mem_stats().all.total_bytes);
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);
	cr_assert_eq(plx_mem_alloc(64, 0, PLX_NODE_ANY), small, "the lowest address comes first");
}

Test(mem, growth_continues_the_last_free_run)
{
	char *a = plx_mem_alloc(MB, 0, PLX_NODE_ANY), *b = plx_mem_alloc(2 * MB, 0, PLX_NODE_ANY);

	cr_assert_eq(b, a + MB, "%p does not follow %p", b, a);
	cr_assert_eq(mem_stats().all.total_bytes, 4 * MB, "%zu", mem_stats().all.total_bytes);
}

Test(mem, alloc_refuses)
{
	static const struct {
		size_t size, align;
		int node, want;
	} cases[] = {
		{0, 0, PLX_NODE_ANY, EINVAL},
		{64, 3, PLX_NODE_ANY, EINVAL},
		{64, 2 * MB, PLX_NODE_ANY, EINVAL},
		{64, 0, PLX_NODE_MAX, EINVAL},
		{64, 0, -2, EINVAL},
		{SIZE_MAX, 0, PLX_NODE_ANY, EINVAL},
		{(size_t)1 << 50, 0, PLX_NODE_ANY, ENOMEM},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		catch_log();
		errno = 0;
		cr_expect_eq(plx_mem_alloc(cases[i].size, cases[i].align, cases[i].node), NULL);
		cr_expect_eq(errno, cases[i].want, "case %zu: errno %d", i, errno);
		cr_expect_eq(caught.nb_lines, 1, "case %zu: %u lines", i, caught.nb_lines);
	}
	cr_assert_eq(mem_stats().all.total_bytes, 0, "%zu", mem_stats().all.total_bytes);
}

static void free_must_complain(void *ptr, const char *how)
{
	struct plx_mem_stats before = mem_stats(), after;

	catch_log();
	errno = 4711;
	plx_mem_free(ptr);
	after = mem_stats();
	cr_expect_eq(errno, 4711, "errno became %d", errno);
	cr_expect_eq(caught.nb_errors, 1, "%p: %u lines", ptr, caught.nb_errors);
	cr_expect(strstr(caught.error, how), "\"%s\" does not say \"%s\"", caught.error, how);
	cr_expect_eq(after.all.used_bytes, before.all.used_bytes, "%zu", after.all.used_bytes);
	cr_expect_eq(after.all.total_bytes, before.all.total_bytes, "%zu", after.all.total_bytes);
	cr_expect_eq(after.all.nb_blocks, before.all.nb_blocks, "%zu", after.all.nb_blocks);
	check_heaps();
}

Test(mem, free_of_what_is_no_block)
{
	const struct plx_memzone *mz;
	char *p = plx_mem_alloc(4096, 0, PLX_NODE_ANY), *q = plx_mem_alloc(64, 0, PLX_NODE_ANY);
	char *r = plx_mem_alloc(64, 0, PLX_NODE_ANY);
	int here;

	cr_assert_eq(plx_memzone_reserve("z", 64, PLX_NODE_ANY, 0, 0, 0, &mz), 0);
	cr_assert(p && q && r, "%s", caught.error);
	plx_mem_free(q);
	free_must_complain(q, "freed before");
	free_must_complain(p + 64, "inside a block");
	free_must_complain(p + 1, "inside a block");
	free_must_complain(mz->addr, "plx_memzone_free");
	free_must_complain(&here, "not memory of the EAL");
	free_must_complain((void *)(plx_mem.base + plx_mem.len_bytes - 64), "not memory");
	free_must_complain((void *)(plx_mem.base + plx_mem.len_bytes), "not memory");
	free_must_complain((void *)UINTPTR_MAX, "not memory");
	catch_log();
	plx_mem_free(NULL);
	plx_mem_free(p);
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);
}

Test(mem, virt2iova_outside)
{
	int here;

	cr_expect_eq(plx_mem_virt2iova(NULL), PLX_IOVA_BAD);
	cr_expect_eq(plx_mem_virt2iova(&here), PLX_IOVA_BAD);
	cr_expect_eq(plx_mem_virt2iova((void *)plx_mem.base), PLX_IOVA_BAD);
	cr_expect_eq(plx_mem_virt2iova((void *)(plx_mem.base + plx_mem.len_bytes)), PLX_IOVA_BAD);
	cr_expect_eq(plx_mem_virt2iova((void *)UINTPTR_MAX), PLX_IOVA_BAD);
}

Test(mem, all_of_it_lies_within_the_span)
{
	uint64_t first = 0, last = 0;

	cr_assert_eq(plx_mem_span(&first, NULL), -EINVAL);
	cr_assert_eq(plx_mem_span(NULL, &last), -EINVAL);
	cr_assert_eq(plx_mem_span(&first, &last), 0);
	for (size_t size = 1; size < 8 << 20; size *= 3) {
		uintptr_t at = (uintptr_t)plx_mem_alloc(size, 0, PLX_NODE_ANY);

		cr_assert_geq(at, first, "%#zx, from %#jx on", at, (uintmax_t)first);
		cr_assert_leq(at + size - 1, last, "%#zx, up to %#jx", at, (uintmax_t)last);
	}
	plx_mem_fini();
	cr_assert_eq(plx_mem_span(&first, &last), -ENODEV);
}

/* Random allocation, each block filled with its own byte and looked at when it is freed. */
enum { BLOCKS = 400, STEPS = 20000 };

struct held {
	unsigned char *addr;
	size_t len;
	const struct plx_memzone *mz;
};

static struct held held[BLOCKS];

static void take(struct held *h, unsigned slot, struct rng *rng)
{
	size_t align = (size_t)1 << rng_next(rng) % 13;
	size_t bound = 0;
	char name[32];

	h->len = 1 + rng_next(rng) % (rng_next(rng) % 16 ? 3000 : 600000);
	if (rng_next(rng) % 3) {
		h->addr = plx_mem_alloc(h->len, align, PLX_NODE_ANY);
		h->mz = NULL;
	} else {
		if (rng_next(rng) % 2)
			bound = plx_next_pow2_u64(h->len) << rng_next(rng) % 3;
		snprintf(name, sizeof(name), "zone-%u", slot);
		cr_assert_eq(
			plx_memzone_reserve(name, h->len, PLX_NODE_ANY, 0, align, bound, &h->mz), 0,
			"%s", caught.error);
		h->addr = h->mz->addr;
	}
	cr_assert(h->addr, "%zu bytes: %s", h->len, caught.error);
	cr_assert_eq((uintptr_t)h->addr % align, 0, "%p is not aligned to %zu", h->addr, align);
	if (bound)
		cr_assert_eq((uintptr_t)h->addr / bound, ((uintptr_t)h->addr + h->len - 1) / bound,
			     "%p + %zu crosses a multiple of %zu", h->addr, h->len, bound);
	cr_assert(all_bytes(h->addr, h->len, 0), "%p + %zu is not zero", h->addr, h->len);
	memset(h->addr, (int)(slot % 255) + 1, h->len);
}

static void give(struct held *h, unsigned slot)
{
	cr_assert(all_bytes(h->addr, h->len, (unsigned char)(slot % 255 + 1)),
		  "block %u at %p + %zu was overwritten", slot, h->addr, h->len);
	if (h->mz)
		cr_assert_eq(plx_memzone_free(h->mz), 0);
	else
		plx_mem_free(h->addr);
	h->addr = NULL;
}

Test(mem, random_blocks_keep_their_bytes)
{
	struct rng rng = rng_start("mem");
	unsigned nb = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		unsigned slot = rng_next(&rng) % BLOCKS;

		if (held[slot].addr) {
			give(&held[slot], slot);
			nb--;
		} else {
			take(&held[slot], slot, &rng);
			nb++;
		}
		if (step % 256 == 0)
			check_heaps();
		cr_assert_eq(mem_stats().all.nb_blocks, nb, "step %u", step);
	}
	for (unsigned slot = 0; slot < BLOCKS; slot++)
		if (held[slot].addr)
			give(&held[slot], slot);
	cr_assert_eq(mem_stats().all.total_bytes, 0, "%zu bytes left", mem_stats().all.total_bytes);
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);
}

static int segments_add(const struct plx_mem_segment *segment, void *arg)
{
	*(size_t *)arg += segment->len_bytes;
	cr_expect_eq(plx_mem_virt2iova(segment->addr), segment->iova);
	return 0;
}

static int segments_stop(const struct plx_mem_segment *segment, void *arg)
{
	(void)segment;
	return ++*(int *)arg == 2 ? 42 : 0;
}

Test(mem, walk)
{
	size_t bytes = 0;
	int nb = 0;

	cr_assert(plx_mem_alloc(7 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
	cr_assert_eq(plx_mem_walk(segments_add, &bytes), 0);
	cr_assert_eq(bytes, 8 * MB, "%zu", bytes);
	cr_assert_eq(plx_mem_walk(segments_stop, &nb), 42);
	cr_assert_eq(nb, 2, "%d", nb);
	cr_assert_eq(plx_mem_walk(NULL, NULL), -EINVAL);
	cr_assert_eq(plx_mem_stats(NULL), -EINVAL);
}

static int call_back(const struct plx_mem_segment *segment, void *arg)
{
	struct plx_mem_stats stats;

	(void)segment;
	(void)arg;
	cr_expect_eq(plx_mem_alloc(1, 0, PLX_NODE_ANY), NULL);
	cr_expect_eq(errno, EDEADLK, "%d", errno);
	cr_expect_eq(plx_mem_stats(&stats), -EDEADLK);
	cr_expect_eq(plx_memzone_lookup("z"), NULL);
	cr_expect_eq(plx_mem_iova_mode(), PLX_IOVA_VA);
	return 0;
}

Test(mem, a_callback_that_comes_back_is_refused)
{
	cr_assert(plx_mem_alloc(64, 0, PLX_NODE_ANY), "%s", caught.error);
	cr_assert_eq(plx_mem_walk(call_back, NULL), 0);
	cr_assert_eq(caught.nb_errors, 3, "%u lines", caught.nb_errors);
	cr_assert(plx_mem_alloc(64, 0, PLX_NODE_ANY), "%s", caught.error);
}

Test(mem, dump_tells_pages_segments_and_zones)
{
	const struct plx_memzone *mz;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	cr_assert_eq(plx_memzone_reserve("a-zone", 5000, PLX_NODE_ANY, 0, 0, 0, &mz), 0);
	plx_mem_dump(out);
	fclose(out);
	cr_expect(strstr(text, "IOVA as VA"), "%s", text);
	cr_expect(strstr(text, "used 4 kB in 1 blocks"), "%s", text);
	cr_expect(strstr(text, "a-zone"), "%s", text);
	free(text);
	plx_mem_dump(NULL);
}

Test(mem, calls_without_the_eal_are_refused)
{
	struct plx_mem_watch watch = {0};
	struct plx_mem_stats stats;
	const struct plx_memzone *mz;
	char *p = plx_mem_alloc(64, 0, PLX_NODE_ANY);
	unsigned before;

	plx_mem_fini();
	plx_mem_fini();
	before = caught.nb_errors;
	cr_expect_eq(plx_mem_alloc(1, 0, PLX_NODE_ANY), NULL);
	cr_expect_eq(errno, ENODEV, "%d", errno);
	plx_mem_free(p);
	cr_expect_eq(plx_mem_virt2iova(p), PLX_IOVA_BAD);
	cr_expect_eq(plx_mem_iova_mode(), PLX_IOVA_AUTO);
	cr_expect_eq(plx_memzone_reserve("z", 1, PLX_NODE_ANY, 0, 0, 0, &mz), -ENODEV);
	cr_expect_eq(plx_memzone_lookup("z"), NULL);
	cr_expect_eq(errno, ENODEV, "%d", errno);
	cr_expect_eq(plx_mem_watch_add(&watch), -ENODEV);
	cr_expect_eq(plx_mem_watch_del(&watch), -ENODEV);
	cr_expect_eq(plx_mem_stats(&stats), -ENODEV);
	cr_expect_eq(plx_mem_walk(segments_add, NULL), -ENODEV);
	cr_expect_eq(plx_mem_reap_stale(), -ENODEV);
	plx_mem_dump(stderr);
	cr_expect_eq(caught.nb_errors - before, 10, "%u lines", caught.nb_errors - before);
}

Test(mem, settings_that_are_refused)
{
	plx_mem_fini();
	for (int i = 0; i < 5; i++) {
		char slash[] = "a/b", none[] = "";
		int ret;

		mem_conf_reset(false);
		catch_log();
		if (i == 0)
			mem_conf.iova_mode = PLX_IOVA_PA;
		else if (i == 1)
			mem_conf.file_prefix = slash;
		else if (i == 2)
			mem_conf.file_prefix = none;
		else if (i == 3)
			mem_conf.mem_mb = SIZE_MAX >> 20;
		else
			mem_conf.socket_mem_mb[PLX_NODE_MAX - 1] = 2;
		ret = plx_mem_init(&mem_conf);
		cr_expect_eq(ret, -EINVAL, "case %d: %d", i, ret);
		cr_expect_eq(caught.nb_lines, 1, "case %d: %u lines", i, caught.nb_lines);
	}
	cr_expect(strstr(caught.error, "is not there; with memory for this process: 0"), "%s",
		  caught.error);
}

Test(mem, m_is_kept_and_rounded_up)
{
	void *p;

	plx_mem_fini();
	mem_conf_reset(false);
	mem_conf.mem_mb = 5;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	cr_assert_eq(mem_stats().all.total_bytes, 6 * MB, "%zu", mem_stats().all.total_bytes);
	cr_assert_eq(mem_stats().all.biggest_free_bytes, 6 * MB);
	p = plx_mem_alloc(7 * MB, 0, PLX_NODE_ANY);
	cr_assert_eq(mem_stats().all.total_bytes, 8 * MB, "%zu", mem_stats().all.total_bytes);
	memset(p, 0xff, 7 * MB);
	plx_mem_free(p);
	cr_assert_eq(mem_stats().all.total_bytes, 6 * MB, "%zu", mem_stats().all.total_bytes);
	cr_assert(all_bytes(p, 6 * MB, 0), "kept pages are not zeroed");
	plx_mem_fini();
	memset(mem_conf.socket_mem_mb, 0, sizeof(mem_conf.socket_mem_mb));
	mem_conf.mem_mb = 0;
	mem_conf.socket_mem_mb[plx_mem.heaps[0].node] = 1;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	cr_assert_eq(mem_stats().all.total_bytes, 2 * MB, "%zu", mem_stats().all.total_bytes);
}

Test(mem, a_limit_of_addresses_is_an_error_and_no_crash)
{
	struct rlimit limit = {0};
	int ret;

#ifdef PLX_TEST_ASAN
	cr_skip_test("needs a build without sanitizers: they take more addresses than the limit");
#endif
	plx_mem_fini();
	/* 4 GB do for the program and a small reservation, 64 MB for none. */
	limit.rlim_cur = limit.rlim_max = (rlim_t)4 << 30;
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	mem_conf_reset(false);
	ret = plx_mem_init(&mem_conf);
	cr_assert_eq(ret, 0, "%d: %s", ret, caught.error);
	cr_assert(plx_mem_alloc(MB, 0, PLX_NODE_ANY), "%s", caught.error);
	catch_log();
	errno = 0;
	cr_assert_eq(plx_mem_alloc((size_t)8 << 30, 0, PLX_NODE_ANY), NULL);
	cr_assert_eq(errno, ENOMEM, "%d", errno);
	plx_mem_fini();
	limit.rlim_cur = limit.rlim_max = (rlim_t)256 << 20;
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	catch_log();
	ret = plx_mem_init(&mem_conf);
	cr_assert_eq(ret, -ENOMEM, "%d", ret);
	cr_assert(strstr(caught.error, "ulimit -v"), "%s", caught.error);
}

static int run_child(int (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(body());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void *parents_block;

static int in_child_of_fork(void)
{
	struct plx_mem_stats stats;
	unsigned char there;

	if (mincore((void *)((uintptr_t)parents_block & ~(uintptr_t)4095), 4096, &there) == 0)
		return 4;

	if (plx_mem_stats(&stats) != -EPERM || plx_mem_alloc(1, 0, PLX_NODE_ANY) || errno != EPERM)
		return 1;
	plx_mem_fini();
	if (plx_mem_init(&mem_conf) != 0)
		return 2;
	if (!plx_mem_alloc(MB, 0, PLX_NODE_ANY))
		return 3;
	plx_mem_fini();
	return 0;
}

Test(mem, a_child_of_fork_has_its_own)
{
	unsigned char *p = plx_mem_alloc(64, 0, PLX_NODE_ANY);
	int ret;

	memset(p, 7, 64);
	parents_block = p;
	ret = run_child(in_child_of_fork);
	cr_assert_eq(ret, 0, "the child ended with %d", ret);
	cr_assert(all_bytes(p, 64, 7), "the child changed its parent's memory");
	cr_assert_eq(mem_stats().all.nb_blocks, 1);
}

static int as_nobody(void)
{
	struct rlimit none = {0};
	void *p;

	plx_mem_fini();
	setrlimit(RLIMIT_MEMLOCK, &none);
	if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
		return 77;
	mem_conf_reset(false);
	mem_conf.lock_memory = true;
	catch_log();
	if (plx_mem_init(&mem_conf) != 0)
		return 1;
	p = plx_mem_alloc(MB, 0, PLX_NODE_ANY);
	if (!p || !plx_mem_alloc(4 * MB, 0, PLX_NODE_ANY))
		return 2;
#ifndef PLX_TEST_ASAN /* where mlock() does nothing, and does not fail */
	/* Locking was asked for and is refused: one warning, not one a growth. */
	if (caught.nb_lines != 1 || !strstr(caught.last, "ulimit -l"))
		return 3;
#endif
	plx_mem_free(p);
	plx_mem_fini();
	return 0;
}

Test(mem, an_ordinary_user)
{
	int ret;

	if (geteuid() != 0)
		cr_skip_test("needs root, to become another user");
	ret = run_child(as_nobody);
	cr_assert_eq(ret, 0, "the child ended with %d", ret);
}

static int added_nop(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)len;
	(void)arg;
	return 0;
}

Test(mem, a_thousand_lives)
{
	unsigned fds = 0, maps = 0;

	plx_mem_fini();
	for (unsigned i = 0; i < 1000; i++) {
		struct plx_mem_watch watch = {.added = added_nop};
		const struct plx_memzone *mz;

		mem_conf_reset(false);
		mem_conf.mem_mb = i % 2 ? 2 : 0;
		cr_assert_eq(plx_mem_init(&mem_conf), 0, "life %u: %s", i, caught.error);
		cr_assert_eq(plx_mem_watch_add(&watch), 0);
		cr_assert_eq(plx_memzone_reserve("z", 100, PLX_NODE_ANY, 0, 0, 0, &mz), 0);
		cr_assert(plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
		plx_mem_fini();
		if (i == 1) {
			fds = count_fds();
			maps = count_maps();
		}
	}
	cr_assert_eq(count_fds(), fds, "%u descriptors, %u before", count_fds(), fds);
	cr_assert_leq(count_maps(), maps, "%u mappings, %u before", count_maps(), maps);
}
