/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings of pointers between threads, on the caller's memory, with a power of two of slots.
 *
 * One ring, four ways in: producers call plx_ring_sp_* (one thread at a time) or plx_ring_mp_*
 * (any number), consumers plx_ring_sc_* or plx_ring_mc_*. The two sides choose on their own; on
 * one side, `s` and `m` calls must not be mixed while more than one thread is there.
 *
 * bulk  all of the n pointers or none      burst  as many as there are, up to n
 *
 * How it works. Bit 63 of a slot is the lap's mark: it is written together with the pointer and has
 * the other value in each round, so a consumer sees by the slot alone that it is filled, and the
 * producers' index never travels between the CPUs. The consumers' index does, and producers look
 * at it only when the ring seems full. A pointer has therefore to have bit 63 clear, as every
 * user-space address on x86-64 and arm64 has (memory-tagged ones aside); NULL is a legal entry.
 *
 * A multi-thread side is serialised by a flag that is held for the copy of one bulk; nobody waits
 * without bound for a thread that was preempted while holding it: such a call returns 0.
 */
#ifndef POLLUX_RING_H
#define POLLUX_RING_H

#include <pollux/atomic.h>
#include <pollux/bits.h>
#include <pollux/compiler.h>
#include <stdbool.h>
#include <stdio.h>

PLX_BEGIN_DECLS

enum {
	PLX_RING_NAME_MAX = 32,	     /* bytes, with the ending zero */
	PLX_RING_SIZE_MAX = 1 << 30, /* slots */
	PLX_RING_RETRIES = 256,	     /* looks at a side that is held; some 10 us */
};

#define PLX_RING_MARK (UINT64_C(1) << 63) /* in a slot */
#define PLX_RING_HELD (UINT64_C(1) << 32) /* in place of an index: a thread is at work there */

/*
 * Written by: (p) the producer that holds the side, (c) the consumer that holds the side. Each
 * group has its cache line, and a guard line after it keeps the adjacent-line prefetcher away.
 */
struct plx_ring {
	char name[PLX_RING_NAME_MAX] PLX_CACHE_ALIGNED;
	uint32_t size; /* slots, a power of two */
	uint32_t mask; /* size - 1 */
	char guard0[PLX_CACHE_LINE];

	struct {
		uint64_t head;	   /* (p) next slot to fill, runs free; or PLX_RING_HELD */
		uint32_t limit;	   /* (p) may fill up to here: the consumers' tail as seen + size */
		uint32_t reserved; /* (p) head while slots are reserved, and how many are */
		uint32_t nb_reserved;
	} prod PLX_CACHE_ALIGNED;
	char guard1[PLX_CACHE_LINE];

	struct {
		uint64_t tail;	 /* (c) next slot to empty, runs free; or PLX_RING_HELD */
		uint32_t peeked; /* (c) tail while entries are peeked at, and how many are */
		uint32_t nb_peeked;
	} cons PLX_CACHE_ALIGNED;
	char guard2[PLX_CACHE_LINE];

	uint32_t tail PLX_CACHE_ALIGNED; /* (c) cons.tail, published to the producers */
	char guard3[PLX_CACHE_LINE];

	uint64_t slots[] PLX_CACHE_ALIGNED; /* pointer | mark of the lap */
};

/**
 * Slots of a ring that were reserved or peeked at, in the ring's order; see plx_ring_sp_reserve().
 * Read and written by plx_ring_span_get() and plx_ring_span_set() only.
 */
struct plx_ring_span {
	uint64_t *slots;
	uint32_t mask;
	uint32_t first; /* free-running index of entry 0 */
	uint32_t nb;	/* entries */
};

/* ---- Life ---- */

/**
 * Bytes of memory that a ring wants, a multiple of PLX_CACHE_LINE.
 *
 * @size   slots: a power of two       [2, PLX_RING_SIZE_MAX]
 * Returns the bytes, or 0 for a size that is not allowed.
 * Thread  any.
 */
PLX_API size_t plx_ring_bytes(uint32_t size);

/**
 * Make an empty ring on the caller's memory. All @size slots are usable.
 *
 * @ring   plx_ring_bytes(@size) bytes, aligned to PLX_CACHE_LINE
 * @name   for dumps and log lines     [1, PLX_RING_NAME_MAX - 1] bytes
 * @size   slots: a power of two       [2, PLX_RING_SIZE_MAX]
 * Returns 0, -EINVAL (size, name, NULL or misaligned memory), -ENAMETOOLONG.
 * Owner   the memory stays the caller's; there is nothing to undo before it is given back.
 * Thread  one, before any other uses the ring.
 */
PLX_API PLX_MUST_CHECK int plx_ring_init(struct plx_ring *ring, const char *name, uint32_t size);

/**
 * Forget all entries and free a side whose holder died. The pointers in the ring are lost.
 * Thread  one, while no other uses the ring.
 */
PLX_API void plx_ring_reset(struct plx_ring *ring);

/** Write size, indices and holders to @out for a human. Any thread; a snapshot. */
PLX_API void plx_ring_dump(const struct plx_ring *ring, FILE *out);

/* ---- State: exact while the ring is quiet, late by some entries otherwise. Any thread. ---- */

/** Slots of the ring; all can be in use. */
PLX_INLINE uint32_t plx_ring_size(const struct plx_ring *ring)
{
	return ring->size;
}

/* While a producer holds the head: find it by the slots' marks. */
PLX_API PLX_COLD uint32_t plx_ring_count_slow_(const struct plx_ring *ring, uint32_t tail);

/** Entries in the ring [0, size]. */
PLX_INLINE uint32_t plx_ring_count(const struct plx_ring *ring)
{
	uint32_t tail = plx_load_acquire(&ring->tail);
	uint64_t head = plx_load_acquire(&ring->prod.head);
	uint32_t count = (uint32_t)head - tail;

	if (plx_unlikely(head == PLX_RING_HELD))
		return plx_ring_count_slow_(ring, tail);
	/* A consumer may be past the head of a producer that has filled but not yet published. */
	if (plx_unlikely((int32_t)count < 0))
		return 0;
	/* The two are read one after the other: entries that came and went between count once. */
	return count > ring->size ? ring->size : count;
}

/** Slots without an entry [0, size]. */
PLX_INLINE uint32_t plx_ring_free_count(const struct plx_ring *ring)
{
	return ring->size - plx_ring_count(ring);
}

PLX_INLINE bool plx_ring_is_empty(const struct plx_ring *ring)
{
	return plx_ring_count(ring) == 0;
}

PLX_INLINE bool plx_ring_is_full(const struct plx_ring *ring)
{
	return plx_ring_count(ring) == ring->size;
}

/* ---- What the calls below are made of ---- */

/* The mark that entry @index carries: set in even laps, since a new ring's slots are 0. */
PLX_INLINE uint64_t plx_ring_mark_(uint32_t index, uint32_t size)
{
	return (uint64_t)((index & size) == 0) << 63;
}

/* Misuse of the data path, found in builds with PLX_CHECK: one rate-limited log line. */
PLX_API PLX_COLD void plx_ring_complain_(const struct plx_ring *ring, const char *what);

/* The side is held by another: look again, PLX_RING_RETRIES times. */
PLX_API PLX_COLD uint64_t plx_ring_hold_slow_(uint64_t *side);

/*
 * Take one side, prod.head or cons.tail. Returns its index, or PLX_RING_HELD: it was held all the
 * time (multi), or by somebody although it is single (checked builds). One exchange takes the index
 * out and leaves the flag; the store of the next index gives the side back.
 */
PLX_INLINE uint64_t plx_ring_hold_(struct plx_ring *ring, uint64_t *side, bool multi)
{
	uint64_t index;

	(void)ring;
	if (!multi && !PLX_CHECK)
		return plx_load_relaxed(side);
	/* Acquire: pairs with the release in plx_ring_let_go_() of whoever held the side before. */
	index = plx_exchange_acquire(side, PLX_RING_HELD);
	if (plx_likely(index != PLX_RING_HELD))
		return index;
	if (multi)
		return plx_ring_hold_slow_(side);
	plx_ring_complain_(ring, "two threads at once in a single-thread call");
	return PLX_RING_HELD;
}

/* Leave the side with a new index, or with the old one. */
PLX_INLINE void plx_ring_let_go_(uint64_t *side, uint32_t index)
{
	plx_store_release(side, index);
}

/* Free slots as the producer knows them; looks at the consumers only when they are fewer than n. */
PLX_INLINE uint32_t plx_ring_room_(struct plx_ring *ring, uint32_t head, uint32_t n)
{
	uint32_t limit = ring->prod.limit;

	if (plx_unlikely(limit - head < n)) {
		/* Acquire: pairs with the release in plx_ring_retire_(): they are read out. */
		limit = plx_load_acquire(&ring->tail) + ring->size;
		plx_store_relaxed(&ring->prod.limit, limit);
	}
	return limit - head;
}

/*
 * Slots are written and read several at once where the CPU keeps stores in order (x86-64), which is
 * what release and acquire come down to there; else, and under ThreadSanitizer, one by one. What is
 * aligned is one store, or two in the order of the addresses on CPUs whose paths are 16 bytes wide.
 */
#if defined(PLX_TSAN)
#define PLX_RING_LANES 1
#elif defined(__AVX2__)
#define PLX_RING_LANES 4
#elif defined(__SSE2__)
#define PLX_RING_LANES 2
#else
#define PLX_RING_LANES 1
#endif

#if PLX_RING_LANES > 1
typedef uint64_t plx_ring_lanes_ __attribute__((vector_size(8 * PLX_RING_LANES), may_alias));
typedef uint64_t plx_ring_loose_lanes_
	__attribute__((vector_size(8 * PLX_RING_LANES), may_alias, aligned(8)));

PLX_INLINE void plx_ring_fill_eight_(uint64_t *slots, void *const *objs, uint64_t mark)
{
	const plx_ring_lanes_ none = {0}, marks = none | mark;
	const plx_ring_loose_lanes_ *from = (const plx_ring_loose_lanes_ *)(const void *)objs;
	volatile plx_ring_lanes_ *to = (volatile plx_ring_lanes_ *)(void *)slots;

	to[0] = from[0] | marks;
	to[1] = from[1] | marks;
#if PLX_RING_LANES == 2
	to[2] = from[2] | marks;
	to[3] = from[3] | marks;
#endif
}

PLX_INLINE void plx_ring_empty_eight_(void **objs, const uint64_t *slots)
{
	const plx_ring_lanes_ none = {0}, bits = none | ~PLX_RING_MARK;
	const plx_ring_lanes_ *from = (const plx_ring_lanes_ *)(const void *)slots;
	plx_ring_loose_lanes_ *to = (plx_ring_loose_lanes_ *)(void *)objs;

	to[0] = from[0] & bits;
	to[1] = from[1] & bits;
#if PLX_RING_LANES == 2
	to[2] = from[2] & bits;
	to[3] = from[3] & bits;
#endif
}
#endif

/* Release, on each slot: pairs with the acquire in plx_ring_filled_(); any slot may be probed. */
PLX_INLINE void plx_ring_fill_(uint64_t *slots, void *const *objs, uint32_t n, uint64_t mark)
{
#if PLX_RING_LANES > 1
	for (; n > 0 && plx_unlikely((uintptr_t)slots % sizeof(plx_ring_lanes_)); n--)
		plx_store_release(slots++, (uint64_t)(uintptr_t)*objs++ | mark);
	__asm__ volatile("" ::: "memory"); /* the objects' content is written before */
	for (; n >= 32; n -= 32, slots += 32, objs += 32) {
		plx_ring_fill_eight_(slots, objs, mark);
		plx_ring_fill_eight_(slots + 8, objs + 8, mark);
		plx_ring_fill_eight_(slots + 16, objs + 16, mark);
		plx_ring_fill_eight_(slots + 24, objs + 24, mark);
	}
	for (; n >= 8; n -= 8, slots += 8, objs += 8)
		plx_ring_fill_eight_(slots, objs, mark);
#endif
	for (; n > 0; n--)
		plx_store_release(slots++, (uint64_t)(uintptr_t)*objs++ | mark);
}

PLX_INLINE void plx_ring_empty_(void **objs, const uint64_t *slots, uint32_t n)
{
#if PLX_RING_LANES > 1
	for (; n > 0 && plx_unlikely((uintptr_t)slots % sizeof(plx_ring_lanes_)); n--)
		*objs++ = (void *)(uintptr_t)(*slots++ & ~PLX_RING_MARK);
	for (; n >= 32; n -= 32, slots += 32, objs += 32) {
		plx_ring_empty_eight_(objs, slots);
		plx_ring_empty_eight_(objs + 8, slots + 8);
		plx_ring_empty_eight_(objs + 16, slots + 16);
		plx_ring_empty_eight_(objs + 24, slots + 24);
	}
	for (; n >= 8; n -= 8, slots += 8, objs += 8)
		plx_ring_empty_eight_(objs, slots);
#endif
	for (; n > 0; n--)
		*objs++ = (void *)(uintptr_t)(*slots++ & ~PLX_RING_MARK);
}

/* True when entry @index is there, and with it all before it. */
PLX_INLINE bool plx_ring_filled_(const struct plx_ring *ring, uint32_t index)
{
	uint64_t slot = plx_load_acquire(&ring->slots[index & ring->mask]);

	return (slot & PLX_RING_MARK) == plx_ring_mark_(index, ring->size);
}

/* The consumer is done with entries up to @tail, and with its side. */
PLX_INLINE void plx_ring_retire_(struct plx_ring *ring, uint32_t tail)
{
	/* Release: pairs with the acquire in plx_ring_room_(). */
	plx_store_release(&ring->tail, tail);
	plx_ring_let_go_(&ring->cons.tail, tail);
}

PLX_INLINE bool plx_ring_objs_ok_(const struct plx_ring *ring, void *const *objs, uint32_t n)
{
#if PLX_CHECK
	for (uint32_t i = 0; i < n; i++) {
		if ((uint64_t)(uintptr_t)objs[i] & PLX_RING_MARK) {
			plx_ring_complain_(ring, "a pointer with bit 63 set");
			return false;
		}
	}
#endif
	(void)ring;
	(void)objs;
	(void)n;
	return true;
}

/* Entries ready from @tail on, up to @n. */
PLX_API uint32_t plx_ring_ready_(const struct plx_ring *ring, uint32_t tail, uint32_t n);

/* The rare halves: over the ring's end, or not enough there. The caller holds the side; they let
 * go. */
PLX_API PLX_COLD uint32_t plx_ring_enqueue_rest_(struct plx_ring *ring, void *const *objs,
						 uint32_t n, bool burst, uint32_t head);
PLX_API PLX_COLD uint32_t plx_ring_dequeue_rest_(struct plx_ring *ring, void **objs, uint32_t n,
						 uint32_t tail);

/* A burst that does not get all of n, which is not rare at all. */
PLX_API PLX_NOINLINE uint32_t plx_ring_dequeue_some_(struct plx_ring *ring, void **objs, uint32_t n,
						     uint32_t tail);

/* What is guessed for a side with several threads must not be read after what is read by it; for
 * one with a single thread it is no guess. */
PLX_INLINE uint64_t plx_ring_guess_(const uint64_t *side, bool multi)
{
	return multi ? plx_load_acquire(side) : plx_load_relaxed(side);
}

/*
 * On x86 no load overtakes a locked instruction, and what depends on its result waits for it: so
 * all that can be known before the side is taken is read and worked out from a guess at the index,
 * which taking the side confirms. (A guess that is right by chance is 2^32 entries old.)
 */
PLX_INLINE uint32_t plx_ring_enqueue_(struct plx_ring *ring, void *const *objs, uint32_t n,
				      bool burst, bool multi)
{
	uint32_t mask = ring->mask, size = ring->size;
	uint64_t guess = plx_ring_guess_(&ring->prod.head, multi), index = guess;
	uint32_t head = (uint32_t)guess;
	uint32_t room = plx_load_relaxed(&ring->prod.limit) - head; /* no limit shrinks */
	uint64_t mark = plx_ring_mark_(head, size);
	uint64_t *slots = &ring->slots[head & mask];
	bool fits = n <= room && (!multi || room <= size) && (n == 1 || n <= size - (head & mask));

	if (!plx_ring_objs_ok_(ring, objs, n))
		return 0;
	if (multi || PLX_CHECK) {
		index = plx_ring_hold_(ring, &ring->prod.head, multi);
		if (plx_unlikely(index == PLX_RING_HELD))
			return 0;
	}
	if (plx_unlikely(index != guess || !fits))
		return plx_ring_enqueue_rest_(ring, objs, n, burst, (uint32_t)index);
	plx_ring_fill_(slots, objs, n, mark);
	plx_ring_let_go_(&ring->prod.head, head + n);
	return n;
}

PLX_INLINE uint32_t plx_ring_dequeue_(struct plx_ring *ring, void **objs, uint32_t n, bool burst,
				      bool multi)
{
	uint32_t mask = ring->mask, size = ring->size;
	uint64_t guess = plx_ring_guess_(&ring->cons.tail, multi), index = guess;
	uint32_t tail = (uint32_t)guess;
	uint64_t last;
	bool there;

	if (plx_unlikely(n == 0))
		return 0;
	/* Acquire: pairs with the release in plx_ring_fill_(); the last one there, all are. With
	 * the right mark taken out, bit 63 is clear and the pointer is left. */
	last = plx_load_acquire(&ring->slots[(tail + n - 1) & mask]) ^
	       plx_ring_mark_(tail + n - 1, size);
	there = !(last & PLX_RING_MARK) && (n == 1 || n <= size - (tail & mask));
	if (multi || PLX_CHECK) {
		index = plx_ring_hold_(ring, &ring->cons.tail, multi);
		if (plx_unlikely(index == PLX_RING_HELD))
			return 0;
	}
	if (plx_unlikely(index != guess || !there))
		return burst ? plx_ring_dequeue_some_(ring, objs, n, (uint32_t)index)
			     : plx_ring_dequeue_rest_(ring, objs, n, (uint32_t)index);
	if (n == 1)
		*objs = (void *)(uintptr_t)last;
	else
		plx_ring_empty_(objs, &ring->slots[tail & mask], n);
	plx_ring_retire_(ring, tail + n);
	return n;
}

/* ---- One producer thread ---- */

/**
 * How many pointers plx_ring_sp_enqueue_burst() would take now. Looks at the consumers only when it
 * knows of fewer than @n free slots.
 *
 * @n      pointers that are to go in   [0, size]
 * Returns free slots: @n or more, or exactly how many when they are fewer than @n.
 * Thread  the producer's.
 */
PLX_INLINE uint32_t plx_ring_sp_room(struct plx_ring *ring, uint32_t n)
{
	return plx_ring_room_(ring, (uint32_t)plx_load_relaxed(&ring->prod.head), n);
}

/**
 * Put pointers into the ring. Never blocks.
 *
 * @ring   an initialised ring
 * @objs   @n pointers with bit 63 clear; NULL is legal
 * @n      pointers                     [0, size]; more than size: bulk 0, burst up to size
 * Returns how many went in: bulk 0 or @n, burst 0..@n, single 0 or 1. Fewer: the ring is full.
 *         PLX_CHECK builds also return 0, with a log line, when two threads meet here.
 * Owner   what the pointers mean goes over to the consumer.
 * Thread  one producer at a time; no lock, one release store a pointer.
 */
PLX_INLINE uint32_t plx_ring_sp_enqueue_bulk(struct plx_ring *ring, void *const *objs, uint32_t n)
{
	return plx_ring_enqueue_(ring, objs, n, false, false);
}

/** As plx_ring_sp_enqueue_bulk(), as many as fit. */
PLX_INLINE uint32_t plx_ring_sp_enqueue_burst(struct plx_ring *ring, void *const *objs, uint32_t n)
{
	return plx_ring_enqueue_(ring, objs, n, true, false);
}

/** As plx_ring_sp_enqueue_bulk(), one pointer. */
PLX_INLINE uint32_t plx_ring_sp_enqueue(struct plx_ring *ring, void *obj)
{
	return plx_ring_enqueue_(ring, &obj, 1, false, false);
}

/* ---- Any number of producer threads ---- */

/**
 * Put pointers into the ring, from any thread.
 *
 * Arguments and owner as plx_ring_sp_enqueue_bulk().
 * Returns bulk 0 or @n, burst 0..@n, single 0 or 1. 0 also when another producer held the side for
 *         all of PLX_RING_RETRIES looks (it was preempted): try again later.
 * Thread  any number; the wait for each other is bounded.
 */
PLX_INLINE uint32_t plx_ring_mp_enqueue_bulk(struct plx_ring *ring, void *const *objs, uint32_t n)
{
	return plx_ring_enqueue_(ring, objs, n, false, true);
}

/** As plx_ring_mp_enqueue_bulk(), as many as fit. */
PLX_INLINE uint32_t plx_ring_mp_enqueue_burst(struct plx_ring *ring, void *const *objs, uint32_t n)
{
	return plx_ring_enqueue_(ring, objs, n, true, true);
}

/** As plx_ring_mp_enqueue_bulk(), one pointer. */
PLX_INLINE uint32_t plx_ring_mp_enqueue(struct plx_ring *ring, void *obj)
{
	return plx_ring_enqueue_(ring, &obj, 1, false, true);
}

/* ---- One consumer thread ---- */

/**
 * Take pointers out of the ring, oldest first. Never blocks.
 *
 * @ring   an initialised ring
 * @objs   out: room for @n pointers; entries [0, ret) are the result, the others are undefined
 * @n      pointers wanted              [0, size]; more than size: bulk 0, burst up to size
 * Returns how many came out: bulk 0 or @n, burst 0..@n, single 0 or 1. Fewer: the ring is drained.
 *         PLX_CHECK builds also return 0, with a log line, when two threads meet here.
 * Owner   what the pointers mean is the caller's now.
 * Thread  one consumer at a time; no lock.
 */
PLX_INLINE uint32_t plx_ring_sc_dequeue_bulk(struct plx_ring *ring, void **objs, uint32_t n)
{
	return plx_ring_dequeue_(ring, objs, n, false, false);
}

/** As plx_ring_sc_dequeue_bulk(), as many as there are. */
PLX_INLINE uint32_t plx_ring_sc_dequeue_burst(struct plx_ring *ring, void **objs, uint32_t n)
{
	return plx_ring_dequeue_(ring, objs, n, true, false);
}

/** As plx_ring_sc_dequeue_bulk(), one pointer into *@obj. */
PLX_INLINE uint32_t plx_ring_sc_dequeue(struct plx_ring *ring, void **obj)
{
	return plx_ring_dequeue_(ring, obj, 1, false, false);
}

/* ---- Any number of consumer threads ---- */

/**
 * Take pointers out of the ring, from any thread.
 *
 * Arguments and owner as plx_ring_sc_dequeue_bulk().
 * Returns bulk 0 or @n, burst 0..@n, single 0 or 1. 0 also when another consumer held the side for
 *         all of PLX_RING_RETRIES looks (it was preempted): try again later.
 * Thread  any number; the wait for each other is bounded.
 */
PLX_INLINE uint32_t plx_ring_mc_dequeue_bulk(struct plx_ring *ring, void **objs, uint32_t n)
{
	return plx_ring_dequeue_(ring, objs, n, false, true);
}

/** As plx_ring_mc_dequeue_bulk(), as many as there are. */
PLX_INLINE uint32_t plx_ring_mc_dequeue_burst(struct plx_ring *ring, void **objs, uint32_t n)
{
	return plx_ring_dequeue_(ring, objs, n, true, true);
}

/** As plx_ring_mc_dequeue_bulk(), one pointer into *@obj. */
PLX_INLINE uint32_t plx_ring_mc_dequeue(struct plx_ring *ring, void **obj)
{
	return plx_ring_dequeue_(ring, obj, 1, false, true);
}

/* ---- Without a copy: write into the slots, read out of the slots ---- */

/** Entry @i of a span that was peeked at. @i in [0, span->nb). Thread: the span's. */
PLX_INLINE void *plx_ring_span_get(const struct plx_ring_span *span, uint32_t i)
{
	uint64_t slot = plx_load_relaxed(&span->slots[(span->first + i) & span->mask]);

	return (void *)(uintptr_t)(slot & ~PLX_RING_MARK);
}

/** Set entry @i of a span that was reserved; unseen until committed. @i in [0, span->nb). */
PLX_INLINE void plx_ring_span_set(const struct plx_ring_span *span, uint32_t i, void *obj)
{
	uint64_t *slot = &span->slots[(span->first + i) & span->mask];

#if PLX_CHECK
	if (i >= span->nb || (uint64_t)(uintptr_t)obj & PLX_RING_MARK) {
		plx_ring_complain_(NULL,
				   "span_set beyond the span, or of a pointer with bit 63 set");
		return;
	}
#endif
	/* Keeps the mark of the last lap: "not filled". */
	plx_store_relaxed(slot,
			  (uint64_t)(uintptr_t)obj | (plx_load_relaxed(slot) & PLX_RING_MARK));
}

/* Checked builds: no more is committed or consumed than was reserved or peeked at. */
PLX_INLINE uint32_t plx_ring_claim_(const struct plx_ring *ring, uint32_t *nb, uint32_t n)
{
	(void)ring;
#if PLX_CHECK
	if (n > *nb) {
		plx_ring_complain_(ring,
				   "more is committed or advanced than was reserved or peeked at");
		n = *nb;
	}
	*nb = 0;
#endif
	(void)nb;
	return n;
}

PLX_INLINE uint32_t plx_ring_reserve_(struct plx_ring *ring, uint32_t n, struct plx_ring_span *span,
				      bool multi)
{
	uint64_t index = plx_ring_hold_(ring, &ring->prod.head, multi);
	uint32_t head = (uint32_t)index;
	uint32_t room;

	*span = (struct plx_ring_span){ring->slots, ring->mask, head, 0};
	if (index == PLX_RING_HELD)
		return 0;
	room = plx_ring_room_(ring, head, n);
	n = n < room ? n : room;
	span->nb = n;
	ring->prod.reserved = head;
	ring->prod.nb_reserved = n;
	if (n == 0)
		plx_ring_let_go_(&ring->prod.head, head);
	return n;
}

PLX_INLINE void plx_ring_commit_(struct plx_ring *ring, uint32_t n)
{
	uint32_t head = ring->prod.reserved;

	n = plx_ring_claim_(ring, &ring->prod.nb_reserved, n);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t *slot = &ring->slots[(head + i) & ring->mask];
		uint64_t obj = plx_load_relaxed(slot) & ~PLX_RING_MARK;

		/* Release: pairs with the acquire in plx_ring_filled_(). */
		plx_store_release(slot, obj | plx_ring_mark_(head + i, ring->size));
	}
	plx_ring_let_go_(&ring->prod.head, head + n);
}

PLX_INLINE uint32_t plx_ring_peek_(struct plx_ring *ring, uint32_t n, struct plx_ring_span *span,
				   bool multi)
{
	uint64_t index = plx_ring_hold_(ring, &ring->cons.tail, multi);
	uint32_t tail = (uint32_t)index;

	*span = (struct plx_ring_span){ring->slots, ring->mask, tail, 0};
	if (index == PLX_RING_HELD)
		return 0;
	n = plx_ring_ready_(ring, tail, n);
	span->nb = n;
	ring->cons.peeked = tail;
	ring->cons.nb_peeked = n;
	if (n == 0)
		plx_ring_let_go_(&ring->cons.tail, tail);
	return n;
}

PLX_INLINE void plx_ring_advance_(struct plx_ring *ring, uint32_t n)
{
	n = plx_ring_claim_(ring, &ring->cons.nb_peeked, n);
	plx_ring_retire_(ring, ring->cons.peeked + n);
}

/**
 * Reserve slots, to be filled in place with plx_ring_span_set() and then committed.
 *
 * @n      slots wanted                 [1, size]
 * @span   out: the slots, none when 0 is returned; valid until the commit
 * Returns slots reserved 0..@n (`burst`). 0: the ring is full, or (mp) the side was held; then
 *         there is nothing to commit.
 * Owner   [0, ret) of the span is the caller's until plx_ring_*_commit(), which must follow; the mp
 *         form keeps all other producers out until then, so be quick.
 * Thread  as plx_ring_sp_enqueue_bulk() and plx_ring_mp_enqueue_bulk(); commit in the same thread.
 */
PLX_INLINE uint32_t plx_ring_sp_reserve(struct plx_ring *ring, uint32_t n,
					struct plx_ring_span *span)
{
	return plx_ring_reserve_(ring, n, span, false);
}

PLX_INLINE uint32_t plx_ring_mp_reserve(struct plx_ring *ring, uint32_t n,
					struct plx_ring_span *span)
{
	return plx_ring_reserve_(ring, n, span, true);
}

/**
 * Give the first @n reserved slots to the consumers; the others are as if never reserved.
 *
 * @n      entries that were set        [0, what reserve returned]
 * Thread  the one that reserved.
 */
PLX_INLINE void plx_ring_sp_commit(struct plx_ring *ring, uint32_t n)
{
	plx_ring_commit_(ring, n);
}

PLX_INLINE void plx_ring_mp_commit(struct plx_ring *ring, uint32_t n)
{
	plx_ring_commit_(ring, n);
}

/**
 * Look at the oldest entries where they lie; plx_ring_span_get() reads them.
 *
 * @n      entries wanted               [1, size]
 * @span   out: the entries, none when 0 is returned; valid until the advance
 * Returns entries there 0..@n. 0: the ring is empty, or (mc) the side was held; then there is
 *         nothing to advance.
 * Owner   the entries stay in the ring until plx_ring_*_advance(), which must follow; the mc form
 *         keeps all other consumers out until then, so be quick.
 * Thread  as plx_ring_sc_dequeue_bulk() and plx_ring_mc_dequeue_bulk(); advance in the same thread.
 */
PLX_INLINE uint32_t plx_ring_sc_peek(struct plx_ring *ring, uint32_t n, struct plx_ring_span *span)
{
	return plx_ring_peek_(ring, n, span, false);
}

PLX_INLINE uint32_t plx_ring_mc_peek(struct plx_ring *ring, uint32_t n, struct plx_ring_span *span)
{
	return plx_ring_peek_(ring, n, span, true);
}

/**
 * Take the first @n entries of the span out of the ring; the others stay for the next time.
 *
 * @n      entries consumed             [0, what peek returned]
 * Thread  the one that peeked.
 */
PLX_INLINE void plx_ring_sc_advance(struct plx_ring *ring, uint32_t n)
{
	plx_ring_advance_(ring, n);
}

PLX_INLINE void plx_ring_mc_advance(struct plx_ring *ring, uint32_t n)
{
	plx_ring_advance_(ring, n);
}

PLX_END_DECLS

#endif
