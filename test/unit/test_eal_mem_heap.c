/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The blocks of a heap, on addresses that are never touched: placement, splitting and joining, and
 * a long random run against a plain array of units.
 */
#include "eal_mem.h"

enum { UNIT = PLX_MEM_UNIT_BYTES, GRAIN = 4096 };

static struct plx_mem_block_pool pool;
static struct plx_mem_heap heap;

/* Grains 0-1 and 2-3 are neighbours in physical memory, 1-2 are not. */
static uint64_t pairs(uintptr_t addr)
{
	uintptr_t grain = addr / GRAIN;

	return addr + grain / 2 * (64 * (uint64_t)GRAIN);
}

static void start(void)
{
	heap = (struct plx_mem_heap){.pool = &pool, .grain_bytes = GRAIN};
	cr_assert_eq(plx_mem_block_ready(&pool, 32), 0);
}

static void stop(void)
{
	plx_mem_block_pool_fini(&pool);
}

TestSuite(mem_heap, .init = start, .fini = stop);

struct placing {
	size_t len, align, bound;
	bool contig;
	uintptr_t start, end, want;
};

Test(mem_heap, place)
{
	static const struct placing cases[] = {
		{64, 64, 0, false, 0x1000, 0x2000, 0x1000},
		{64, 64, 0, false, 0x1000, 0x1040, 0x1000},
		{128, 64, 0, false, 0x1000, 0x1040, 0},
		{64, 0x1000, 0, false, 0x1040, 0x3000, 0x2000},
		{64, 0x1000, 0, false, 0x1040, 0x2000, 0},
		{64, 0x1000, 0, false, 0x1040, 0x2040, 0x2000},
		/* bound: the place before the multiple is too short */
		{0x100, 64, 0x1000, false, 0x1f40, 0x3000, 0x2000},
		{0x100, 64, 0x1000, false, 0x1f00, 0x3000, 0x1f00},
		{0x1000, 64, 0x1000, false, 0x1040, 0x3000, 0x2000},
		{0x1000, 64, 0x1000, false, 0x1040, 0x2fc0, 0},
		/* bound below the alignment */
		{0x40, 0x1000, 0x80, false, 0x1040, 0x3000, 0x2000},
		/* contiguous for the device: grains 0-1, 2-3, 4-5 ... */
		{2 * GRAIN, 64, 0, true, 0, 8 * GRAIN, 2 * GRAIN},
		{2 * GRAIN, 64, 0, true, GRAIN, 8 * GRAIN, 2 * GRAIN},
		{2 * GRAIN, 64, 0, true, 3 * GRAIN, 8 * GRAIN, 4 * GRAIN},
		{3 * GRAIN, 64, 0, true, 0, 8 * GRAIN, 0},
		{3 * GRAIN, 64, 0, false, GRAIN, 8 * GRAIN, GRAIN},
		{GRAIN, 64, 0, true, 3 * GRAIN + 64, 8 * GRAIN, 4 * GRAIN},
		/* aligned for the device as well: grain 4 lies at IOVA 4 + 2 * 64 */
		{GRAIN, 4 * GRAIN, 0, true, 2 * GRAIN, 16 * GRAIN, 4 * GRAIN},
		/* the end of all addresses */
		{64, 0x1000, 0, false, UINTPTR_MAX - 0x7f, UINTPTR_MAX, 0},
	};

	heap.iova = pairs;
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		const struct placing *c = &cases[i];
		struct plx_mem_fit fit = {c->len, c->align, c->bound, c->contig};
		/* Address 0 is "no place": what starts there is looked for at the next chance. */
		uintptr_t from = c->start ? c->start : 64;
		uintptr_t got = plx_mem_place(&heap, &fit, from, c->end);

		cr_expect_eq(got, c->want, "case %zu: got 0x%lx, want 0x%lx", i, got, c->want);
	}
}

Test(mem_heap, free_neighbours_join)
{
	struct plx_mem_fit fit = {.len = 1024, .align = 64};
	struct plx_mem_block *a, *b, *c;

	plx_mem_heap_add(&heap, 0x10000, 0x1000);
	plx_mem_heap_add(&heap, 0x12000, 0x1000);
	plx_mem_heap_add(&heap, 0x11000, 0x1000);
	cr_assert_eq(heap.root->max_free, 0x3000, "%zu", heap.root->max_free);
	a = plx_mem_heap_take(&heap, &fit, PLX_MEM_BLOCK);
	b = plx_mem_heap_take(&heap, &fit, PLX_MEM_BLOCK);
	c = plx_mem_heap_take(&heap, &fit, PLX_MEM_ZONE);
	cr_assert_eq(a->addr, 0x10000, "0x%lx", a->addr);
	cr_assert_eq(b->addr, 0x10400, "0x%lx", b->addr);
	cr_assert_eq(c->addr, 0x10800, "0x%lx", c->addr);
	cr_assert_eq(plx_mem_heap_find(&heap, 0x107ff), b);
	cr_assert_eq(plx_mem_heap_find(&heap, 0xffff), NULL);
	cr_assert_eq(plx_mem_heap_find(&heap, 0x13000), NULL);
	plx_mem_heap_release(&heap, a);
	plx_mem_heap_release(&heap, c);
	cr_assert_eq(plx_mem_heap_check(&heap), NULL, "%s", plx_mem_heap_check(&heap));
	b = plx_mem_heap_release(&heap, b);
	cr_assert_eq(b->addr, 0x10000, "0x%lx", b->addr);
	cr_assert_eq(b->len, 0x3000, "0x%zx", b->len);
	cr_assert_eq(heap.used_bytes, 0, "%zu", heap.used_bytes);
	plx_mem_heap_cut(&heap, 0x11000, 0x1000);
	cr_assert_eq(heap.root->max_free, 0x1000, "0x%zx", heap.root->max_free);
	cr_assert_eq(plx_mem_heap_check(&heap), NULL, "%s", plx_mem_heap_check(&heap));
}

/* The model: one byte for each unit: 0 bare, 1 free, 2 used. */
enum { UNITS = 4096, BLOCKS = 300, STEPS = 30000, BARE = 0, FREE = 1, USED = 2 };
static unsigned char model[UNITS];
static struct plx_mem_block *held[BLOCKS];
static const uintptr_t base = 0x100000;

static void set_units(uintptr_t addr, size_t len, unsigned char from, unsigned char to)
{
	for (size_t i = (addr - base) / UNIT; i < (addr - base + len) / UNIT; i++) {
		cr_assert_eq(model[i], from, "unit %zu is %d and not %d", i, model[i], from);
		model[i] = to;
	}
}

/* Where first fit must place it, told by looking at every unit. */
static uintptr_t model_place(const struct plx_mem_fit *fit)
{
	for (size_t at = 0; at + fit->len / UNIT <= UNITS; at++) {
		uintptr_t addr = base + at * UNIT;
		size_t run = 0;

		if (addr % fit->align ||
		    (fit->bound && addr / fit->bound != (addr + fit->len - 1) / fit->bound))
			continue;
		while (run < fit->len / UNIT && model[at + run] == FREE)
			run++;
		if (run == fit->len / UNIT)
			return addr;
	}
	return 0;
}

static void random_take(struct rng *rng, struct plx_mem_block **slot)
{
	struct plx_mem_fit fit = {.len = UNIT * (1 + rng_next(rng) % 64)};
	uintptr_t want;

	fit.align = (size_t)UNIT << rng_next(rng) % 6;
	if (rng_next(rng) % 4 == 0)
		fit.bound = plx_next_pow2_u64(fit.len) << rng_next(rng) % 3;
	want = model_place(&fit);
	*slot = plx_mem_heap_take(&heap, &fit, PLX_MEM_BLOCK);
	cr_assert_eq(*slot ? (*slot)->addr : 0, want, "placed at 0x%lx, want 0x%lx",
		     *slot ? (*slot)->addr : 0, want);
	if (*slot)
		set_units(want, fit.len, FREE, USED);
}

/* Take bare addresses in, or cut free ones out: grains of 16 units. */
static void random_pages(struct rng *rng)
{
	size_t at = rng_next(rng) % (UNITS / 16) * 16;
	uintptr_t addr = base + at * UNIT;

	if (model[at] == BARE) {
		plx_mem_heap_add(&heap, addr, 16 * UNIT);
		set_units(addr, 16 * UNIT, BARE, FREE);
	} else if (all_bytes(&model[at], 16, FREE) && rng_next(rng) % 8 == 0) {
		plx_mem_heap_cut(&heap, addr, 16 * UNIT);
		set_units(addr, 16 * UNIT, FREE, BARE);
	}
}

Test(mem_heap, random_against_model)
{
	struct rng rng = rng_start("mem_heap");

	for (unsigned step = 0; step < STEPS; step++) {
		struct plx_mem_block **slot = &held[rng_next(&rng) % BLOCKS];

		cr_assert_eq(plx_mem_block_ready(&pool, 4), 0);
		if (rng_next(&rng) % 3 == 0) {
			random_pages(&rng);
		} else if (!*slot) {
			random_take(&rng, slot);
		} else {
			set_units((*slot)->addr, (*slot)->len, USED, FREE);
			plx_mem_heap_release(&heap, *slot);
			*slot = NULL;
		}
		if (step % 64 == 0)
			cr_assert_eq(plx_mem_heap_check(&heap), NULL, "step %u: %s", step,
				     plx_mem_heap_check(&heap));
	}
	cr_assert_eq(plx_mem_heap_check(&heap), NULL, "%s", plx_mem_heap_check(&heap));
}

/* Depth of the tree: recursion relies on it. */
static unsigned depth(const struct plx_mem_block *n)
{
	unsigned l = n ? depth(n->left) : 0, r = n ? depth(n->right) : 0;

	return n ? 1 + (l > r ? l : r) : 0;
}

Test(mem_heap, ten_thousand_blocks_in_order)
{
	struct plx_mem_fit fit = {.len = UNIT, .align = UNIT};
	unsigned deep;

	plx_mem_heap_add(&heap, base, 10000 * UNIT);
	for (unsigned i = 0; i < 10000; i++) {
		const struct plx_mem_block *block;

		cr_assert_eq(plx_mem_block_ready(&pool, 4), 0);
		block = plx_mem_heap_take(&heap, &fit, PLX_MEM_BLOCK);
		cr_assert_eq(block->addr, base + i * UNIT, "block %u at 0x%lx", i, block->addr);
	}
	cr_assert_eq(plx_mem_heap_take(&heap, &fit, PLX_MEM_BLOCK), NULL);
	deep = depth(heap.root);
	cr_assert_lt(deep, 64, "the tree of 10,000 blocks is %u deep", deep);
}
