/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which I/O addresses of an IOMMU's domain are taken, as an ascending array of spans that neither
 * overlap nor touch the reserved ranges. Control path: O(n) with a small n, one span a piece of
 * memory. What may lie anywhere keeps off the addresses of memory that is still to come.
 */
#include "bus_private.h"

#include <errno.h>
#include <pollux/bits.h>
#include <stdlib.h>
#include <string.h>

void plx_iova_space_fini(struct plx_iova_space *space)
{
	free(space->ranges);
	free(space->taken);
	*space = (struct plx_iova_space){0};
}

bool plx_iova_space_allows(const struct plx_iova_space *space, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < space->nb_ranges; i++)
		if (first >= space->ranges[i].first && last <= space->ranges[i].last)
			return true;
	return space->nb_ranges == 0;
}

/* The index of the first span that ends at or above @first. */
static size_t span_at(const struct plx_iova_space *space, uint64_t first)
{
	size_t low = 0, high = space->nb_taken;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (space->taken[mid].last < first)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int insert(struct plx_iova_space *space, size_t at, uint64_t first, uint64_t last)
{
	struct plx_iova_span *more;

	if (space->nb_taken == space->room) {
		size_t room = space->room ? 2 * space->room : 64;

		more = reallocarray(space->taken, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		space->taken = more;
		space->room = room;
	}
	memmove(&space->taken[at + 1], &space->taken[at],
		(space->nb_taken - at) * sizeof(*space->taken));
	space->taken[at] = (struct plx_iova_span){first, last};
	space->nb_taken++;
	return 0;
}

int plx_iova_space_take(struct plx_iova_space *space, uint64_t first, uint64_t len)
{
	uint64_t last = first + len - 1;
	size_t at;

	if (len == 0 || last < first || !plx_iova_space_allows(space, first, last))
		return -ERANGE;
	at = span_at(space, first);
	if (at < space->nb_taken && space->taken[at].first <= last)
		return -EEXIST;
	return insert(space, at, first, last);
}

/* The highest place within [low, high], which holds nothing that is taken. False: none. */
static bool place(uint64_t low, uint64_t high, uint64_t len, uint64_t align, uint64_t *first)
{
	if (high < low || high - low < len - 1)
		return false;
	*first = (high - (len - 1)) & ~(align - 1);
	return *first >= low;
}

/* The same within a range, between what is taken. */
static bool find_in(const struct plx_iova_space *space, const struct plx_dma_range *range,
		    uint64_t len, uint64_t align, uint64_t *first)
{
	size_t at = span_at(space, range->last);
	uint64_t high = range->last;

	/* Downwards: the gap below each span; the span that reaches past the range comes first. */
	if (at < space->nb_taken && space->taken[at].first <= high) {
		if (space->taken[at].first <= range->first)
			return false;
		high = space->taken[at].first - 1;
	}
	while (at > 0 && space->taken[at - 1].last >= range->first) {
		const struct plx_iova_span *below = &space->taken[--at];

		if (below->last < high && place(below->last + 1, high, len, align, first))
			return true;
		if (below->first <= range->first)
			return false;
		high = below->first - 1;
	}
	return place(range->first, high, len, align, first);
}

/* The highest place within a range and [@low, @high]. */
static bool find_between(const struct plx_iova_space *space, uint64_t low, uint64_t high,
			 uint64_t len, uint64_t align, uint64_t *first)
{
	static const struct plx_dma_range all = {0, UINT64_MAX};
	const struct plx_dma_range *ranges = space->nb_ranges ? space->ranges : &all;
	unsigned nb = space->nb_ranges ? space->nb_ranges : 1;

	for (unsigned i = nb; i-- > 0;) {
		struct plx_dma_range range = ranges[i];

		range.first = plx_max_u64(range.first, low);
		range.last = plx_min_u64(range.last, high);
		if (range.first <= range.last && find_in(space, &range, len, align, first))
			return true;
	}
	return false;
}

int plx_iova_space_find(struct plx_iova_space *space, uint64_t len, uint64_t align, uint64_t limit,
			uint64_t *first)
{
	/* 0 looks like "no address" to many a driver and device. */
	const uint64_t low = align;
	const struct plx_iova_span kept = space->kept;
	bool found = false;

	if (len == 0)
		return -ENOSPC;
	if (kept.first < kept.last) {
		if (kept.last < limit)
			found = find_between(space, plx_max_u64(low, kept.last + 1), limit, len,
					     align, first);
		if (!found && kept.first > low)
			found = find_between(space, low, plx_min_u64(limit, kept.first - 1), len,
					     align, first);
	}
	if (!found)
		found = find_between(space, low, limit, len, align, first);
	return found ? insert(space, span_at(space, *first), *first, *first + len - 1) : -ENOSPC;
}

int plx_iova_space_give(struct plx_iova_space *space, uint64_t first)
{
	size_t at = span_at(space, first);

	if (at == space->nb_taken || space->taken[at].first != first)
		return -ENOENT;
	space->nb_taken--;
	memmove(&space->taken[at], &space->taken[at + 1],
		(space->nb_taken - at) * sizeof(*space->taken));
	return 0;
}
