/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capabilities out of bytes of any kind, and which I/O addresses are taken.
 */
#include "../seed.h"
#include "bus_private.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct rng rng;

static int draw(void)
{
	return (int)(rng_next(&rng) >> 33);
}

static uint8_t cfg[PLX_PCI_CFG_EXT_BYTES];
static struct plx_pci_cap caps[64];

static void put_ext(unsigned at, unsigned id, unsigned version, unsigned next)
{
	uint32_t header = id | version << 16 | next << 20;

	for (unsigned i = 0; i < 4; i++)
		cfg[at + i] = (uint8_t)(header >> 8 * i);
}

static void put_cap(unsigned at, unsigned id, unsigned next)
{
	cfg[at] = (uint8_t)id;
	cfg[at + 1] = (uint8_t)next;
}

static void start_list(unsigned first)
{
	cfg[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	cfg[PCI_CAPABILITY_LIST] = (uint8_t)first;
}

Test(bus_cfg, lists_as_an_igb_has_them)
{
	unsigned nb;

	start_list(0x40);
	put_cap(0x40, PCI_CAP_ID_PM, 0x50);
	put_cap(0x50, PCI_CAP_ID_MSI, 0x70);
	put_cap(0x70, PCI_CAP_ID_MSIX, 0xa0);
	put_cap(0xa0, PCI_CAP_ID_EXP, 0);
	put_ext(0x100, PCI_EXT_CAP_ID_ERR, 2, 0x150);
	put_ext(0x150, PCI_EXT_CAP_ID_ARI, 1, 0x160);
	put_ext(0x160, PCI_EXT_CAP_ID_SRIOV, 1, 0);
	nb = plx_pci_caps_parse(cfg, sizeof(cfg), caps, PLX_ARRAY_SIZE(caps));
	cr_assert_eq(nb, 7, "%u", nb);
	cr_expect_eq(caps[2].id, PCI_CAP_ID_MSIX);
	cr_expect_eq(caps[2].offset, 0x70);
	cr_expect_not(caps[2].is_extended);
	cr_expect_eq(caps[4].id, PCI_EXT_CAP_ID_ERR);
	cr_expect_eq(caps[4].version, 2);
	cr_expect(caps[4].is_extended);
	cr_expect_eq(caps[6].offset, 0x160);
	cr_expect_eq(plx_pci_caps_parse(cfg, 256, caps, 64), 4, "without the extended ones");
	cr_expect_eq(plx_pci_caps_parse(cfg, 0x72, caps, 64), 2, "one that is cut is none");
	cr_expect_eq(plx_pci_caps_parse(cfg, 63, caps, 64), 0);
	memset(caps, 0, sizeof(caps));
	cr_expect_eq(plx_pci_caps_parse(cfg, sizeof(cfg), caps, 1), 7, "how many there are");
	cr_expect_eq(caps[1].id, 0, "beyond the room");
	cfg[PCI_STATUS] = 0;
	cr_expect_eq(plx_pci_caps_parse(cfg, 256, caps, 64), 0, "no list");
}

Test(bus_cfg, lists_that_do_not_end)
{
	start_list(0x43); /* the low bits do not count */
	put_cap(0x40, PCI_CAP_ID_PM, 0x40);
	cr_expect_eq(plx_pci_caps_parse(cfg, sizeof(cfg), caps, 64), 1, "to itself");
	put_cap(0x40, PCI_CAP_ID_PM, 0x50);
	put_cap(0x50, PCI_CAP_ID_MSI, 0x41);
	cr_expect_eq(plx_pci_caps_parse(cfg, sizeof(cfg), caps, 64), 2, "back");
	put_cap(0x50, PCI_CAP_ID_MSI, 0x10);
	cr_expect_eq(plx_pci_caps_parse(cfg, sizeof(cfg), caps, 64), 2, "into the header");
	put_ext(0x100, 1, 1, 0xffc);
	put_ext(0xffc, 2, 1, 0x100);
	cr_expect_eq(plx_pci_caps_parse(cfg, sizeof(cfg), caps, 64), 4, "back, extended");
	memset(cfg, 0xff, sizeof(cfg));
	cr_expect_eq(plx_pci_caps_parse(cfg, sizeof(cfg), caps, 64), 0, "nobody answers");
}

Test(bus_cfg, random_bytes)
{
	unsigned most = 0;

	rng = rng_start("bus_cfg");
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)draw() % (sizeof(cfg) + 1);
		uint8_t *copy = malloc(len ? len : 1); /* its end is watched by ASan, valgrind */
		unsigned nb;

		for (size_t i = 0; i < len; i++)
			copy[i] = (uint8_t)(draw() % 3 ? draw() & 0xfc : draw());
		if (len > PCI_STATUS)
			copy[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
		nb = plx_pci_caps_parse(copy, len, caps, PLX_ARRAY_SIZE(caps));
		cr_assert_leq(nb, 48 + 960, "%u", nb);
		for (unsigned i = 0; i < nb && i < PLX_ARRAY_SIZE(caps); i++)
			cr_assert_leq(caps[i].offset + 4U, len, "at %u of %zu", caps[i].offset,
				      len);
		most = nb > most ? nb : most;
		free(copy);
	}
	cr_assert_gt(most, 3, "%u: the bytes make no lists", most);
}

/* ---- Which addresses are taken ---- */

static struct plx_iova_space space;

static void set_ranges(const struct plx_dma_range *ranges, unsigned nb)
{
	space.ranges = malloc(nb * sizeof(*ranges));
	cr_assert_not_null(space.ranges);
	memcpy(space.ranges, ranges, nb * sizeof(*ranges));
	space.nb_ranges = nb;
}

static const struct plx_dma_range x86[] = {{0, 0xfedfffff}, {0xfef00000, 0x7fffffffff}};

Test(bus_cfg, places_are_within_ranges)
{
	uint64_t at;

	set_ranges(x86, 2);
	cr_expect_eq(plx_iova_space_take(&space, 0xfee00000, 4096), -ERANGE, "interrupts");
	cr_expect_eq(plx_iova_space_take(&space, 0xfedff000, 8192), -ERANGE, "its edge");
	cr_expect_eq(plx_iova_space_take(&space, 0xfedff000, 4096), 0);
	cr_expect_eq(plx_iova_space_take(&space, 0x8000000000, 4096), -ERANGE, "39 bits");
	cr_expect_eq(plx_iova_space_take(&space, UINT64_MAX - 4095, 8192), -ERANGE, "around");
	cr_expect_eq(plx_iova_space_take(&space, 4096, 0), -ERANGE, "nothing");
	cr_expect_eq(plx_iova_space_find(&space, 4096, 4096, UINT64_MAX, &at), 0);
	cr_expect_eq(at, 0x7ffffff000, "%#jx", (uintmax_t)at);
	cr_expect_eq(plx_iova_space_find(&space, 8192, 4096, 0xffffffff, &at), 0);
	cr_expect_eq(at, 0xffffe000, "%#jx", (uintmax_t)at);
	cr_expect_eq(plx_iova_space_find(&space, 0x1000000, 4096, 0xffffffff, &at), 0);
	cr_expect_eq(at, 0xfeffe000, "%#jx", (uintmax_t)at);
	cr_expect_eq(plx_iova_space_find(&space, 0x2000000, 4096, 0xffffffff, &at), 0);
	cr_expect_eq(at, 0xfcdff000, "%#jx", (uintmax_t)at);
	cr_expect_eq(plx_iova_space_find(&space, 4096, 4096, 4095, &at), -ENOSPC, "never 0");
	cr_expect_eq(plx_iova_space_find(&space, 4096, 4096, 8191, &at), 0);
	cr_expect_eq(at, 4096);
	cr_expect_eq(plx_iova_space_find(&space, 4096, 4096, 8191, &at), -ENOSPC, "it is taken");
	cr_expect_eq(plx_iova_space_give(&space, 4096), 0);
	cr_expect_eq(plx_iova_space_give(&space, 4096), -ENOENT);
	cr_expect_eq(plx_iova_space_find(&space, 4096, 4096, 8191, &at), 0);
	cr_expect_eq(plx_iova_space_take(&space, 4096, 4096), -EEXIST);
	cr_expect_eq(plx_iova_space_take(&space, 0, 4097), -EEXIST);
	cr_expect_eq(plx_iova_space_take(&space, 0, 4096), 0, "beside it");
	cr_expect_eq(plx_iova_space_take(&space, 8192, 4096), 0, "beside it");
	plx_iova_space_fini(&space);
}

Test(bus_cfg, places_keep_off_what_is_kept)
{
	uint64_t at;

	set_ranges(x86, 2);
	space.kept = (struct plx_iova_span){0x100000000, 0x2ffffffff};
	cr_expect_eq(plx_iova_space_find(&space, 8192, 4096, 0x300000fff, &at), 0);
	cr_expect_eq(at, 0xffffe000, "%#jx", (uintmax_t)at);
	cr_expect_eq(plx_iova_space_find(&space, 4096, 4096, 0x300000fff, &at), 0);
	cr_expect_eq(at, 0x300000000, "%#jx", (uintmax_t)at);
	cr_expect_eq(plx_iova_space_find(&space, 4096, 4096, 0x2ffffffff, &at), 0);
	cr_expect_eq(at, 0xffffd000, "%#jx", (uintmax_t)at);
	cr_expect_eq(plx_iova_space_find(&space, 4096, 4096, 0x1fffffff, &at), 0);
	cr_expect_eq(at, 0x1ffff000, "%#jx", (uintmax_t)at);
	cr_expect_eq(plx_iova_space_take(&space, 0x100000000, 0x200000), 0, "it is kept for this");
	cr_expect_eq(plx_iova_space_find(&space, 0x100000000, 4096, 0x2ffffffff, &at), 0);
	cr_expect_eq(at, 0x200000000, "%#jx: there is no other place", (uintmax_t)at);
	plx_iova_space_fini(&space);
}

enum { PAGES = 512 };

static bool used[PAGES], allowed[PAGES];

/* The highest place of @len pages below @limit within [@low, @high]. -1: none. */
static int best_place(int len, int limit, int low, int high)
{
	int first = (limit < high ? limit : high) - len + 1;

	for (; first >= low; first--) {
		bool fits = true;

		for (int i = 0; i < len; i++)
			fits &= allowed[first + i] && !used[first + i];
		if (fits)
			return first;
	}
	return -1;
}

/* Against a map of pages: what is taken is free and within the ranges, what is refused has no
 * place, and the place found is the highest; at first of those beside what is kept. */
static void compare_with_model(unsigned kept_first, unsigned kept_last)
{
	static const struct plx_dma_range ranges[] = {
		{0, 100 * 4096 - 1}, {120 * 4096, 130 * 4096 - 1}, {200 * 4096, 400 * 4096 - 1}};
	unsigned lens[PAGES] = {0}, within = 0;

	memset(used, 0, sizeof(used));
	memset(allowed, 0, sizeof(allowed));
	set_ranges(ranges, 3);
	if (kept_last)
		space.kept =
			(struct plx_iova_span){kept_first * 4096ULL, (kept_last + 1) * 4096ULL - 1};
	for (unsigned r = 0; r < 3; r++)
		for (uint64_t p = ranges[r].first / 4096; p <= ranges[r].last / 4096; p++)
			allowed[p] = p != 0;
	for (int round = 0; round < 100000; round++) {
		unsigned len = 1 + (unsigned)draw() % 12, limit = (unsigned)draw() % PAGES;
		uint64_t at = 0;
		int best = -1, ret;

		if (draw() % 2) {
			unsigned page = (unsigned)draw() % PAGES;

			if (!lens[page])
				continue;
			cr_assert_eq(plx_iova_space_give(&space, page * 4096ULL), 0);
			memset(&used[page], 0, lens[page]);
			lens[page] = 0;
			continue;
		}
		if (kept_last)
			best = best_place((int)len, (int)limit, (int)kept_last + 1, PAGES);
		if (kept_last && best < 0)
			best = best_place((int)len, (int)limit, 1, (int)kept_first - 1);
		within += best < 0;
		if (best < 0)
			best = best_place((int)len, (int)limit, 1, PAGES);
		ret = plx_iova_space_find(&space, len * 4096ULL, 4096, (limit + 1) * 4096ULL - 1,
					  &at);
		cr_assert_eq(ret, best < 0 ? -ENOSPC : 0, "round %d: %d", round, ret);
		if (ret)
			continue;
		cr_assert_eq(at, (uint64_t)best * 4096, "round %d: %#jx, best %d", round,
			     (uintmax_t)at, best);
		memset(&used[best], 1, len);
		lens[best] = len;
	}
	cr_expect_gt(within, 100, "%u", within);
	plx_iova_space_fini(&space);
}

Test(bus_cfg, places_as_a_model_has_them)
{
	rng = rng_start("bus_cfg");
	compare_with_model(0, 0);
	compare_with_model(90, 300);
	compare_with_model(250, 260);
	compare_with_model(350, 500);
}
