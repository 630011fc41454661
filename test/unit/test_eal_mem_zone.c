/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memzones, and those who watch memory come and go, on ordinary pages.
 */
#include "eal_mem.h"

static void start(void)
{
	catch_log();
	start_mem(false);
}

static void stop(void)
{
	plx_mem_fini();
}

TestSuite(mem_zone, .init = start, .fini = stop);

Test(mem_zone, fields)
{
	const struct plx_memzone *mz;
	int node = plx_mem.heaps[0].node;

	cr_assert_eq(plx_memzone_reserve("rx-ring.0", 5001, node, PLX_MEMZONE_IOVA_CONTIG, 4096,
					 8192, &mz),
		     0, "%s", caught.error);
	cr_expect_str_eq(mz->name, "rx-ring.0");
	cr_expect_eq(mz->len_bytes, 5001, "%zu", mz->len_bytes);
	cr_expect_eq((uintptr_t)mz->addr % 4096, 0, "%p", mz->addr);
	cr_expect_eq((uintptr_t)mz->addr / 8192, ((uintptr_t)mz->addr + 5000) / 8192);
	cr_expect_eq(mz->iova, (uintptr_t)mz->addr, "0x%lx", mz->iova);
	cr_expect_eq(mz->page_bytes, plx_mem.page_bytes, "%zu", mz->page_bytes);
	cr_expect_eq(mz->node, node, "%d", mz->node);
	cr_expect_eq(mz->flags, PLX_MEMZONE_IOVA_CONTIG, "%u", mz->flags);
	cr_expect(all_bytes(mz->addr, 5001, 0), "not zero");
	cr_expect_eq(plx_memzone_lookup("rx-ring.0"), mz);
	cr_expect_eq(plx_memzone_lookup("rx-ring.1"), NULL);
	cr_expect_eq(errno, ENOENT, "%d", errno);
	cr_expect_eq(plx_memzone_lookup(NULL), NULL);
	cr_expect_eq(errno, EINVAL, "%d", errno);
}

Test(mem_zone, reserve_refuses)
{
	static const char name31[] = "1234567890123456789012345678901";
	static const char name32[] = "12345678901234567890123456789012";
	static const struct {
		const char *name;
		size_t len;
		int node;
		unsigned flags;
		size_t align, bound;
		int want;
	} cases[] = {
		{NULL, 1, PLX_NODE_ANY, 0, 0, 0, -EINVAL},
		{"", 1, PLX_NODE_ANY, 0, 0, 0, -EINVAL},
		{name32, 1, PLX_NODE_ANY, 0, 0, 0, -ENAMETOOLONG},
		{"taken", 1, PLX_NODE_ANY, 0, 0, 0, -EEXIST},
		{"z", 0, PLX_NODE_ANY, 0, 0, 0, -EINVAL},
		{"z", SIZE_MAX, PLX_NODE_ANY, 0, 0, 0, -EINVAL},
		{"z", 1, -3, 0, 0, 0, -EINVAL},
		{"z", 1, PLX_NODE_MAX, 0, 0, 0, -EINVAL},
		{"z", 1, PLX_NODE_ANY, 2, 0, 0, -EINVAL},
		{"z", 1, PLX_NODE_ANY, 0, 96, 0, -EINVAL},
		{"z", 64, PLX_NODE_ANY, 0, 0, 96, -EINVAL},
		{"z", 65, PLX_NODE_ANY, 0, 0, 64, -EINVAL},
		{"z", (size_t)1 << 52, PLX_NODE_ANY, 0, 0, 0, -ENOMEM},
		{"z", 1, PLX_NODE_ANY, 0, (size_t)1 << 60, 0, -ENOMEM},
	};
	const struct plx_memzone *mz, *none = NULL;

	cr_assert_eq(plx_memzone_reserve("taken", 1, PLX_NODE_ANY, 0, 0, 0, &mz), 0);
	cr_assert_eq(plx_memzone_reserve(name31, 1, PLX_NODE_ANY, 0, 0, 0, &mz), 0);
	cr_assert_str_eq(mz->name, name31);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		int ret;

		catch_log();
		ret = plx_memzone_reserve(cases[i].name, cases[i].len, cases[i].node,
					  cases[i].flags, cases[i].align, cases[i].bound, &none);
		cr_expect_eq(ret, cases[i].want, "case %zu: %d", i, ret);
		cr_expect_eq(caught.nb_lines, 1, "case %zu: %u lines", i, caught.nb_lines);
		cr_expect_eq(none, NULL, "case %zu wrote its result", i);
	}
	cr_expect_eq(plx_memzone_reserve("z", 1, PLX_NODE_ANY, 0, 0, 0, NULL), -EINVAL);
	cr_expect_eq(mem_stats().nb_zones, 2, "%zu", mem_stats().nb_zones);
}

Test(mem_zone, free)
{
	const struct plx_memzone *a, *b;
	struct plx_memzone forged;

	cr_assert_eq(plx_memzone_reserve("a", 64, PLX_NODE_ANY, 0, 0, 0, &a), 0);
	cr_assert_eq(plx_memzone_reserve("b", 64, PLX_NODE_ANY, 0, 0, 0, &b), 0);
	forged = *a;
	cr_expect_eq(plx_memzone_free(NULL), 0);
	cr_expect_eq(caught.nb_lines, 0, "%s", caught.last);
	cr_expect_eq(plx_memzone_free(&forged), -EINVAL);
	cr_expect_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_expect_eq(plx_memzone_free(b), 0);
	cr_expect_eq(plx_memzone_free(b), -EINVAL);
	cr_expect_eq(caught.nb_errors, 2, "%u", caught.nb_errors);
	cr_expect_eq(plx_memzone_lookup("b"), NULL);
	cr_expect_eq(plx_memzone_reserve("b", 64, PLX_NODE_ANY, 0, 0, 0, &b), 0);
	cr_expect_eq(plx_memzone_free(a), 0);
	cr_expect_eq(plx_memzone_free(b), 0);
	cr_expect_eq(mem_stats().all.total_bytes, 0);
}

static int collect(const struct plx_memzone *mz, void *arg)
{
	strcat(arg, mz->name);
	return strcmp(mz->name, "c") == 0 ? 7 : 0;
}

Test(mem_zone, walk_is_oldest_first)
{
	const struct plx_memzone *mz[4];
	char names[16] = "";

	for (int i = 0; i < 4; i++)
		cr_assert_eq(plx_memzone_reserve((char[]){(char)('a' + i), 0}, 64, PLX_NODE_ANY, 0,
						 0, 0, &mz[i]),
			     0);
	cr_expect_eq(plx_memzone_walk(collect, names), 7);
	cr_expect_str_eq(names, "abc");
	plx_memzone_free(mz[3]);
	plx_memzone_free(mz[1]);
	plx_memzone_free(mz[2]);
	cr_assert_eq(plx_memzone_reserve("e", 64, PLX_NODE_ANY, 0, 0, 0, &mz[1]), 0);
	names[0] = '\0';
	cr_expect_eq(plx_memzone_walk(collect, names), 0);
	cr_expect_str_eq(names, "ae");
	cr_expect_eq(plx_memzone_walk(NULL, NULL), -EINVAL);
}

Test(mem_zone, thousands_of_names)
{
	const struct plx_memzone *mz;
	char name[32];

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "zone %u", i);
		cr_assert_eq(plx_memzone_reserve(name, 100, PLX_NODE_ANY, 0, 0, 0, &mz), 0);
	}
	for (unsigned i = 0; i < 5000; i += 7) {
		snprintf(name, sizeof(name), "zone %u", i);
		mz = plx_memzone_lookup(name);
		cr_assert(mz, "%s is lost", name);
		cr_assert_str_eq(mz->name, name);
		cr_assert_eq(plx_memzone_free(mz), 0);
	}
	check_heaps();
}

/* A watch that keeps what it hears as text, "+" and "-" with its letter. */
struct ear {
	struct plx_mem_watch watch;
	char letter;
	int refuse_after; /* this many added() succeed; negative: all */
	size_t bytes;
};

static char heard[256];

static int on_added(void *va, uint64_t iova, size_t len, void *arg)
{
	struct ear *ear = arg;

	cr_expect_eq(plx_mem_virt2iova(va), iova, "IOVA of %p", va);
	cr_expect(all_bytes(va, len, 0), "new memory is not zero");
	if (ear->refuse_after-- == 0)
		return -ENOSPC;
	snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "+%c", ear->letter);
	ear->bytes += len;
	return 0;
}

static void on_removed(void *va, uint64_t iova, size_t len, void *arg)
{
	struct ear *ear = arg;

	cr_expect_eq(plx_mem_virt2iova(va), iova, "IOVA of %p", va);
	*(volatile char *)va = 1; /* still mapped */
	*(volatile char *)va = 0;
	snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "-%c", ear->letter);
	ear->bytes -= len;
}

static void ear_open(struct ear *ear, char letter)
{
	*ear = (struct ear){{on_added, on_removed, ear, NULL}, letter, -1, 0};
}

#define HEARD(want)                                                                                \
	do {                                                                                       \
		cr_expect_str_eq(heard, want, "heard \"%s\", want \"%s\"", heard, want);           \
		heard[0] = '\0';                                                                   \
	} while (0)

Test(mem_zone, watches_hear_growth_and_giving_back)
{
	static struct ear a, b; /* heard again at the end */
	void *p, *q;

	ear_open(&a, 'a');
	ear_open(&b, 'b');
	p = plx_mem_alloc(MB, 0, PLX_NODE_ANY);
	cr_assert_eq(plx_mem_watch_add(&a.watch), 0);
	HEARD("+a");
	cr_assert_eq(plx_mem_watch_add(&b.watch), 0);
	HEARD("+b");
	cr_expect_eq(plx_mem_watch_add(&a.watch), -EEXIST);
	q = plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY);
	HEARD("+a+b");
	cr_expect_eq(a.bytes, 4 * MB, "%zu", a.bytes);
	plx_mem_free(q);
	HEARD("-b-a");
	plx_mem_free(p);
	HEARD("-b-a");
	cr_expect_eq(a.bytes + b.bytes, 0);
	p = plx_mem_alloc(4 * MB, 0, PLX_NODE_ANY);
	HEARD("+a+b+a+b");
	cr_expect_eq(plx_mem_watch_del(&a.watch), 0);
	HEARD("-a-a");
	cr_expect_eq(plx_mem_watch_del(&a.watch), -ENOENT);
	cr_expect_eq(plx_mem_watch_del(NULL), 0);
	plx_mem_fini();
	HEARD("-b-b");
	cr_expect_eq(b.watch.next, NULL);
	start_mem(false);
	cr_expect_eq(plx_mem_watch_add(&a.watch), 0, "a watch can be used again");
}

Test(mem_zone, a_watch_that_refuses_undoes_the_growth)
{
	const struct plx_memzone *mz;
	static struct ear a, b; /* heard again at the end */
	int ret;

	ear_open(&a, 'a');
	ear_open(&b, 'b');
	b.refuse_after = 2;
	cr_assert_eq(plx_mem_watch_add(&a.watch), 0);
	cr_assert_eq(plx_mem_watch_add(&b.watch), 0);
	ret = plx_memzone_reserve("z", 7 * MB, PLX_NODE_ANY, 0, 0, 0, &mz);
	cr_expect_eq(ret, -ENOSPC, "%d", ret);
	HEARD("+a+b+a+b+a-a-b-a-b-a");
	cr_expect_eq(caught.nb_lines, 0, "why is the watch's to tell: %s", caught.last);
	cr_expect_eq(mem_stats().all.total_bytes, 0, "%zu", mem_stats().all.total_bytes);
	cr_expect_eq(a.bytes + b.bytes, 0);
	/* Once it agrees, the same works. */
	ret = plx_memzone_reserve("z", 7 * MB, PLX_NODE_ANY, 0, 0, 0, &mz);
	cr_expect_eq(ret, 0, "%d", ret);
	HEARD("+a+b+a+b+a+b+a+b");
	errno = 0;
	b.refuse_after = 0;
	cr_expect_eq(plx_mem_alloc(2 * MB, 0, PLX_NODE_ANY), NULL);
	cr_expect_eq(errno, ENOSPC, "%d", errno);
	check_heaps();
}

Test(mem_zone, watch_add_undoes_itself)
{
	struct plx_mem_watch no_added = {0};
	static struct ear a;

	ear_open(&a, 'a');
	a.refuse_after = 2;
	cr_assert(plx_mem_alloc(7 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
	cr_expect_eq(plx_mem_watch_add(&a.watch), -ENOSPC);
	HEARD("+a+a-a-a");
	cr_expect_eq(caught.nb_lines, 0, "why is the watch's to tell: %s", caught.last);
	cr_expect_eq(plx_mem_watch_del(&a.watch), -ENOENT);
	cr_expect_eq(plx_mem_watch_add(&no_added), -EINVAL);
	cr_expect_eq(plx_mem_watch_add(NULL), -EINVAL);
}
