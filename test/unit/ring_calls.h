/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All ways into and out of a ring behind two functions, and rings whose indices start anywhere.
 */
#ifndef TEST_RING_CALLS_H
#define TEST_RING_CALLS_H

#include <pollux/ring.h>
#include <stdlib.h>
#include <string.h>

/* The ways of one side: bulk, burst, single, span (reserve, set, commit; peek, get, advance). */
enum way {
	SINGLE_BULK,
	SINGLE_BURST,
	SINGLE_ONE,
	SINGLE_SPAN,
	MULTI_BULK,
	MULTI_BURST,
	MULTI_ONE,
	MULTI_SPAN,
	NB_WAYS,
};

static const char *const way_names[] = {"s bulk", "s burst", "s one", "s span",
					"m bulk", "m burst", "m one", "m span"};

static inline bool is_multi(enum way way)
{
	return way >= MULTI_BULK;
}

static inline bool is_bulk(enum way way)
{
	return way == SINGLE_BULK || way == MULTI_BULK;
}

static inline bool is_one(enum way way)
{
	return way == SINGLE_ONE || way == MULTI_ONE;
}

static inline uint32_t put_span(struct plx_ring *ring, bool multi, void *const *objs, uint32_t n)
{
	struct plx_ring_span span = {0};

	n = multi ? plx_ring_mp_reserve(ring, n, &span) : plx_ring_sp_reserve(ring, n, &span);
	for (uint32_t i = 0; i < n; i++)
		plx_ring_span_set(&span, i, objs[i]);
	if (n > 0 && multi)
		plx_ring_mp_commit(ring, n);
	else if (n > 0)
		plx_ring_sp_commit(ring, n);
	return n;
}

static inline uint32_t get_span(struct plx_ring *ring, bool multi, void **objs, uint32_t n)
{
	struct plx_ring_span span = {0};

	n = multi ? plx_ring_mc_peek(ring, n, &span) : plx_ring_sc_peek(ring, n, &span);
	for (uint32_t i = 0; i < n; i++)
		objs[i] = plx_ring_span_get(&span, i);
	if (n > 0 && multi)
		plx_ring_mc_advance(ring, n);
	else if (n > 0)
		plx_ring_sc_advance(ring, n);
	return n;
}

/* @n has to be 1 for the single-pointer ways. */
static inline uint32_t put(struct plx_ring *ring, enum way way, void *const *objs, uint32_t n)
{
	switch (way) {
	case SINGLE_BULK:
		return plx_ring_sp_enqueue_bulk(ring, objs, n);
	case SINGLE_BURST:
		return plx_ring_sp_enqueue_burst(ring, objs, n);
	case SINGLE_ONE:
		return plx_ring_sp_enqueue(ring, objs[0]);
	case MULTI_BULK:
		return plx_ring_mp_enqueue_bulk(ring, objs, n);
	case MULTI_BURST:
		return plx_ring_mp_enqueue_burst(ring, objs, n);
	case MULTI_ONE:
		return plx_ring_mp_enqueue(ring, objs[0]);
	default:
		return put_span(ring, is_multi(way), objs, n);
	}
}

static inline uint32_t get(struct plx_ring *ring, enum way way, void **objs, uint32_t n)
{
	switch (way) {
	case SINGLE_BULK:
		return plx_ring_sc_dequeue_bulk(ring, objs, n);
	case SINGLE_BURST:
		return plx_ring_sc_dequeue_burst(ring, objs, n);
	case SINGLE_ONE:
		return plx_ring_sc_dequeue(ring, objs);
	case MULTI_BULK:
		return plx_ring_mc_dequeue_bulk(ring, objs, n);
	case MULTI_BURST:
		return plx_ring_mc_dequeue_burst(ring, objs, n);
	case MULTI_ONE:
		return plx_ring_mc_dequeue(ring, objs);
	default:
		return get_span(ring, is_multi(way), objs, n);
	}
}

/* What a call of this way returns when @room entries could be moved and @n are asked for. */
static inline uint32_t want_of(enum way way, uint32_t room, uint32_t n)
{
	if (is_bulk(way) || is_one(way))
		return n <= room ? n : 0;
	return n < room ? n : room;
}

static inline struct plx_ring *ring_new(const char *name, uint32_t size)
{
	struct plx_ring *ring = aligned_alloc(PLX_CACHE_LINE, plx_ring_bytes(size));

	if (ring && plx_ring_init(ring, name, size) != 0) {
		free(ring);
		ring = NULL;
	}
	return ring;
}

/*
 * Make an empty ring what it is after @index NULLs went through: both indices there, and in each
 * slot the mark of the last entry that was in it.
 */
static inline void ring_start_at(struct plx_ring *ring, uint32_t index)
{
	plx_ring_reset(ring);
	ring->prod.head = index;
	ring->prod.limit = index + ring->size;
	ring->cons.tail = index;
	ring->tail = index;
	for (uint32_t back = 1; back <= ring->size; back++)
		ring->slots[(index - back) & ring->mask] = plx_ring_mark_(index - back, ring->size);
}

#endif
